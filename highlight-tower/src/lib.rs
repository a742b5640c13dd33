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
//! - Headers and bodies are recorded only where [`ServerOptions::record`] names them.
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
//!
//! # gRPC
//!
//! Both layers know gRPC by its content type; with tonic they go where any layer goes:
//!
//! ```
//! use highlight_tower::{HighlightClientLayer, HighlightLayer};
//! use tonic::{Response, Status, transport::{Channel, Server, Uri}};
//! use tower::ServiceBuilder;
//! # use greeter::*;
//!
//! # fn serve() {
//! // The way in: the outermost layer, but inside tonic-web's.
//! let server = Server::builder().layer(HighlightLayer::new()).add_service(GreeterServer::new(Hello));
//! # let _ = server;
//! # }
//! # fn connect() {
//! // The way out: the channel alone knows the host, so the layer is told.
//! let greeter = Uri::from_static("http://greeter:50051");
//! let channel = Channel::builder(greeter.clone()).connect_lazy();
//! let client = GreeterClient::new(ServiceBuilder::new().layer(HighlightClientLayer::new().with_target(greeter)).service(channel));
//! # let _ = client.clone();
//! # }
//! # struct Row;
//! # async fn load() -> std::io::Result<Row> { Ok(Row) }
//!
//! // An error is reported where it is turned into a status. The client is told nothing of it.
//! async fn hello() -> Result<Response<Row>, Status> {
//!     let row = load().await.map_err(|error| internal(&error))?;
//!     Ok(Response::new(row))
//! }
//!
//! #[track_caller]
//! fn internal(error: &(impl std::error::Error + 'static)) -> Status {
//!     highlight::consume_error(error);
//!     Status::internal("internal error")
//! }
//! # mod greeter {
//! #     use std::{convert::Infallible, future::{Ready, ready}, task::{Context, Poll}};
//! #     use tonic::{body::Body, client::GrpcService, codegen::{Bytes, StdError}};
//! #     pub struct Hello;
//! #     #[derive(Clone)]
//! #     pub struct GreeterServer;
//! #     impl GreeterServer { pub fn new(_: Hello) -> Self { Self } }
//! #     impl tonic::server::NamedService for GreeterServer { const NAME: &'static str = "greet.Greeter"; }
//! #     impl tower::Service<http::Request<Body>> for GreeterServer {
//! #         type Response = http::Response<Body>;
//! #         type Error = Infallible;
//! #         type Future = Ready<Result<Self::Response, Infallible>>;
//! #         fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> { Poll::Ready(Ok(())) }
//! #         fn call(&mut self, _: http::Request<Body>) -> Self::Future {
//! #             ready(Ok(tonic::Status::unimplemented("").into_http()))
//! #         }
//! #     }
//! #     #[derive(Clone)]
//! #     pub struct GreeterClient<T>(T);
//! #     // The bounds of what tonic-build makes.
//! #     impl<T: GrpcService<Body>> GreeterClient<T>
//! #     where
//! #         T::Error: Into<StdError>,
//! #         T::ResponseBody: http_body::Body<Data = Bytes> + Send + 'static,
//! #         <T::ResponseBody as http_body::Body>::Error: Into<StdError> + Send,
//! #     {
//! #         pub fn new(inner: T) -> Self { Self(inner) }
//! #     }
//! # }
//! ```
//!
//! - The span is named `{package.Service}/{Method}`; of a method that may be made up, [`grpc`](highlight::http#grpc). It ends
//!   with the trailers: a stream is part of its request, with all that it logs.
//! - A server's span has failed by a status that is the server's failure (`UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`,
//!   `INTERNAL`, `UNAVAILABLE`, `DATA_LOSS`), a client's by any but `OK`. A status alone is no error object.
//! - A stream that the client drops half-way is recorded as cancelled, on both sides; past the deadline that its
//!   client gave it, as `DEADLINE_EXCEEDED`.
//! - tonic's metadata is a carrier too, as the `http::HeaderMap` that it is:
//!   `highlight::parse_headers(request.metadata().as_ref())`, `highlight::propagation::inject(request.metadata_mut().as_mut())`.
//!
//! `examples/grpc` is a pair of services to run.

mod body;
mod client;
mod future;
mod layer;
mod recorded;
mod request;

pub use self::{
    body::HighlightBody,
    client::{HighlightClientBody, HighlightClientFuture, HighlightClientLayer, HighlightClientService},
    future::HighlightFuture,
    layer::{HighlightLayer, HighlightService},
    recorded::{IgnoreBodies, RecordedBody, RequestBodies, WrapBodies},
};
pub use highlight::http::{Recording, ServerOptions, UrlTemplate};
