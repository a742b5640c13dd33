//! The layer for servers.

use std::{
    fmt,
    net::SocketAddr,
    task::{Context, Poll},
};

use highlight::{
    Client,
    http::{RequestHeaders, ServerOptions, ServerRequest, ServerSpan},
};
use http::{Extensions, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    body::HighlightBody,
    future::HighlightFuture,
    recorded::{IgnoreBodies, RequestBodies, WrapBodies},
    request,
};

/// Makes a server span of each request, and its ids part of everything that it causes.
///
/// Cloning is cheap.
#[derive(Debug, Clone)]
#[must_use = "a layer does nothing until it is put around a service"]
pub struct HighlightLayer<R = IgnoreBodies> {
    options: ServerOptions,
    places: Places,
    bodies: R,
}

/// Where in a request's extensions a framework keeps what tower does not know.
#[derive(Clone, Copy)]
pub(crate) struct Places {
    pub(crate) route: fn(&Extensions) -> Option<&str>,
    pub(crate) peer: fn(&Extensions) -> Option<SocketAddr>,
}

impl HighlightLayer {
    /// A layer with the default options, for the process-wide client.
    pub fn new() -> Self {
        let places = Places { route: |_| None, peer: |_| None };
        Self { options: ServerOptions::default(), places, bodies: IgnoreBodies }
    }
}

impl<R> HighlightLayer<R> {
    /// Reports to `client` in place of the process-wide one.
    pub fn with_client(mut self, client: Client) -> Self {
        self.options = self.options.client(client);
        self
    }

    /// Replaces all options; the client stays if they name none.
    pub fn with_options(mut self, options: ServerOptions) -> Self {
        self.options = options.or_client_of(self.options);
        self
    }

    /// Where the router keeps the matched route's template, such as `/orders/{id}`. Default: nowhere.
    pub fn route_from(mut self, route: fn(&Extensions) -> Option<&str>) -> Self {
        self.places.route = route;
        self
    }

    /// How a body that is to be recorded ([`Recording::request_bodies`](highlight::http::Recording::request_bodies)) is wrapped without changing its type.
    /// Default: not at all, so that none is recorded.
    ///
    /// A type that holds any body can hold the wrapper; one that cannot, such as hyper's `Incoming`, is boxed outside of the layer first.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use highlight_tower::{HighlightLayer, RecordedBody};
    /// use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
    ///
    /// type Body = UnsyncBoxBody<Bytes, std::io::Error>;
    /// let layer = HighlightLayer::new().wrap_request_bodies(|body: RecordedBody<Body>| body.boxed_unsync());
    /// # let _ = layer;
    /// ```
    ///
    /// Bodies that are not recorded stay as they are.
    pub fn wrap_request_bodies<F>(self, wrap: F) -> HighlightLayer<WrapBodies<F>> {
        HighlightLayer { options: self.options, places: self.places, bodies: WrapBodies(wrap) }
    }

    /// Where the server keeps the peer's address, recorded only if [`ServerOptions::client_address`] says so. Default: nowhere.
    pub fn peer_from(mut self, peer: fn(&Extensions) -> Option<SocketAddr>) -> Self {
        self.places.peer = peer;
        self
    }
}

impl Default for HighlightLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S, R: Clone> Layer<S> for HighlightLayer<R> {
    type Service = HighlightService<S, R>;

    fn layer(&self, inner: S) -> HighlightService<S, R> {
        let Self { options, places, bodies } = self.clone();
        HighlightService { inner, options, places, bodies }
    }
}

/// Marks a request that has its span: it may pass a router's layer and then a nested one's.
#[derive(Clone)]
struct Served;

/// The service that [`HighlightLayer`] makes.
#[derive(Debug, Clone)]
pub struct HighlightService<S, R = IgnoreBodies> {
    inner: S,
    options: ServerOptions,
    places: Places,
    bodies: R,
}

impl<S, B, R, T> Service<Request<B>> for HighlightService<S, R>
where
    S: Service<Request<B>, Response = Response<T>, Error: fmt::Display>,
    R: RequestBodies<B>,
    T: http_body::Body,
{
    type Response = Response<HighlightBody<T>>;
    type Error = S::Error;
    type Future = HighlightFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Some(mut span) = self.start(&request) else {
            return HighlightFuture::new(self.inner.call(request), None, false);
        };
        let has_body = request.method() != http::Method::HEAD;
        request.extensions_mut().insert(Served);
        let request = self.bodies.record(&span, request);
        let future = span.in_scope(|| self.inner.call(request));
        HighlightFuture::new(future, Some(span), has_body)
    }
}

impl<S, R> HighlightService<S, R> {
    fn start<B>(&self, request: &Request<B>) -> Option<ServerSpan> {
        let tracer = self.options.tracer()?;
        if request.extensions().get::<Served>().is_some() {
            return None;
        }
        let headers = RequestHeaders::read(request.headers());
        let incoming = tracer.incoming(&headers);
        let start = |described: &ServerRequest<'_>| tracer.start(described, incoming);
        Some(request::describe(request, &headers, self.places, start))
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").finish_non_exhaustive()
    }
}
