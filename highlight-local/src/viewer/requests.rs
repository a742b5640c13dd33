//! `/requests`: the requests, with and without a session.

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
    archive::{Paged, Request, RequestQuery},
};

pub(super) async fn list(State(viewer): State<Viewer>, parameters: Parameters) -> Answer {
    let query = parameters.requests().map_err(refused)?;
    viewer
        .page(move |viewer| {
            let found = viewer.reader.requests(&query)?;
            Ok(Some(Page::new(Tab::Requests, "Requests", body(&query, &found))))
        })
        .await
}

fn body(query: &RequestQuery, found: &Paged<Request>) -> Markup {
    let text = query.text.as_deref();
    html! {
        (parts::search("/requests", text, "Name, route or trace id", &html! {}))
        div #rows data-live {
            @if found.items.is_empty() {
                (parts::empty("No requests yet."))
            } @else {
                table.rows {
                    caption.hidden { "Requests, the latest first" }
                    thead {
                        tr {
                            th scope="col" { "Request" }
                            th scope="col" { "Status" }
                            th.number scope="col" { "Duration" }
                            th scope="col" { "Services" }
                            th.number scope="col" { "Spans" }
                            th.number scope="col" { "Logs" }
                            th.number scope="col" { "Errors" }
                            th scope="col" { "Start" }
                        }
                    }
                    tbody { @for request in &found.items { (row(request)) } }
                }
            }
            (parts::older("/requests", &[("text", text.unwrap_or_default())], found.next))
        }
    }
}

fn row(request: &Request) -> Markup {
    html! {
        tr {
            th scope="row" { a data-row href=(link::trace(&request.trace_id)) { (parts::request_name(request)) } }
            td { (parts::status(request.status.as_deref())) }
            td.number { @if let Some(duration) = request.duration_ns { (format::nanos(duration)) } }
            td { (parts::services(&request.services)) }
            td.number data-label="spans" { (request.spans) }
            td.number data-label="logs" { (request.logs) }
            td.number data-label="errors" { (parts::count(request.errors, "bad")) }
            td { (format::time(request.start)) }
        }
    }
}
