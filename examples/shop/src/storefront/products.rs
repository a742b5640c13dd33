//! Plain requests: nothing in the handlers knows of telemetry.

use axum::{Json, extract::Path, http::StatusCode};
use serde_json::{Value, json};
use tracing::info;

/// `GET /`: says what there is to try.
pub async fn index() -> &'static str {
    "\
    GET  /api/products      succeeds\n\
    POST /api/checkout      calls the payments service\n\
    GET  /api/fail          fails with a chain of errors\n\
    GET  /api/panic         panics\n\
    GET  /api/stream        logs while it streams\n\
    POST /api/jobs          leaves work behind\n\
    GET  /api/report        works on a blocking thread\n\
    GET  /api/missing/{id}  finds nothing\n"
}

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
