//! The program's own files.

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let (kind, text) = match name.as_str() {
        "viewer.css" => (CSS, include_str!("assets/viewer.css")),
        "viewer.js" => (JAVASCRIPT, include_str!("assets/viewer.js")),
        "session.js" => (JAVASCRIPT, include_str!("assets/session.js")),
        "player.js" => (JAVASCRIPT, include_str!("assets/player.js")),
        "player.css" => (CSS, include_str!("assets/player.css")),
        "rrweb-player.js" => (JAVASCRIPT, include_str!("assets/rrweb-player/rrweb-player.min.js")),
        "rrweb-player.css" => (CSS, include_str!("assets/rrweb-player/style.min.css")),
        "icon.svg" => ("image/svg+xml", include_str!("assets/icon.svg")),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    // Another version of the program may answer on this port tomorrow.
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}
