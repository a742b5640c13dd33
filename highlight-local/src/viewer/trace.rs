//! `/traces/{id}`: a waterfall over all services.

use std::collections::HashMap;

use axum::extract::{Path, State};
use maud::{Markup, html};

use super::{
    Viewer,
    answer::{Answer, refused},
    format, link,
    page::{Page, Tab},
    parts,
};
use crate::{
    api::parameters::Parameters,
    archive::{Segment, Trace, TraceSpan},
};

/// Rows on one page; the next ones are a click away.
const ROWS: usize = 500;

pub(super) async fn show(
    State(viewer): State<Viewer>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Answer {
    let from = parameters.from().map_err(refused)?;
    viewer
        .page(move |viewer| {
            let Some(trace) = viewer.reader.trace(&id)? else { return Ok(None) };
            let title = match (&trace.request.method, &trace.request.route) {
                (Some(method), Some(route)) => format!("{method} {route}"),
                _ if trace.request.name.is_empty() => "Trace".to_owned(),
                _ => trace.request.name.clone(),
            };
            Ok(Some(Page::new(Tab::Requests, title, body(&trace, from)).lead(lead(&trace))))
        })
        .await
}

fn lead(trace: &Trace) -> Markup {
    let request = &trace.request;
    html! {
        p.lead { (parts::status(request.status.as_deref())) span.id { (request.trace_id) } (parts::services(&request.services)) }
        dl.facts {
            div { dt { "Start" } dd { (format::time(trace.start)) } }
            div { dt { "Duration" } dd { (format::nanos(trace.duration_ns)) } }
            div { dt { "Spans" } dd { (request.spans) } }
            div { dt { "Logs" } dd { (request.logs) } }
            div { dt { "Errors" } dd { (parts::count(request.errors, "bad")) } }
            @if !request.session.is_empty() {
                div { dt { "Session" } dd { a href=(link::session(&request.session)) { (request.session) } } }
            }
        }
    }
}

fn body(trace: &Trace, from: usize) -> Markup {
    let mut critical: HashMap<usize, Vec<&Segment>> = HashMap::new();
    for segment in &trace.critical_path {
        critical.entry(segment.span).or_default().push(segment);
    }
    let from = from.min(trace.spans.len());
    let to = (from + ROWS).min(trace.spans.len());
    let id = trace.request.trace_id.as_str();
    html! {
        div.beside {
            section.waterfall aria-labelledby="spans-title" {
                h2 #spans-title { "Spans" }
                p.legend {
                    svg aria-hidden="true" viewBox="0 0 28 12" { rect.whole.s0 width="28" height="12" rx="2" {} rect.s0 width="16" height="12" rx="2" {} }
                    " solid: the critical path, what the duration depends on"
                }
                (axis(trace.duration_ns))
                div #rows data-live {
                    @if trace.spans.is_empty() { (parts::empty("No spans are stored under this id.")) }
                    @if from > 0 { p.more { a href=(link::trace(id)) { "To the first row" } } }
                    ol.spans {
                        @for (index, span) in trace.spans[from..to].iter().enumerate() {
                            (row(trace, from + index, span, critical.get(&(from + index)).map_or(&[], Vec::as_slice)))
                        }
                    }
                    @if to < trace.spans.len() {
                        @let next = to.to_string();
                        p.more {
                            a href=(link::with(&link::trace(id), &[("from", &next)])) data-more {
                                "Show more: " (to) " of " (trace.spans.len()) " shown"
                            }
                        }
                    }
                    @if trace.more_spans { (parts::empty("There are more spans than the 50,000 looked at.")) }
                }
            }
            aside #panel aria-label="The selected span" {
                p.empty { "Select a span to see its attributes, logs and errors." }
            }
        }
        (told(trace))
    }
}

fn axis(duration: i64) -> Markup {
    html! {
        p.axis aria-hidden="true" {
            @for quarter in 0..=4_i64 { span { (format::nanos(duration / 4 * quarter)) } }
        }
    }
}

fn row(trace: &Trace, index: usize, span: &TraceSpan, critical: &[&Segment]) -> Markup {
    let service = trace.services.get(span.service).map_or("", String::as_str);
    let name = trace.names.get(span.name).map_or("", String::as_str);
    let color = parts::color(service);
    let bar = |start: i64, length: i64| {
        let width = format::percent(length, trace.duration_ns).max(0.3);
        (format!("{:.3}%", format::percent(start, trace.duration_ns).min(99.7)), format!("{width:.3}%"))
    };
    let (x, width) = bar(span.start_ns, span.duration_ns);
    html! {
        li {
            a data-row data-panel href=(link::span(span.id)) class=[span.failed.then_some("failed")] {
                span class=(format!("name d{}", span.depth.min(20))) {
                    (name)
                    // The first one's is mostly the browser, which sends no spans.
                    @if span.is_orphan && index > 0 { " " span.note { "parent missing" } }
                }
                span class=(format!("service {color}")) { (service) }
                span.told {
                    @if span.errors > 0 { span.count.bad title="errors" { (span.errors) } }
                    @if span.logs > 0 { span.count title="logs" { (span.logs) } }
                }
                svg.bar aria-hidden="true" {
                    rect class=(format!("whole {color}")) x=(x) y="20%" width=(width) height="60%" rx="2" {}
                    @for segment in critical {
                        @let (x, width) = bar(segment.start_ns, segment.end_ns - segment.start_ns);
                        rect class=(color) x=(x) y="20%" width=(width) height="60%" rx="2" {}
                    }
                }
                span.took {
                    (format::nanos(span.duration_ns))
                    @if !critical.is_empty() { span.hidden { ", on the critical path" } }
                    @if span.failed { span.hidden { ", failed" } }
                }
            }
        }
    }
}

/// The logs and errors of the whole trace.
fn told(trace: &Trace) -> Markup {
    let mut errors: Vec<_> = trace.errors.items.iter().collect();
    errors.sort_by_key(|error| error.time);
    let mut logs: Vec<_> = trace.logs.items.iter().collect();
    logs.sort_by_key(|log| log.time);
    html! {
        @if !trace.errors.items.is_empty() {
            section aria-labelledby="errors-title" {
                h2 #errors-title { "Errors" }
                ul.lines #trace-errors data-live { @for error in &errors { (parts::error(error)) } }
            }
        }
        @if !trace.logs.items.is_empty() {
            section aria-labelledby="logs-title" {
                h2 #logs-title { "Logs" }
                ul.lines #trace-logs data-live { @for log in &logs { (parts::log(log)) } }
                @if trace.logs.next.is_some() {
                    p.more { a href=(link::with("/logs", &[("trace", &trace.request.trace_id)])) { "All logs of the trace" } }
                }
            }
        }
    }
}
