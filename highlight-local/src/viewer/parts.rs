//! What several pages show in the same way.

use maud::{Markup, html};

use super::{format, link};
use crate::{
    archive::{ErrorRow, LogRow, Request},
    model::{Attributes, Level},
};

/// A text field for the search of a page, and its other filters.
pub(super) fn search(action: &str, text: Option<&str>, hint: &str, others: &Markup) -> Markup {
    html! {
        form.filters role="search" action=(action) method="get" {
            label.grow {
                span.hidden { "Search" }
                input #search type="search" name="text" value=[text] placeholder=(hint) autocomplete="off" spellcheck="false";
            }
            (others)
            button type="submit" { "Search" }
        }
    }
}

/// A choice of one service, where there are several.
pub(super) fn service_filter(services: &[String], chosen: Option<&str>) -> Markup {
    html! {
        label {
            span.hidden { "Service" }
            select name="service" data-submit {
                option value="" { "all services" }
                @for service in services {
                    option value=(service) selected[Some(service.as_str()) == chosen] { (service) }
                }
            }
        }
    }
}

/// A filter that came with the link to this page; it can be taken away.
pub(super) fn pinned(name: &str, value: Option<&str>) -> Markup {
    html! {
        @if let Some(value) = value {
            label.pinned { (name) " " input type="text" name=(name) value=(value) spellcheck="false"; }
        }
    }
}

/// The way to the older rows.
pub(super) fn older(page: &str, parameters: &[(&str, &str)], next: Option<i64>) -> Markup {
    html! {
        @if let Some(next) = next {
            @let before = next.to_string();
            p.more { a href=(link::with(page, &[parameters, &[("before", before.as_str())]].concat())) data-more { "Show older" } }
        }
    }
}

pub(super) fn empty(text: &str) -> Markup {
    html! { p.empty { (text) } }
}

/// A number that matters only if it is not 0.
pub(super) fn count(count: u64, class: &str) -> Markup {
    html! {
        @if count > 0 { span class=(format!("count {class}")) { (count) } } @else { span.none { "0" } }
    }
}

pub(super) fn services(names: &[String]) -> Markup {
    html! { @for name in names { span class=(format!("chip {}", color(name))) { (name) } } }
}

/// A service has the same color on every page.
pub(super) fn color(service: &str) -> String {
    let sum =
        service.bytes().fold(2_166_136_261_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(16_777_619));
    format!("s{}", (sum >> 16) % 8)
}

pub(super) fn status(status: Option<&str>) -> Markup {
    let Some(status) = status else { return html! {} };
    let class = match (status.len(), status.as_bytes().first()) {
        (3, Some(b'5')) => "status bad",
        (3, Some(b'4')) => "status warn",
        _ => "status",
    };
    html! { span class=(class) { (status) } }
}

/// What a request was.
pub(super) fn request_name(request: &Request) -> Markup {
    html! {
        @match (&request.method, &request.route) {
            (Some(method), Some(route)) => { span.method { (method) } " " (route) },
            _ if request.name.is_empty() => { span.id { (request.trace_id) } },
            _ => (request.name),
        }
    }
}

pub(super) fn level(level: Level) -> Markup {
    html! { span class=(format!("level {level}")) { (level) } }
}

/// A log, which opens to its attributes.
pub(super) fn log(log: &LogRow) -> Markup {
    html! {
        li.log id=(format!("log-{}", log.id)) data-at=(log.time.nanos() / 1_000_000) {
            details {
                summary data-row {
                    (format::time(log.time))
                    (level(log.level))
                    span class=(format!("service {}", color(&log.service))) { (log.service) }
                    span.message { (log.message) }
                }
                div.inside {
                    p.links {
                        @if !log.trace_id.is_empty() { a href=(link::trace(&log.trace_id)) { "Trace" } }
                        @if !log.session.is_empty() { a href=(link::session(&log.session)) { "Session" } }
                        @if let Some(error) = log.error { a href=(format!("/errors/of/{error}")) { "Error" } }
                        @if log.frontend { span.note { "from the browser" } }
                    }
                    @if log.message.contains('\n') || log.message.len() > 100 { pre { (log.message) } }
                    (attributes(&log.attributes))
                }
            }
        }
    }
}

/// An error in a list.
pub(super) fn error(error: &ErrorRow) -> Markup {
    html! {
        li.log.error data-at=(error.time.nanos() / 1_000_000) {
            a.line data-row href=(link::error(error.group, error.id)) {
                (format::time(error.time))
                (level(error.level))
                span class=(format!("service {}", color(&error.service))) { (error.service) }
                span.message {
                    @if !error.type_name.is_empty() { b { (error.type_name) } " " }
                    (error.message)
                }
            }
        }
    }
}

/// Attributes, those that are the same on everything of a process folded away.
pub(super) fn attributes(attributes: &Attributes) -> Markup {
    const OF_PROCESS: [&str; 7] =
        ["telemetry.", "process.", "thread.", "host.", "os.", "deployment.", "code."];
    let is_of_process = |key: &str| OF_PROCESS.iter().any(|prefix| key.starts_with(prefix));
    let (folded, own): (Vec<_>, Vec<_>) = attributes.iter().partition(|(key, _)| is_of_process(key));
    html! {
        @if !own.is_empty() { (table(&own)) }
        @if !folded.is_empty() {
            details.more-attributes {
                summary { "▸ " (folded.len()) " of the process and the code" }
                (table(&folded))
            }
        }
    }
}

fn table(attributes: &[(&String, &String)]) -> Markup {
    html! {
        table.attributes {
            caption.hidden { "Attributes" }
            tbody {
                @for (key, value) in attributes {
                    tr { th scope="row" { (key) } td { (value) } }
                }
            }
        }
    }
}
