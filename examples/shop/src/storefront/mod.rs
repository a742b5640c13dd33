//! The storefront: what browsers talk to.

mod background;
mod checkout;
mod cors;
mod failures;
mod page;
mod payments_client;
mod products;

use std::net::SocketAddr;

use axum::{
    Router,
    routing::{get, post},
};
use highlight_axum::HighlightLayer;
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;

pub use self::payments_client::PaymentsClient;

/// What the handlers share.
#[derive(Debug, Clone)]
pub struct App {
    pub payments: PaymentsClient,
    /// Where what has arrived can be seen.
    pub viewer: Option<SocketAddr>,
    /// Keeps count of the jobs, so that the end can wait for them.
    pub tasks: TaskTracker,
}

pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/api/products", get(products::list))
        .route("/api/missing/{id}", get(products::missing))
        .route("/api/checkout", post(checkout::checkout))
        .route("/api/fail", get(failures::fail))
        .route("/api/panic", get(failures::panic))
        .route("/api/stream", get(background::stream))
        .route("/api/jobs", post(background::job))
        .route("/api/report", get(background::report))
        .with_state(app)
        // Inside ours, so that the panic's request is still known, and its 500 is seen.
        .layer(CatchPanicLayer::new())
        .layer(HighlightLayer::new())
        // Outside ours: preflights end here, and pages may read every answer, a 500 as well.
        .layer(cors::any_page())
}
