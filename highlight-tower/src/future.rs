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

    /// The inner future where the request has no span, so that its response can be passed on as it is: for integrations whose body is
    /// another than [`HighlightBody`].
    #[must_use]
    pub fn untraced(self: Pin<&mut Self>) -> Option<Pin<&mut F>> {
        self.project().inner.untraced()
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
        let mut this = self.project();
        if let Some(untraced) = this.inner.as_mut().untraced() {
            return untraced.poll(cx).map_ok(|response| response.map(HighlightBody::plain));
        }
        let (result, span) = ready!(this.inner.poll(cx));
        Poll::Ready(answer(result, span, *this.has_body))
    }
}

/// What the span is told of the answer; the body takes it over, unless there is nothing to come.
fn answer<B, E>(
    result: Result<Response<B>, E>,
    mut span: Option<ServerSpan>,
    has_body: bool,
) -> Result<Response<HighlightBody<B>>, E>
where
    B: http_body::Body,
    E: fmt::Display,
{
    match (result, &mut span) {
        (Ok(response), Some(open)) => {
            open.set_status(response.status().as_u16());
            open.read_grpc_status(response.headers());
            open.record_response(response.headers());
            let ended = !has_body || has_no_body(response.status());
            let span = span.filter(|_| !ended);
            let length = response.body().size_hint().exact();
            let length = length.or_else(|| content_length(response.headers()));
            Ok(response.map(|body| HighlightBody::new(body, span, length)))
        }
        (Err(error), Some(span)) => {
            span.consume_error("service error", error.to_string());
            Err(error)
        }
        (result, None) => result.map(|response| response.map(HighlightBody::plain)),
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
