//! What all pages have around them.

use maud::{DOCTYPE, Markup, html};

/// Which entry of the navigation a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Sessions,
    Requests,
    Logs,
    Errors,
    Metrics,
    Dropped,
    None,
}

const TABS: [(Tab, &str, &str); 6] = [
    (Tab::Sessions, "/", "Sessions"),
    (Tab::Requests, "/requests", "Requests"),
    (Tab::Logs, "/logs", "Logs"),
    (Tab::Errors, "/errors", "Errors"),
    (Tab::Metrics, "/metrics", "Metrics"),
    (Tab::Dropped, "/dropped", "Dropped"),
];

pub(super) struct Page {
    tab: Tab,
    title: String,
    /// Below the title.
    lead: Option<Markup>,
    body: Markup,
    script: Option<&'static str>,
}

impl Page {
    pub(super) fn new(tab: Tab, title: impl Into<String>, body: Markup) -> Self {
        Self { tab, title: title.into(), lead: None, body, script: None }
    }

    pub(super) fn lead(mut self, lead: Markup) -> Self {
        self.lead = Some(lead);
        self
    }

    /// One of the program's own scripts.
    pub(super) fn script(mut self, path: &'static str) -> Self {
        self.script = Some(path);
        self
    }

    pub(super) fn render(self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · highlight" }
                    link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/assets/viewer.css";
                    script src="/assets/viewer.js" defer {}
                    @if let Some(path) = self.script { script src=(path) defer {} }
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header.top {
                        a.brand href="/" { span.mark aria-hidden="true" {} "highlight" }
                        nav aria-label="Views" {
                            ul {
                                @for (tab, path, name) in TABS {
                                    li { a href=(path) aria-current=[(tab == self.tab).then_some("page")] { (name) } }
                                }
                            }
                        }
                        p #live role="status" hidden { "live" }
                        button #help-open type="button" hidden aria-label="Keyboard shortcuts" title="Keyboard shortcuts" { "?" }
                    }
                    main #main tabindex="-1" {
                        div.title {
                            h1 { (self.title) }
                            @if let Some(lead) = self.lead { (lead) }
                        }
                        (self.body)
                    }
                    (help())
                }
            }
        }
    }
}

fn help() -> Markup {
    let keys = [
        ("j  k", "next, previous row"),
        ("enter", "open the row"),
        ("/", "search"),
        ("g then s r l e m d", "sessions, requests, logs, errors, metrics, dropped"),
        ("p", "pause, go on"),
        ("esc", "close, leave the field"),
        ("?", "this help"),
    ];
    html! {
        dialog #help aria-labelledby="help-title" {
            h2 #help-title { "Keyboard" }
            dl.keys {
                @for (key, meaning) in keys {
                    div { dt { kbd { (key) } } dd { (meaning) } }
                }
            }
            form method="dialog" { button { "Close" } }
        }
    }
}
