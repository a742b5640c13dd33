//! The future of a response, polled inside its request.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use highlight::http::{ServerSpan, WithSpan};
use http::{HeaderMap, Response, StatusCode, header};
use pin_project_lite::pin_project;

use crate::body::HighlightBody;

pin_project! {
    /// The future of [`HighlightService`](crate::HighlightService): the inner one, with its request current in every poll and in drop.
    #[must_use = "futures do nothing unless polled"]
    pub struct HighlightFuture<F> {
        #[pin]
        inner: WithSpan<F, ServerSpan>,
        has_body: bool,
    }
}

impl<F> HighlightFuture<F> {
    pub(crate) fn new(future: F, span: Option<ServerSpan>, has_body: bool) -> Self {
        Self { inner: WithSpan::new(future, span), has_body }
    }
}

impl<F, B, E> Future for HighlightFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: http_body::Body,
    E: fmt::Display,
{
    type Output = Result<Response<HighlightBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (result, mut span) = ready!(this.inner.poll(cx));
        let result = match (result, &mut span) {
            (Ok(response), Some(open)) => {
                open.set_status(response.status().as_u16());
                open.read_grpc_status(response.headers());
                open.record_response(response.headers());
                let ended = !*this.has_body || has_no_body(response.status());
                let span = span.filter(|_| !ended);
                let length = content_length(response.headers());
                Ok(response.map(|body| HighlightBody::new(body, span, length)))
            }
            (Err(error), Some(span)) => {
                span.consume_error("service error", error.to_string());
                Err(error)
            }
            (result, None) => {
                result.map(|response| response.map(|body| HighlightBody::new(body, None, None)))
            }
        };
        Poll::Ready(result)
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Servers do not read the body of such a response, so its end would never be seen.
fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

impl<F> fmt::Debug for HighlightFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HighlightFuture").finish_non_exhaustive()
    }
}
