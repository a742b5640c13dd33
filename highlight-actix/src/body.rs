//! Response bodies, and the span that ends with them.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::{
    body::{BodySize, MessageBody},
    web::Bytes,
};
use highlight::{ErrorReport, http::ServerSpan};
use pin_project_lite::pin_project;

pin_project! {
    /// A response body with its request current while it is polled and dropped. The server span ends with it.
    pub struct HighlightBody<B> {
        // `None` only while it is dropped or converted.
        #[pin]
        body: Option<B>,
        // `None` if there is no client.
        span: Option<ServerSpan>,
    }

    impl<B> PinnedDrop for HighlightBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(span) = this.span {
                // Says nothing of a span that has ended.
                span.set_failed("cancelled", "(the client went away during the body)");
                span.in_scope(|| this.body.set(None));
            }
        }
    }
}

impl<B> HighlightBody<B> {
    pub(crate) fn new(body: B, span: Option<ServerSpan>) -> Self {
        Self { body: Some(body), span }
    }
}

impl<B: MessageBody> MessageBody for HighlightBody<B> {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.body.as_ref().map_or(BodySize::None, MessageBody::size)
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Box<dyn Error>>>> {
        let this = self.project();
        let Some(body) = this.body.as_pin_mut() else { return Poll::Ready(None) };
        let Some(span) = this.span else {
            return body.poll_next(cx).map_err(Into::into);
        };
        let chunk = ready!(span.in_scope(|| body.poll_next(cx)));
        Poll::Ready(match chunk {
            Some(Ok(chunk)) => {
                span.record_response_data(&chunk);
                Some(Ok(chunk))
            }
            Some(Err(error)) => {
                let error = error.into();
                // What the error says becomes the span's description where it is reported.
                span.set_failed("body error", "");
                span.in_scope(|| ErrorReport::new(&error).without_location().consume());
                span.end();
                Some(Err(error))
            }
            None => {
                span.end();
                None
            }
        })
    }

    fn try_into_bytes(mut self) -> Result<Bytes, Self> {
        let Some(body) = self.body.take() else { return Err(self) };
        match body.try_into_bytes() {
            Ok(bytes) => {
                if let Some(span) = &mut self.span {
                    span.record_response_data(&bytes);
                    span.end();
                }
                Ok(bytes)
            }
            Err(body) => {
                self.body = Some(body);
                Err(self)
            }
        }
    }
}

impl<B> fmt::Debug for HighlightBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HighlightBody").finish_non_exhaustive()
    }
}
