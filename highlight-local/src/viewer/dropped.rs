//! `/dropped`: what the server would drop or change without a word.

use axum::extract::State;
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
    archive::{Note, NoteQuery, Paged, Reason},
};

pub(super) async fn list(State(viewer): State<Viewer>, parameters: Parameters) -> Answer {
    let query = parameters.notes().map_err(refused)?;
    viewer
        .page(move |viewer| {
            let reasons = viewer.reader.reasons()?;
            let found = viewer.reader.notes(&query)?;
            let lead = html! {
                p.lead { "The server answers 200 to all of this, and does not store it as it was sent. “C§” names the paragraph of docs/contract.md." }
            };
            Ok(Some(Page::new(Tab::Dropped, "Dropped or changed", body(&query, &reasons, &found)).lead(lead)))
        })
        .await
}

fn body(query: &NoteQuery, reasons: &[Reason], found: &Paged<Note>) -> Markup {
    let (code, service) = (query.code.as_deref(), query.service.as_deref());
    html! {
        div #rows data-live {
            @if reasons.is_empty() {
                (parts::empty("Nothing: all that arrived is stored as it was sent."))
            } @else {
                h2 { "Reasons" }
                ul.reasons {
                    @for reason in reasons {
                        li {
                            a data-row href=(link::with("/dropped", &[("code", &reason.code)]))
                                aria-current=[(code == Some(reason.code.as_str())).then_some("true")] {
                                (verdict(reason.dropped))
                                span.message { (reason.text) }
                                span.paragraph { "C§" (reason.paragraph) }
                                span.count { (reason.count) }
                            }
                        }
                    }
                }
                h2 { "What it happened to" }
                @if code.is_some() || service.is_some() { p.links { a href="/dropped" { "Show all" } } }
                (notes(found))
            }
            (parts::older("/dropped", &[("code", code.unwrap_or_default()), ("service", service.unwrap_or_default())], found.next))
        }
    }
}

fn notes(found: &Paged<Note>) -> Markup {
    html! {
        table.rows {
            caption.hidden { "What the server would drop or change, the latest first" }
            thead {
                tr {
                    th scope="col" { "What" }
                    th scope="col" { "Becomes" }
                    th scope="col" { "Why" }
                    th scope="col" { "Service" }
                    th scope="col" { "Time" }
                }
            }
            tbody {
                @for note in &found.items {
                    tr {
                        th scope="row" {
                            span.note { (note.item) } " "
                            @if note.trace_id.is_empty() { (note.name) }
                            @else { a data-row href=(link::trace(&note.trace_id)) { (note.name) } }
                        }
                        td { (verdict(note.dropped)) }
                        td { (note.text) " " span.paragraph { "C§" (note.paragraph) } }
                        td { (parts::services(std::slice::from_ref(&note.service))) }
                        td { (format::time(note.time)) }
                    }
                }
            }
        }
    }
}

fn verdict(dropped: bool) -> Markup {
    if dropped {
        html! { span.status.bad { "dropped" } }
    } else {
        html! { span.status.warn { "changed" } }
    }
}
