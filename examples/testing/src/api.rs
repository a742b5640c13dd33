//! Orders over HTTP.

use axum::{Router, extract::Path, routing::post};
use highlight_axum::{HandlerError, HighlightLayer};

use crate::orders::{Order, place};

/// The service's routes.
pub fn router() -> Router {
    Router::new().route("/customers/{customer}/orders/{cents}", post(create)).layer(HighlightLayer::new())
}

async fn create(Path((customer, cents)): Path<(String, u32)>) -> Result<String, HandlerError> {
    place(&Order { id: 7, customer, cents })?;
    Ok("placed".to_owned())
}
