//! `/sessions/{id}`: what happened in a session.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use maud::{Markup, html};

use super::{
    Viewer,
    answer::Answer,
    format, link,
    page::{Page, Tab},
    parts,
};
use crate::{
    archive::{ErrorRow, LogRow, RecordingInfo, Request, SessionTimeline},
    timeline::plural,
};

pub(super) async fn show(State(viewer): State<Viewer>, Path(id): Path<String>) -> Answer {
    viewer
        .page(move |viewer| {
            let recording = viewer.reader.recording(&id)?;
            let Some(found) = viewer.reader.session(&id)? else {
                return Ok(recording.map(|recording| only_recorded(&recording)));
            };
            let user = found.session.user.clone().or_else(|| recording.as_ref()?.user.clone());
            let title = user.unwrap_or_else(|| "Session".to_owned());
            let body = body(&found, recording.as_ref());
            Ok(Some(Page::new(Tab::Sessions, title, body).lead(lead(&found)).script("/assets/session.js")))
        })
        .await
}

fn lead(found: &SessionTimeline) -> Markup {
    let session = &found.session;
    let lasted = session.last_seen.nanos().saturating_sub(session.first_seen.nanos());
    html! {
        p.lead { span.id { (session.id) } (parts::services(&session.services)) }
        dl.facts {
            div { dt { "First seen" } dd { (format::time(session.first_seen)) } }
            div { dt { "Lasted" } dd { (format::nanos(lasted)) } }
            div { dt { "Requests" } dd { (session.requests) } }
            div { dt { "Errors" } dd { (parts::count(session.errors, "bad")) } }
        }
    }
}

/// The browser was seen, but no service has told of it.
fn only_recorded(recording: &RecordingInfo) -> Page {
    let title = recording.user.clone().unwrap_or_else(|| "Session".to_owned());
    let body = html! {
        (player(recording))
        (parts::empty("No service has reported anything of this session. Do its requests carry x-highlight-request?"))
    };
    Page::new(Tab::Sessions, title, body)
        .lead(html! { p.lead { span.id { (recording.session_id) } } })
        .script("/assets/session.js")
}

fn player(recording: &RecordingInfo) -> Markup {
    html! {
        section.replay aria-labelledby="replay-title" data-first=(recording.first_ms) data-last=(recording.last_ms) {
            h2 #replay-title { "Replay" }
            iframe #replay title="Replay of the session" src=(link::replay(&recording.session_id))
                sandbox="allow-scripts allow-same-origin" {}
        }
    }
}

/// A request's logs and errors.
#[derive(Default)]
struct Told<'a> {
    logs: Vec<&'a LogRow>,
    errors: Vec<&'a ErrorRow>,
}

fn body(found: &SessionTimeline, recording: Option<&RecordingInfo>) -> Markup {
    let mut told: BTreeMap<&str, Told<'_>> = BTreeMap::new();
    for log in &found.logs.items {
        told.entry(&log.trace_id).or_default().logs.push(log);
    }
    for error in &found.errors.items {
        told.entry(&error.trace_id).or_default().errors.push(error);
    }
    // Newest first they came; a timeline is read downwards.
    for told in told.values_mut() {
        told.logs.sort_by_key(|log| log.time);
        told.errors.sort_by_key(|error| error.time);
    }
    let without_request = told.remove("").unwrap_or_default();
    let id = found.session.id.as_str();
    html! {
        @if let Some(recording) = recording { (player(recording)) }
        section aria-labelledby="requests-title" {
            h2 #requests-title { "Requests" }
            div #rows data-live {
                @if found.requests.is_empty() { (parts::empty("No requests.")) }
                ol.timeline {
                    @for request in &found.requests {
                        (entry(request, found, told.get(request.trace_id.as_str())))
                    }
                }
                @if found.more_requests { (parts::empty("There are more requests than the 1,000 shown.")) }
                @if !without_request.logs.is_empty() || !without_request.errors.is_empty() {
                    h3 { "Outside of requests" }
                    ul.lines {
                        @for error in &without_request.errors { (parts::error(error)) }
                        @for log in &without_request.logs { (parts::log(log)) }
                    }
                }
            }
        }
        p.links {
            a href=(link::with("/logs", &[("session", id)])) { "All logs of the session" }
            a href=(link::with("/errors", &[("session", id)])) { "All errors of the session" }
        }
    }
}

fn entry(request: &Request, found: &SessionTimeline, told: Option<&Told<'_>>) -> Markup {
    let first = found.session.first_seen.nanos();
    let whole = found.session.last_seen.nanos().saturating_sub(first);
    let start = format::percent(request.start.nanos().saturating_sub(first), whole);
    let width = format::percent(request.duration_ns.unwrap_or(0), whole).max(0.6);
    html! {
        li id=(format!("request-{}", request.trace_id)) data-at=(request.start.nanos() / 1_000_000) {
            details {
                summary data-row {
                    (format::time(request.start))
                    span.what { (parts::request_name(request)) }
                    span.answer { (parts::status(request.status.as_deref())) }
                    span.took { @if let Some(duration) = request.duration_ns { (format::nanos(duration)) } }
                    svg.bar aria-hidden="true" {
                        rect class=(parts::color(&request.service)) x=(format!("{:.2}%", start.min(99.4))) y="25%"
                            width=(format!("{width:.2}%")) height="50%" rx="2" {}
                    }
                    span.told {
                        @if request.errors > 0 { span.count.bad { (plural(request.errors, "error")) } }
                        @if request.logs > 0 { span.count { (plural(request.logs, "log")) } }
                    }
                }
                div.inside {
                    p.links {
                        a.primary href=(link::trace(&request.trace_id)) { "Open the trace: " (plural(request.spans, "span")) }
                        (parts::services(&request.services))
                    }
                    @if let Some(told) = told {
                        ul.lines {
                            @for error in &told.errors { (parts::error(error)) }
                            @for log in &told.logs { (parts::log(log)) }
                        }
                    }
                }
            }
        }
    }
}
