//! The middleware.

use std::{
    error::Error as StdError,
    future::{Ready, ready},
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpMessage, ResponseError,
    body::MessageBody,
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
};
use highlight::{
    Client,
    http::{ServerOptions, ServerSpan},
};

use crate::{Headers, body::HighlightBody, future::HighlightFuture, payload, report::ErrorTypes, request};

/// Makes a server span of each request, and its ids part of everything that it causes.
///
/// ```
/// use actix_web::{App, web};
/// use highlight_actix::{HighlightMiddleware, ServerOptions};
///
/// let options = ServerOptions::default().exclude(|request| request.path == "/health");
/// let highlight = HighlightMiddleware::new().with_options(options);
/// // Made once, and cloned into each worker's app.
/// let app = move || App::new().wrap(highlight.clone());
/// # let _ = app();
/// ```
///
/// Cloning is cheap.
#[derive(Debug, Clone)]
#[must_use = "a middleware does nothing until an app is wrapped in it"]
pub struct HighlightMiddleware {
    options: ServerOptions,
    error_types: ErrorTypes,
}

impl HighlightMiddleware {
    /// A middleware with the default options, for the process-wide client.
    pub fn new() -> Self {
        Self { options: ServerOptions::default(), error_types: ErrorTypes::new() }
    }

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

    /// Reports errors of type `E` with their source chain and their type.
    ///
    /// Actix keeps of a handler's error only what [`ResponseError`] tells, which is its message. A type named here is looked for
    /// behind it. Boxed errors, those of [`std::io`], and actix's own of payloads and blocking work are known without, and
    /// [`HandlerError`](crate::HandlerError) needs nothing of this.
    ///
    /// ```
    /// # use std::fmt;
    /// # #[derive(Debug)]
    /// # struct ShopError;
    /// # impl fmt::Display for ShopError { fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result { Ok(()) } }
    /// # impl std::error::Error for ShopError {}
    /// # impl actix_web::ResponseError for ShopError {}
    /// # use highlight_actix::HighlightMiddleware;
    /// let middleware = HighlightMiddleware::new().with_error_type::<ShopError>();
    /// # let _ = middleware;
    /// ```
    pub fn with_error_type<E: ResponseError + StdError + 'static>(mut self) -> Self {
        self.error_types.add::<E>();
        self
    }
}

impl Default for HighlightMiddleware {
    fn default() -> Self {
        Self::new()
    }
}

impl<S, B> Transform<S, ServiceRequest> for HighlightMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<HighlightBody<B>>;
    type Error = Error;
    type Transform = HighlightService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(HighlightService {
            inner,
            options: self.options.clone(),
            error_types: self.error_types.clone(),
        }))
    }
}

/// The service that [`HighlightMiddleware`] makes.
#[derive(Debug, Clone)]
pub struct HighlightService<S> {
    inner: S,
    options: ServerOptions,
    error_types: ErrorTypes,
}

/// Marks a request that has its span: it may pass an app's middleware and then a scope's.
struct Served;

impl<S> HighlightService<S> {
    fn start(&self, request: &ServiceRequest) -> Option<ServerSpan> {
        let tracer = self.options.tracer()?;
        if request.extensions().contains::<Served>() {
            return None;
        }
        let incoming = tracer.incoming(&Headers(request.headers()));
        let span = request::describe(request, |described| tracer.start(described, incoming));
        request.extensions_mut().insert(Served);
        Some(span)
    }
}

impl<S, B> Service<ServiceRequest> for HighlightService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<HighlightBody<B>>;
    type Error = Error;
    type Future = HighlightFuture<S::Future>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let Some(mut span) = self.start(&request) else {
            return HighlightFuture::new(self.inner.call(request), None, self.error_types.clone());
        };
        payload::record(&span, &mut request);
        let future = span.in_scope(|| self.inner.call(request));
        HighlightFuture::new(future, Some(span), self.error_types.clone())
    }
}
