//! The future of an answer, polled inside its client span.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use highlight::http::{ClientSpan, WithSpan};
use http::Response;
use pin_project_lite::pin_project;

use super::{body::HighlightClientBody, error_type};

pin_project! {
    /// The future of [`HighlightClientService`](crate::HighlightClientService): the inner one, with its client span
    /// current in every poll and in drop.
    #[must_use = "futures do nothing unless polled"]
    pub struct HighlightClientFuture<F> {
        #[pin]
        inner: WithSpan<F, ClientSpan>,
    }
}

impl<F> HighlightClientFuture<F> {
    pub(super) fn new(future: F, span: Option<ClientSpan>) -> Self {
        Self { inner: WithSpan::new(future, span) }
    }
}

impl<F, B, E> Future for HighlightClientFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: http_body::Body,
    E: fmt::Display,
{
    type Output = Result<Response<HighlightClientBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (result, mut span) = ready!(self.project().inner.poll(cx));
        if let Some(span) = &mut span {
            match &result {
                Ok(response) => {
                    span.set_response(response.status(), response.version());
                    span.read_grpc_status(response.headers());
                }
                Err(error) => span.set_failed(error_type::<E>(), &error.to_string()),
            }
        }
        Poll::Ready(result.map(|response| response.map(|body| HighlightClientBody::new(body, span))))
    }
}

impl<F> fmt::Debug for HighlightClientFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HighlightClientFuture").finish_non_exhaustive()
    }
}
