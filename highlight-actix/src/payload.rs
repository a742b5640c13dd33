//! Request bodies, seen as the app reads them.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::{
    HttpMessage,
    dev::{Payload, ServiceRequest},
    error::PayloadError,
    web::Bytes,
};
use futures_core::Stream;
use highlight::http::{BodyRecorder, ServerSpan};

use crate::Headers;

/// Records the headers of the request, and its body while that is read.
pub(crate) fn record(span: &ServerSpan, request: &mut ServiceRequest) {
    if let Some(recorder) = span.record_request(&Headers(request.headers())) {
        let payload = request.take_payload();
        let recorded = Recorded { payload, recorder: Some(recorder) };
        request.set_payload(Payload::Stream { payload: Box::pin(recorded) });
    }
}

struct Recorded {
    payload: Payload,
    /// `None` once it has ended.
    recorder: Option<BodyRecorder>,
}

impl Stream for Recorded {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let chunk = ready!(Pin::new(&mut self.payload).poll_next(cx));
        match (&chunk, &mut self.recorder) {
            (Some(Ok(chunk)), Some(recorder)) => recorder.data(chunk),
            (Some(Err(_)) | None, recorder) => *recorder = None,
            _ => {}
        }
        Poll::Ready(chunk)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.payload.size_hint()
    }
}
