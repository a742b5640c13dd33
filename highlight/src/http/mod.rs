//! What every HTTP integration shares: the span, its attributes, and its life cycle.
//!
//! `highlight-tower`, `highlight-axum`, `highlight-actix` and `highlight-reqwest` are built on this; so can be the integration of
//! any other framework. A server's:
//!
//! ```
//! use highlight::http::{RequestHeaders, ServerOptions, ServerRequest};
//!
//! let headers = http::HeaderMap::new();
//! let mut request = ServerRequest::new("GET", "/orders/7");
//! request.route = Some("/orders/{id}");
//! if let Some(tracer) = ServerOptions::default().tracer() {
//!     let incoming = tracer.incoming(&RequestHeaders::read(&headers));
//!     let mut span = tracer.start(&request, incoming);
//!     let status = span.in_scope(|| 200); // the handler; an async one is polled here
//!     span.set_status(status);
//! } // the span ends when it is dropped
//! ```
//!
//! And a client's:
//!
//! ```
//! use highlight::http::{ClientRequest, ClientSpan};
//!
//! # fn main() -> Result<(), http::Error> {
//! let mut request = http::Request::get("http://payments:8080/charges/7").body(())?;
//! let described = ClientRequest::new("GET", request.uri());
//! if let Some(mut span) = ClientSpan::start(&described, None) {
//!     span.inject(request.headers_mut()); // session and trace, if the host may know them
//!     let response = span.in_scope(|| http::Response::new(())); // send it
//!     span.set_response(response.status(), response.version());
//! } // the span ends when it is dropped
//! # Ok(())
//! # }
//! ```
//!
//! Names and attributes are those of OpenTelemetry's stable semantic conventions: HTTP's, and for gRPC calls RPC's as of
//! 1.45.
//!
//! # gRPC
//!
//! A `POST` whose content type is `application/grpc` is a gRPC call. Its span is named `{package.Service}/{Method}`, has
//! `rpc.system.name`, `rpc.method` and `rpc.response.status_code` in place of what HTTP has, and its duration goes to
//! `rpc.server.call.duration` or `rpc.client.call.duration` in place of the metrics of HTTP. An integration hands the headers
//! of the answer, and its trailers, to [`ServerSpan::read_grpc_status`] or [`ClientSpan::read_grpc_status`].
//!
//! A server's names stay few, whatever is asked of it. A method is named if its call succeeded. `UNIMPLEMENTED` means that
//! there is none. Anything else may have been answered by middleware, or by nobody, so such methods are named up to a
//! thousand. A call to any other is named `grpc`, with `rpc.method` `_OTHER`, and what was asked in
//! `rpc.method_original`.

mod arrival;
mod client;
mod conventions;
mod failure;
mod grpc;
mod instruments;
mod options;
mod recording;
mod request_headers;
mod series;
mod server;
mod server_tracer;
mod shared;
mod with_span;

pub(crate) use self::{
    arrival::{Arrival, Fact, Usual},
    instruments::Instruments,
};
pub use self::{
    client::{ClientRequest, ClientSpan, UrlTemplate},
    conventions::protocol_version,
    failure::{BoxError, HandlerError},
    grpc::GrpcHeaders,
    options::ServerOptions,
    recording::{BodyRecorder, Recording},
    request_headers::RequestHeaders,
    server::{ServerRequest, ServerSpan},
    server_tracer::ServerTracer,
    with_span::{RequestSpan, WithSpan},
};
