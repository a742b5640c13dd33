//! The body of an answer, and the span that ends with it.

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use highlight::http::ClientSpan;
use http_body::{Body, Frame, SizeHint};
use reqwest::{Response, ResponseBuilderExt};

use crate::failure::Failure;

/// The same response; its span ends with its body.
pub(crate) fn measured(response: Response, span: ClientSpan) -> Response {
    if response.content_length() == Some(0) {
        return response;
    }
    let url = response.url().clone();
    let (mut parts, body) = http::Response::from(response).into_parts();
    // How reqwest lets a response keep its address.
    if let Some(extensions) = http::response::Builder::new().url(url).extensions_mut() {
        parts.extensions.extend(mem::take(extensions));
    }
    let body = reqwest::Body::wrap(MeasuredBody { body, span: Some(span) });
    http::Response::from_parts(parts, body).into()
}

/// A body with its span current while it is read.
struct MeasuredBody {
    // Dropped before the span, which thereby includes it.
    body: reqwest::Body,
    // `None` once the body has ended.
    span: Option<ClientSpan>,
}

impl Body for MeasuredBody {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<reqwest::Result<Frame<Bytes>>>> {
        let Self { body, span } = &mut *self;
        let Some(running) = span else { return Pin::new(body).poll_frame(cx) };
        let frame = ready!(running.in_scope(|| Pin::new(&mut *body).poll_frame(cx)));
        if let Some(Err(error)) = &frame {
            running.set_failed(error.error_type(), &error.causes());
        }
        // A reader that knows the length does not ask for the end.
        if !matches!(frame, Some(Ok(_))) || body.is_end_stream() {
            *span = None;
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
