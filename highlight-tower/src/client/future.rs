use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use highlight::http::ClientSpan;
use http::Response;
use pin_project_lite::pin_project;

use super::{body::HighlightClientBody, error_type};

pin_project! {
    /// The future of [`HighlightClientService`](crate::HighlightClientService): the inner one, with its client span
    /// current in every poll and in drop.
    #[must_use = "futures do nothing unless polled"]
    pub struct ClientResponseFuture<F> {
        // `None` once it has ended.
        #[pin]
        future: Option<F>,
        // `None` if there is no client, and once the response's body has it.
        span: Option<ClientSpan>,
    }

    impl<F> PinnedDrop for ClientResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(span) = this.span {
                span.run(|| this.future.set(None));
            }
        }
    }
}

impl<F> ClientResponseFuture<F> {
    pub(super) fn new(future: F, span: Option<ClientSpan>) -> Self {
        Self { future: Some(future), span }
    }
}

impl<F, B, E> Future for ClientResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: http_body::Body,
    E: fmt::Display,
{
    type Output = Result<Response<HighlightClientBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut poll = || {
            let result = this.future.as_mut().as_pin_mut().map_or(Poll::Pending, |future| future.poll(cx));
            if result.is_ready() {
                // What it still holds is dropped here, where the span is current.
                this.future.set(None);
            }
            result
        };
        let result = match this.span.as_ref() {
            Some(span) => ready!(span.run(poll)),
            None => ready!(poll()),
        };
        let mut span = this.span.take();
        if let Some(span) = &mut span {
            match &result {
                Ok(response) => {
                    span.set_response(response.status(), response.version());
                    span.set_grpc_status(response.headers());
                }
                Err(error) => span.set_failed(error_type::<E>(), &error.to_string()),
            }
        }
        Poll::Ready(result.map(|response| response.map(|body| HighlightClientBody::new(body, span))))
    }
}

impl<F> fmt::Debug for ClientResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientResponseFuture").finish_non_exhaustive()
    }
}
