//! `/`: the sessions.

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
    archive::{Paged, Session, SessionQuery},
};

pub(super) async fn list(State(viewer): State<Viewer>, parameters: Parameters) -> Answer {
    let query = parameters.sessions().map_err(refused)?;
    viewer
        .page(move |viewer| {
            let found = viewer.reader.sessions(&query)?;
            let has_requests = found.items.is_empty() && viewer.reader.overview()?.requests > 0;
            Ok(Some(Page::new(Tab::Sessions, "Sessions", body(&query, &found, has_requests))))
        })
        .await
}

fn body(query: &SessionQuery, found: &Paged<Session>, has_requests: bool) -> Markup {
    let text = query.text.as_deref();
    html! {
        (parts::search("/", text, "Session id or user", &html! {}))
        @if found.items.is_empty() {
            (nothing(text.is_some(), has_requests))
        }
        div #rows data-live {
            @if !found.items.is_empty() {
                table.rows {
                    caption.hidden { "Sessions, the last active first" }
                    thead {
                        tr {
                            th scope="col" { "Session" }
                            th scope="col" { "Services" }
                            th.number scope="col" { "Requests" }
                            th.number scope="col" { "Errors" }
                            th scope="col" { "First seen" }
                            th scope="col" { "Last seen" }
                        }
                    }
                    tbody { @for session in &found.items { (row(session)) } }
                }
            }
            (parts::older("/", &[("text", text.unwrap_or_default())], found.next))
        }
    }
}

fn row(session: &Session) -> Markup {
    html! {
        tr {
            th scope="row" {
                a data-row href=(link::session(&session.id)) {
                    @if let Some(user) = &session.user { b { (user) } " " }
                    span.id { (session.id) }
                }
            }
            td { (parts::services(&session.services)) }
            td.number data-label="requests" { (session.requests) }
            td.number data-label="errors" { (parts::count(session.errors, "bad")) }
            td { (format::time(session.first_seen)) }
            td { (format::time(session.last_seen)) }
        }
    }
}

fn nothing(is_search: bool, has_requests: bool) -> Markup {
    html! {
        div.empty data-live id="nothing" {
            @if is_search {
                p { "No session has this in its id or user." }
            } @else {
                h2 { "No browser session yet" }
                @if has_requests {
                    p { "There are " a href="/requests" { "requests" } " that belong to none." }
                }
                p { "Send OTLP here, for example from the shop in the repository:" }
                pre { "HIGHLIGHT_OTLP_ENDPOINT=http://localhost:4318 cargo run -p shop -- --viewer" }
                p { "A session appears with the first request that carries " code { "x-highlight-request" } "." }
            }
        }
    }
}
