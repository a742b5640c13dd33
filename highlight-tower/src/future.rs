use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use highlight::http::ServerSpan;
use http::{HeaderMap, Response, StatusCode, header};
use pin_project_lite::pin_project;

use crate::body::HighlightBody;

pin_project! {
    /// The future of [`HighlightService`](crate::HighlightService): the inner one, with its request current in every poll and in drop.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        // `None` once it has ended.
        #[pin]
        future: Option<F>,
        // `None` if there is no client, and once the response's body has it.
        span: Option<ServerSpan>,
        has_body: bool,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(span) = this.span {
                span.run(|| this.future.set(None));
            }
        }
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn new(future: F, span: Option<ServerSpan>, has_body: bool) -> Self {
        Self { future: Some(future), span, has_body }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: http_body::Body,
    E: fmt::Display,
{
    type Output = Result<Response<HighlightBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut poll = || {
            let result = this.future.as_mut().as_pin_mut().map_or(Poll::Pending, |future| future.poll(cx));
            if result.is_ready() {
                // What it still holds is dropped here, where the request is current.
                this.future.set(None);
            }
            result
        };
        let Some(span) = this.span else {
            let result = ready!(poll());
            return Poll::Ready(
                result.map(|response| response.map(|body| HighlightBody::new(body, None, None))),
            );
        };
        let result = ready!(span.run(poll));
        let result = match result {
            Ok(response) => {
                span.set_status(response.status().as_u16());
                span.set_grpc_status(response.headers());
                span.record_response(response.headers());
                let ended = !*this.has_body || has_no_body(response.status());
                let span = this.span.take().filter(|_| !ended);
                let length = content_length(response.headers());
                Ok(response.map(|body| HighlightBody::new(body, span, length)))
            }
            Err(error) => {
                span.set_error("service error", error.to_string());
                *this.span = None;
                Err(error)
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

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
