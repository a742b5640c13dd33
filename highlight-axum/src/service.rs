//! The service of the layer: tower's, with axum's body.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{BoxError, body::Body};
use bytes::Bytes;
use highlight_tower::{RecordedBody, WrapBodies};
use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

/// Axum's body holds any other.
pub(crate) type Bodies = WrapBodies<fn(RecordedBody<Body>) -> Body>;

/// The service that [`HighlightLayer`](crate::HighlightLayer) makes.
#[derive(Debug, Clone)]
pub struct HighlightService<S>(pub(crate) highlight_tower::HighlightService<S, Bodies>);

impl<S, T> Service<Request<Body>> for HighlightService<S>
where
    S: Service<Request<Body>, Response = Response<T>, Error: fmt::Display>,
    T: http_body::Body<Data = Bytes, Error: Into<BoxError> + fmt::Display> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = HighlightFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        HighlightFuture { inner: self.0.call(request) }
    }
}

pin_project! {
    /// The future of [`HighlightService`]: the inner one, with its request current in every poll and in drop.
    #[must_use = "futures do nothing unless polled"]
    pub struct HighlightFuture<F> {
        #[pin]
        inner: highlight_tower::HighlightFuture<F>,
    }
}

impl<F, T, E> Future for HighlightFuture<F>
where
    F: Future<Output = Result<Response<T>, E>>,
    T: http_body::Body<Data = Bytes, Error: Into<BoxError> + fmt::Display> + Send + 'static,
    E: fmt::Display,
{
    type Output = Result<Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut inner = self.project().inner;
        // A body of axum's own stays what it is where nobody has to see its end.
        if let Some(untraced) = inner.as_mut().untraced() {
            return untraced.poll(cx).map_ok(|response| response.map(Body::new));
        }
        let response = ready!(inner.poll(cx))?;
        Poll::Ready(Ok(response.map(|body| body.into_inner().map_or_else(Body::new, Body::new))))
    }
}

impl<F> fmt::Debug for HighlightFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HighlightFuture").finish_non_exhaustive()
    }
}
