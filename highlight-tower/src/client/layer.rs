//! The layer for clients.

use std::{
    borrow::Cow,
    fmt,
    task::{Context, Poll},
};

use highlight::{
    Client,
    http::{ClientRequest, ClientSpan, GrpcHeaders, UrlTemplate},
};
use http::{
    Request, Response, Uri,
    uri::{Parts, Scheme},
};
use tower_layer::Layer;
use tower_service::Service;

use super::{body::HighlightClientBody, future::HighlightClientFuture};

/// Makes a client span of each outgoing request, and takes session and trace along to the hosts that may know them.
///
/// For any client that is a `Service<http::Request<B>>`, such as hyper-util's or a tonic channel:
///
/// ```
/// use highlight_tower::HighlightClientLayer;
/// use http_body_util::Empty;
/// use hyper_util::{client::legacy::Client, rt::TokioExecutor};
/// use tower::{Service, ServiceBuilder, ServiceExt};
///
/// # async fn call() -> Result<(), Box<dyn std::error::Error>> {
/// let http = Client::builder(TokioExecutor::new()).build_http::<Empty<bytes::Bytes>>();
/// let mut http = ServiceBuilder::new().layer(HighlightClientLayer::new()).service(http);
///
/// let request = http::Request::get("http://payments:8080/charges/7").body(Empty::new())?;
/// let response = http.ready().await?.call(request).await?;
/// # Ok(())
/// # }
/// ```
///
/// A layer that follows redirects or retries belongs outside this one: each request that it sends is then
/// judged, and recorded, by itself. Cloning is cheap.
#[derive(Debug, Clone, Default)]
#[must_use = "a layer does nothing until it is put around a client"]
pub struct HighlightClientLayer {
    options: Options,
}

#[derive(Debug, Clone, Default)]
struct Options {
    client: Option<Client>,
    target: Option<Uri>,
}

impl HighlightClientLayer {
    /// A layer that reports to the client of the current request, else to the process-wide one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reports to `client` in place of the current one.
    pub fn with_client(mut self, client: Client) -> Self {
        self.options.client = Some(client);
        self
    }

    /// Where requests go that name no host themselves: only scheme, host and port count. Default: unknown, and such
    /// requests carry nothing.
    ///
    /// tonic's requests are of that kind, because the channel knows the host; so are those on a bare hyper
    /// connection. A `Host` header is not asked: it does not decide where a request goes.
    ///
    /// ```
    /// # use highlight_tower::HighlightClientLayer;
    /// let layer = HighlightClientLayer::new().with_target(http::Uri::from_static("http://payments:50051"));
    /// ```
    pub fn with_target(mut self, target: Uri) -> Self {
        self.options.target = Some(target);
        self
    }
}

impl Options {
    /// The request's address, with a host if there is a way to know it.
    fn address<'a>(&self, uri: &'a Uri) -> Cow<'a, Uri> {
        let Some(target) = self.target.as_ref().filter(|_| uri.authority().is_none()) else {
            return Cow::Borrowed(uri);
        };
        let mut parts = Parts::default();
        parts.scheme = Some(target.scheme().cloned().unwrap_or(Scheme::HTTP));
        parts.authority = target.authority().cloned();
        parts.path_and_query = uri.path_and_query().cloned();
        Uri::from_parts(parts).map_or(Cow::Borrowed(uri), Cow::Owned)
    }

    fn start<B>(&self, request: &Request<B>) -> Option<ClientSpan> {
        let uri = self.address(request.uri());
        let mut described = ClientRequest::new(request.method().as_str(), &uri);
        described.template = request.extensions().get::<UrlTemplate>().map(UrlTemplate::as_str);
        described.grpc = GrpcHeaders::from_headers(request.headers());
        ClientSpan::start(&described, self.client.as_ref())
    }
}

impl<S> Layer<S> for HighlightClientLayer {
    type Service = HighlightClientService<S>;

    fn layer(&self, inner: S) -> HighlightClientService<S> {
        HighlightClientService { inner, options: self.options.clone() }
    }
}

/// The service that [`HighlightClientLayer`] makes.
#[derive(Debug, Clone)]
pub struct HighlightClientService<S> {
    inner: S,
    options: Options,
}

impl<S, B, R> Service<Request<B>> for HighlightClientService<S>
where
    S: Service<Request<B>, Response = Response<R>, Error: fmt::Display>,
    R: http_body::Body,
{
    type Response = Response<HighlightClientBody<R>>;
    type Error = S::Error;
    type Future = HighlightClientFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Some(span) = self.options.start(&request) else {
            return HighlightClientFuture::new(self.inner.call(request), None);
        };
        span.inject(request.headers_mut());
        let future = span.in_scope(|| self.inner.call(request));
        HighlightClientFuture::new(future, Some(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_stands_in_where_a_request_names_no_host() {
        for (target, uri, expected) in [
            (None, "/pay.Payments/Charge", "/pay.Payments/Charge"),
            (None, "http://a:1/x?y=z", "http://a:1/x?y=z"),
            (
                Some("http://payments:50051"),
                "/pay.Payments/Charge",
                "http://payments:50051/pay.Payments/Charge",
            ),
            (Some("https://payments/ignored?too"), "/x?y=z", "https://payments/x?y=z"),
            (Some("payments:50051"), "/x", "http://payments:50051/x"),
            (Some("http://payments"), "http://elsewhere/x", "http://elsewhere/x"),
            (Some("/no/host"), "/x", "/x"),
        ] {
            let target = target.map(|target| target.parse().unwrap());
            let uri: Uri = uri.parse().unwrap();
            let options = Options { client: None, target };
            assert_eq!(options.address(&uri).to_string(), expected, "{options:?} {uri}");
        }
    }
}
