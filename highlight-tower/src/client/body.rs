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
    pub(super) fn new(body: B, span: Option<ClientSpan>) -> Self {
        let span = span.filter(|_| !body.is_end_stream());
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
        let frame = ready!(span.run(|| this.body.as_mut().poll_frame(cx)));
        if let Some(Err(error)) = &frame {
            span.set_failed(error_type::<B::Error>(), &error.to_string());
        }
        // A reader that knows the length does not ask for the end.
        if !matches!(frame, Some(Ok(_))) || this.body.is_end_stream() {
            *this.span = None;
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
