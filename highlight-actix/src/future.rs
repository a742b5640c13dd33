//! The future of a response, polled inside its request.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::{
    Error,
    body::{BodySize, MessageBody},
    dev::ServiceResponse,
    http::{Method, StatusCode},
};
use highlight::http::{ServerSpan, WithSpan};
use pin_project_lite::pin_project;

use crate::{Headers, body::HighlightBody, report::ErrorTypes, request};

pin_project! {
    /// The future of [`HighlightService`](crate::HighlightService): the inner one, with its request current in every poll and in drop.
    #[must_use = "futures do nothing unless polled"]
    pub struct HighlightFuture<F> {
        #[pin]
        inner: WithSpan<F, ServerSpan>,
        error_types: ErrorTypes,
    }
}

impl<F> HighlightFuture<F> {
    pub(crate) fn new(future: F, span: Option<ServerSpan>, error_types: ErrorTypes) -> Self {
        Self { inner: WithSpan::new(future, span), error_types }
    }
}

impl<F, B> Future for HighlightFuture<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
    B: MessageBody,
{
    type Output = Result<ServiceResponse<HighlightBody<B>>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(untraced) = this.inner.as_mut().untraced() {
            return untraced
                .poll(cx)
                .map_ok(|response| response.map_body(|_, body| HighlightBody::new(body, None)));
        }
        let (result, mut span) = ready!(this.inner.poll(cx));
        if let Some(span) = &mut span {
            match &result {
                Ok(response) => answered(span, response, this.error_types),
                Err(error) => failed(span, error, this.error_types),
            }
        }
        Poll::Ready(result.map(|response| response.map_body(|_, body| HighlightBody::new(body, span))))
    }
}

fn answered<B: MessageBody>(span: &mut ServerSpan, response: &ServiceResponse<B>, error_types: &ErrorTypes) {
    let (request, status) = (response.request(), response.status());
    span.set_route(request::matched_route(request).as_deref());
    if let Some(error) = response.response().error().filter(|_| status.is_server_error()) {
        span.in_scope(|| error_types.report(error));
    }
    span.set_status(status.as_u16());
    span.record_response(&Headers(response.headers()));
    if is_complete(request.method(), status, response.response().body().size()) {
        span.end();
    }
}

/// A middleware further in failed, and the server makes the response.
fn failed(span: &mut ServerSpan, error: &Error, error_types: &ErrorTypes) {
    // Asking for the response itself would use it up: some errors hold a ready one.
    let status = error.as_response_error().status_code();
    if status.is_server_error() {
        span.in_scope(|| error_types.report(error));
    }
    span.set_status(status.as_u16());
}

/// Whether the response ends with its head: then the body's end need not be seen, or, after an upgrade, is that of another protocol.
fn is_complete(method: &Method, status: StatusCode, body: BodySize) -> bool {
    method == Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || matches!(body, BodySize::None | BodySize::Sized(0))
}

impl<F> fmt::Debug for HighlightFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HighlightFuture").finish_non_exhaustive()
    }
}
