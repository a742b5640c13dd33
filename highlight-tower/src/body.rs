//! Response bodies, and the span that ends with them.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use highlight::http::ServerSpan;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::recorded::each_slice;

pin_project! {
    /// A response body with its request current while it is polled and dropped. The server span ends with it.
    pub struct HighlightBody<B> {
        // `None` once it has ended.
        #[pin]
        body: Option<B>,
        // `None` if there is no client, and once the body has ended.
        span: Option<ServerSpan>,
        // Bytes to come, where that is known; none are once the body has said so, or failed.
        expected: Option<u64>,
    }

    impl<B> PinnedDrop for HighlightBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(span) = this.span {
                if *this.expected != Some(0) {
                    span.set_failed("cancelled", "(the client went away during the body)");
                }
                span.in_scope(|| this.body.set(None));
            }
        }
    }
}

impl<B: Body> HighlightBody<B> {
    /// `length` is the body's, as it or the response's `Content-Length` tells it.
    pub(crate) fn new(body: B, span: Option<ServerSpan>, length: Option<u64>) -> Self {
        if span.is_none() {
            return Self::plain(body);
        }
        let ended = body.is_end_stream() || length == Some(0);
        Self { body: Some(body), span: span.filter(|_| !ended), expected: length }
    }

    /// A body that nobody has to see the end of.
    pub(crate) fn plain(body: B) -> Self {
        Self { body: Some(body), span: None, expected: None }
    }

    /// The body within, if no request has to see its end: no client is enabled, or the span has ended.
    ///
    /// # Errors
    ///
    /// Gives back the body where it has to be seen, or has ended.
    pub fn into_inner(mut self) -> Result<B, Self> {
        match self.span {
            Some(_) => Err(self),
            None => self.body.take().ok_or(self),
        }
    }
}

impl<B> Body for HighlightBody<B>
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
        let mut poll = || {
            let frame = this.body.as_mut().as_pin_mut().map_or(Poll::Ready(None), |body| body.poll_frame(cx));
            let ended = match &frame {
                Poll::Ready(Some(Ok(_))) => {
                    this.body.as_ref().as_pin_ref().is_none_or(|body| body.is_end_stream())
                }
                Poll::Ready(Some(Err(_))) | Poll::Pending => false,
                Poll::Ready(None) => true,
            };
            if ended {
                // What it still holds is dropped here, where the request is current.
                this.body.set(None);
            }
            frame
        };
        let Some(span) = this.span else { return poll() };
        let frame = ready!(span.in_scope(poll));
        match &frame {
            // A server that knows the length asks for no more than that, and drops the body: the span ends then.
            Some(Ok(frame)) => {
                let sent = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                if let Some(data) = frame.data_ref() {
                    each_slice(data, |slice| span.record_response_data(slice));
                }
                *this.expected = this.expected.map(|expected| expected.saturating_sub(sent));
                // Nothing comes after trailers, and servers do not ask.
                if let Some(trailers) = frame.trailers_ref() {
                    span.read_grpc_status(trailers);
                    *this.expected = Some(0);
                }
                if this.body.is_none() {
                    *this.span = None;
                }
            }
            Some(Err(error)) => {
                span.consume_error("body error", error.to_string());
                *this.expected = Some(0);
            }
            None => *this.span = None,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B: Default> Default for HighlightBody<B> {
    fn default() -> Self {
        Self { body: Some(B::default()), span: None, expected: None }
    }
}

impl<B> fmt::Debug for HighlightBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HighlightBody").finish_non_exhaustive()
    }
}
