//! Orders over HTTP.

use axum::{Router, extract::Path, routing::post};
use highlight_axum::{HandlerError, HighlightLayer};

use crate::orders::{Order, place};

/// The service's routes. `main` passes `HighlightLayer::new()`, a test one with a client of its own.
pub fn router(highlight: HighlightLayer) -> Router {
    Router::new().route("/customers/{customer}/orders/{cents}", post(create)).layer(highlight)
}

async fn create(Path((customer, cents)): Path<(String, u32)>) -> Result<String, HandlerError> {
    place(&Order { id: 7, customer, cents })?;
    Ok("placed".to_owned())
}
