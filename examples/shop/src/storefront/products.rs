//! Plain requests: nothing in the handlers knows of telemetry.

use axum::{Json, extract::Path, http::StatusCode};
use serde_json::{Value, json};
use tracing::info;

/// `GET /api/products`.
pub async fn list() -> Json<Value> {
    let products = json!([{ "id": 1, "name": "teapot" }, { "id": 2, "name": "cup" }]);
    info!(count = 2, "products listed");
    Json(products)
}

/// `GET /api/missing/{id}`: a 404 is the client's affair, and no error of the span.
pub async fn missing(Path(id): Path<u32>) -> (StatusCode, Json<Value>) {
    info!(product.id = id, "no such product");
    (StatusCode::NOT_FOUND, Json(json!({ "error": "no such product" })))
}
