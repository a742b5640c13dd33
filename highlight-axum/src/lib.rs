//! Ties everything an [axum](https://docs.rs/axum) service does for a request to the browser session that caused it.
//!
//! ```no_run
//! use axum::{Router, routing::get};
//! use highlight_axum::HighlightLayer;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let _highlight = highlight::init(highlight::Config::new("1jdkoe52").service_name("checkout"))?;
//!
//!     let app = Router::new()
//!         .route("/orders/{id}", get(|| async { "an order" }))
//!         .layer(HighlightLayer::new());
//!
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//!     axum::serve(listener, app).await?;
//!     Ok(())
//! }
//! ```
//!
//! From then on each request makes a server span, and its session and request ids are on everything that arises while it is
//! served, as [`highlight_tower`] describes. The span is named by the matched route: `GET /orders/{id}`. Put the layer on the outermost router with `Router::layer`, after its routes: axum matches the route
//! before it runs such a layer. One that wraps the whole router from outside works too, but sees no route.
//!
//! - [`HandlerError`] lets `?` work on any error in a handler: reported once, with the line, and answered with a bare 500.
//! - [`RequestContext`] gives a handler the session and request ids.
//! - [`HighlightClientLayer`] is for the calls that a handler makes: a span around each, and session and trace for the hosts that may know
//!   them. (reqwest has `highlight-reqwest`.)
//!
//! The [`HighlightLayer`] here is axum's. That of `highlight-tower` works on a router too, but knows no route: its spans are named by the method alone.
//!
//! # Panics
//!
//! A panic is reported with its request and goes on; axum then drops the connection. For a 500 in its place, add tower-http's
//! `CatchPanicLayer` **inside** this layer (above it in the code), where the request is still known and the 500 is seen:
//!
//! ```
//! use axum::{Router, routing::get};
//! use highlight_axum::HighlightLayer;
//! use tower_http::catch_panic::CatchPanicLayer;
//!
//! let app = Router::new()
//!     .route("/orders/{id}", get(|| async { "an order" }))
//!     .layer(CatchPanicLayer::new())
//!     .layer(HighlightLayer::new());
//! # let _: Router = app;
//! ```
//!
//! # WebSockets
//!
//! The request's span ends with the answer 101, and axum runs the callback on a task of its own, which knows nothing of the request.
//! [`callback_in_current_scope`](highlight::callback_in_current_scope) takes it along, so that all that is done over the socket is still the request's:
//!
//! ```
//! use axum::{Router, extract::{WebSocketUpgrade, ws::WebSocket}, response::Response, routing::any};
//! use highlight_axum::HighlightLayer;
//!
//! async fn live(upgrade: WebSocketUpgrade) -> Response {
//!     upgrade.on_upgrade(highlight::callback_in_current_scope(chat))
//! }
//!
//! async fn chat(mut socket: WebSocket) {
//!     while let Some(Ok(message)) = socket.recv().await {
//!         tracing::info!("received {} bytes", message.into_data().len()); // part of the request
//!     }
//! }
//!
//! let app = Router::new().route("/live", any(live)).layer(HighlightLayer::new());
//! # let _: Router = app;
//! ```
//!
//! # Tests
//!
//! A request in the scope of a capture (`highlight::testing`, behind the feature `testing`) is captured, and needs no socket:
//!
//! ```
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use highlight_axum::{HandlerError, HighlightLayer};
//! use tower::ServiceExt;
//!
//! async fn order() -> Result<String, HandlerError> {
//!     Ok("seven".parse::<u32>()?.to_string())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let telemetry = highlight::testing::capture();
//! let app = Router::new().route("/orders/{id}", get(order)).layer(HighlightLayer::new());
//!
//! let request = Request::get("/orders/7").header("x-highlight-request", "session1/request001");
//! let request = request.body(Body::empty())?;
//! drop(telemetry.scope(app.oneshot(request)).await?); // the span ends with the response
//!
//! assert_eq!(telemetry.errors().one().session_id.as_deref(), Some("session1"));
//! assert!(telemetry.spans().named("GET /orders/{id}").one().has_failed());
//! # Ok(())
//! # }
//! ```
//!
//! Where a server runs in tasks of its own, its layer gets the capture's client: [`HighlightLayer::with_client`].
//!
//! # Ending
//!
//! `axum::serve` runs until it is killed, and then the guard of [`highlight::init`] is not dropped: use
//! `with_graceful_shutdown`, as the README shows.

mod context;
mod error;
mod layer;
mod service;

pub use self::{
    context::RequestContext,
    error::HandlerError,
    layer::HighlightLayer,
    service::{HighlightFuture, HighlightService},
};
pub use highlight_tower::{HighlightClientLayer, Recording, ServerOptions, UrlTemplate};
