//! `GET /`: a page with a button for each thing there is to try.

use axum::{extract::State, response::Html};

use super::App;

pub async fn index(State(app): State<App>) -> Html<String> {
    let page = include_str!("page.html");
    // An address of ours: there is nothing in it to escape.
    let viewer = app.viewer.map(|address| format!(" data-viewer=\"http://{address}\"")).unwrap_or_default();
    Html(page.replacen("<html lang=\"en\">", &format!("<html lang=\"en\"{viewer}>"), 1))
}
