//! `/spans/{id}`: a span. The page of its trace takes the part `#detail` out of it.

use axum::extract::{Path, State};
use maud::{Markup, html};

use super::{
    Viewer,
    answer::Answer,
    format, link,
    page::{Page, Tab},
    parts,
};
use crate::archive::{ErrorQuery, ErrorRow, LogQuery, LogRow, Page as Part, SpanDetail};

pub(super) async fn show(State(viewer): State<Viewer>, Path(id): Path<i64>) -> Answer {
    viewer
        .page(move |viewer| {
            let reader = &viewer.reader;
            let Some(span) = reader.span(id)? else { return Ok(None) };
            let trace = Some(span.trace_id.clone()).filter(|trace| !trace.is_empty());
            let (mut logs, mut errors) = (Vec::new(), Vec::new());
            if trace.is_some() {
                let page = Part::new(1_000);
                logs = reader.logs(&LogQuery { page, trace: trace.clone(), ..LogQuery::default() })?.items;
                errors = reader.errors(&ErrorQuery { page, trace, ..ErrorQuery::default() })?.items;
            }
            logs.retain(|log| log.span_id == span.span_id);
            errors.retain(|error| error.span_id == span.span_id);
            Ok(Some(Page::new(Tab::Requests, span.name.clone(), body(&span, &logs, &errors))))
        })
        .await
}

fn body(span: &SpanDetail, logs: &[LogRow], errors: &[ErrorRow]) -> Markup {
    html! {
        section #detail aria-labelledby="detail-title" {
            h2 #detail-title { (span.name) }
            p.lead {
                (parts::services(std::slice::from_ref(&span.service)))
                @if span.status == "Error" { span.status.bad { "error" } }
                span.note { (span.kind) }
            }
            @if !span.status_message.is_empty() { p.problem { (span.status_message) } }
            dl.facts {
                div { dt { "Start" } dd { (format::time(span.start)) } }
                div { dt { "Duration" } dd { (format::nanos(span.duration_ns)) } }
                div { dt { "Span id" } dd.id { (span.span_id) } }
            }
            @if !errors.is_empty() {
                h3 { "Errors" }
                ul.lines { @for error in errors.iter().rev() { (parts::error(error)) } }
            }
            @if !logs.is_empty() {
                h3 { "Logs" }
                ul.lines { @for log in logs.iter().rev() { (parts::log(log)) } }
            }
            h3 { "Attributes" }
            (parts::attributes(&span.attributes))
            @if span.attributes.is_empty() { (parts::empty("None.")) }
            (beside(span))
            @if !span.trace_id.is_empty() {
                p.links { a.whole-page href=(link::trace(&span.trace_id)) { "The whole trace" } }
            }
        }
    }
}

/// Events and links.
fn beside(span: &SpanDetail) -> Markup {
    html! {
        @if !span.events.is_empty() {
            h3 { "Events" }
            @for event in &span.events {
                p { (format::time(event.time)) " " (event.name) }
                (parts::attributes(&event.attributes))
            }
        }
        @if !span.links.is_empty() {
            h3 { "Links" }
            @for to in &span.links {
                p { a.id href=(link::trace(&to.trace_id)) { (to.trace_id) } " " span.id { (to.span_id) } }
                (parts::attributes(&to.attributes))
            }
        }
    }
}
