//! `/logs`: logs, the latest first.

use axum::extract::State;
use maud::{Markup, html};

use super::{
    Viewer,
    answer::{Answer, refused},
    page::{Page, Tab},
    parts,
};
use crate::{
    api::parameters::Parameters,
    archive::{LogQuery, LogRow, Paged},
    model::Level,
};

pub(super) async fn list(State(viewer): State<Viewer>, parameters: Parameters) -> Answer {
    let query = parameters.logs().map_err(refused)?;
    viewer
        .page(move |viewer| {
            let services = viewer.reader.services()?;
            let found = viewer.reader.logs(&query)?;
            Ok(Some(Page::new(Tab::Logs, "Logs", body(&query, &services, &found))))
        })
        .await
}

fn body(query: &LogQuery, services: &[String], found: &Paged<LogRow>) -> Markup {
    let (text, service) = (query.text.as_deref(), query.service.as_deref());
    let level = query.level.map_or("", Level::as_str);
    let others = html! {
        (level_filter(query.level))
        (parts::service_filter(services, service))
        (parts::pinned("session", query.session.as_deref()))
        (parts::pinned("trace", query.trace.as_deref()))
    };
    let parameters = [
        ("level", level),
        ("service", service.unwrap_or_default()),
        ("session", query.session.as_deref().unwrap_or_default()),
        ("trace", query.trace.as_deref().unwrap_or_default()),
        ("text", text.unwrap_or_default()),
    ];
    html! {
        (parts::search("/logs", text, "Words in message or attributes", &others))
        // What is older than a row stays as it is.
        div #rows data-live[query.page.before.is_none()] {
            @if found.items.is_empty() {
                (parts::empty(if parameters.iter().all(|(_, value)| value.is_empty()) { "No logs yet." } else { "No log is like this." }))
            }
            ol.lines { @for log in &found.items { (parts::log(log)) } }
            (parts::older("/logs", &parameters, found.next))
        }
    }
}

fn level_filter(chosen: Option<Level>) -> Markup {
    let levels = [
        (Level::Debug, "debug and worse"),
        (Level::Info, "info and worse"),
        (Level::Warn, "warn and worse"),
        (Level::Error, "error and worse"),
        (Level::Fatal, "fatal and worse"),
    ];
    html! {
        label {
            span.hidden { "Level" }
            select name="level" data-submit {
                option value="" { "all levels" }
                @for (level, name) in levels {
                    option value=(level) selected[chosen == Some(level)] { (name) }
                }
            }
        }
    }
}
