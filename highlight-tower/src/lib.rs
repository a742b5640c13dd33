//! A [tower](https://docs.rs/tower) layer that ties everything a service does for a request to the browser session that caused it.
//!
//! ```
//! use highlight_tower::HighlightLayer;
//! use tower::{ServiceBuilder, service_fn};
//!
//! # async fn handle(_: http::Request<String>) -> Result<http::Response<String>, std::convert::Infallible> {
//! #     Ok(http::Response::new(String::new()))
//! # }
//! let service = ServiceBuilder::new().layer(HighlightLayer::new()).service(service_fn(handle));
//! # let _ = service;
//! ```
//!
//! From then on each request makes a server span, and its session and request ids are on every span, log, error and panic that
//! arises while it is served: in the synchronous part of the service, in every poll of its future, in every
//! frame of its body, and in whatever is dropped when the client goes away.
//!
//! One layer is enough, outermost; a request that passes two of them makes one span, that of the outermost. Only a layer that answers CORS preflights goes around it. A layer that turns panics into
//! responses belongs inside it. Tasks keep the request if they are started with [`highlight::spawn`], not with a bare `tokio::spawn`.
//!
//! - The span ends when the response's body has ended, failed or been dropped.
//! - It is marked as failed by a status of 500 or more, by a cancelled request, and by a panic.
//! - It is named `{method} {route}`. Tower knows no routes: a router's integration says where its template
//!   is ([`HighlightLayer::route_from`]); `highlight-axum` does.
//!
//! # Upgrades
//!
//! The span ends with the answer 101. What speaks the new protocol is still the request if it runs in a task that is started
//! with [`highlight::spawn`] (or, in a callback, with [`highlight::callback_in_current_scope`]):
//!
//! ```
//! # use http::{Request, Response, StatusCode};
//! async fn handle(mut request: Request<hyper::body::Incoming>) -> Response<String> {
//!     let upgrade = hyper::upgrade::on(&mut request);
//!     highlight::spawn(async {
//!         let connection = upgrade.await;
//!         tracing::info!("upgraded: {}", connection.is_ok()); // part of the request
//!     });
//!     let mut response = Response::new(String::new());
//!     *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
//!     response
//! }
//! # let _ = handle;
//! ```
//!
//! # Outgoing requests
//!
//! [`HighlightClientLayer`] does the same for a client: a client span around each request, from the call to the end of the
//! response's body, and the session and trace on it, if its host is [allowed](highlight::propagation) to know them.
//!
//! - The caller's own `x-highlight-request` and `traceparent` headers stay as they are.
//! - From 400 up, and if no answer comes, the span has failed. That is no error object: whether a failed call is an
//!   error is the caller's decision, and `?` or [`highlight::consume_error`] reports it.
//! - A body that the caller drops half-way ends the span, and is no failure.
//! - The span is named `{method}`, or `{method} {template}` if the request's extensions have a [`UrlTemplate`].

mod body;
mod client;
mod future;
mod layer;
mod request;

pub use self::{
    body::HighlightBody,
    client::{ClientResponseFuture, HighlightClientBody, HighlightClientLayer, HighlightClientService},
    future::ResponseFuture,
    layer::{HighlightLayer, HighlightService},
};
pub use highlight::http::{ServerOptions, UrlTemplate};
