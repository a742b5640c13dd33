//! From a question to a page.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};

use super::{
    Viewer,
    page::{Page, Tab},
};
use crate::{api::parameters::Wrong, archive::QueryError, chain::Chain};

/// A page, or one that says why there is none.
pub(super) type Answer = Result<Response, Response>;

impl Viewer {
    /// Makes a page on a thread where waiting for the disk holds nobody up.
    pub(super) async fn page(
        self,
        make: impl FnOnce(&Self) -> Result<Option<Page>, QueryError> + Send + 'static,
    ) -> Answer {
        let made = tokio::task::spawn_blocking(move || {
            let made = make(&self);
            made.map(|page| page.map(Page::render))
        });
        match made.await {
            Ok(Ok(Some(page))) => Ok(document(StatusCode::OK, page)),
            Ok(Ok(None)) => {
                Err(failure(StatusCode::NOT_FOUND, "Nothing is stored under this id, or not any more."))
            }
            Ok(Err(error)) => Err(failure(StatusCode::INTERNAL_SERVER_ERROR, &Chain(&error).to_string())),
            Err(error) => Err(failure(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())),
        }
    }
}

pub(super) async fn nothing_here() -> Response {
    failure(StatusCode::NOT_FOUND, "There is no such page.")
}

/// What is wrong with the parameters.
pub(super) fn refused((status, text): Wrong) -> Response {
    failure(status, text.trim_end())
}

fn document(status: StatusCode, page: Markup) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page.into_string()).into_response()
}

fn failure(status: StatusCode, text: &str) -> Response {
    let body = html! {
        p.empty { (text) }
        p.empty { a href="/" { "To the sessions" } }
    };
    let title = status.canonical_reason().unwrap_or("Failed");
    document(status, Page::new(Tab::None, title, body).render())
}
