//! Bodies of answers, and the client span that ends with them.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use highlight::http::ClientSpan;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::error_type;

pin_project! {
    /// The body of a response to an outgoing request. The client span ends with it: read, failed or dropped.
    pub struct HighlightClientBody<B> {
        // Dropped before the span, which thereby includes it.
        #[pin]
        body: B,
        // `None` if there is no client, and once the body has ended.
        span: Option<ClientSpan>,
    }
}

impl<B: Body> HighlightClientBody<B> {
    pub(super) fn new(body: B, mut span: Option<ClientSpan>) -> Self {
        if body.is_end_stream() {
            end(&mut span);
        }
        Self { body, span }
    }
}

impl<B> Body for HighlightClientBody<B>
where
    B: Body<Error: fmt::Display>,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(span) = this.span else { return this.body.poll_frame(cx) };
        let frame = ready!(span.in_scope(|| this.body.as_mut().poll_frame(cx)));
        let has_ended = match &frame {
            // A reader that knows the length does not ask for the end.
            Some(Ok(frame)) => {
                let trailers = frame.trailers_ref();
                if let Some(trailers) = trailers {
                    span.read_grpc_status(trailers);
                }
                trailers.is_some() || this.body.is_end_stream()
            }
            Some(Err(error)) => {
                span.set_failed(error_type::<B::Error>(), &error.to_string());
                true
            }
            None => true,
        };
        if has_ended {
            end(this.span);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body has ended, and its span with it.
fn end(span: &mut Option<ClientSpan>) {
    if let Some(span) = span.take() {
        span.end();
    }
}

impl<B: Default> Default for HighlightClientBody<B> {
    fn default() -> Self {
        Self { body: B::default(), span: None }
    }
}

impl<B> fmt::Debug for HighlightClientBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HighlightClientBody").finish_non_exhaustive()
    }
}
