//! Request bodies, seen as the service reads them.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use highlight::http::{BodyRecorder, ServerSpan};
use http::Request;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// A request body that is recorded while it is read. See [`HighlightLayer::wrap_request_bodies`](crate::HighlightLayer::wrap_request_bodies).
    pub struct RecordedBody<B> {
        #[pin]
        body: B,
        // `None` once it has ended.
        recorder: Option<BodyRecorder>,
    }
}

impl<B: Body> Body for RecordedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = ready!(this.body.poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let (Some(data), Some(recorder)) = (frame.data_ref(), this.recorder) {
                    each_slice(data, |slice| recorder.data(slice));
                }
            }
            Some(Err(_)) | None => *this.recorder = None,
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

impl<B> fmt::Debug for RecordedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedBody").finish_non_exhaustive()
    }
}

/// Shows the data to `see`, without using it up.
pub(crate) fn each_slice(data: &impl Buf, mut see: impl FnMut(&[u8])) {
    let mut slices = [std::io::IoSlice::new(&[]); 16];
    let count = data.chunks_vectored(&mut slices);
    slices[..count].iter().for_each(|slice| see(slice));
}

/// How a layer gets to see request bodies: not at all ([`IgnoreBodies`]), or by putting a [`RecordedBody`] in their place ([`WrapBodies`]).
pub trait RequestBodies<B>: sealed::Sealed<B> {}

impl<B, R: sealed::Sealed<B>> RequestBodies<B> for R {}

/// Request bodies are not looked at.
#[derive(Debug, Clone, Copy, Default)]
pub struct IgnoreBodies;

/// Request bodies are wrapped where they are to be recorded, by the function in here.
#[derive(Clone, Copy)]
pub struct WrapBodies<F>(pub(crate) F);

impl<B> sealed::Sealed<B> for IgnoreBodies {
    fn record(&self, span: &ServerSpan, request: Request<B>) -> Request<B> {
        // The headers alone.
        drop(span.record_request(request.headers()));
        request
    }
}

impl<B, F: Fn(RecordedBody<B>) -> B> sealed::Sealed<B> for WrapBodies<F> {
    fn record(&self, span: &ServerSpan, request: Request<B>) -> Request<B> {
        match span.record_request(request.headers()) {
            Some(recorder) => request.map(|body| (self.0)(RecordedBody { body, recorder: Some(recorder) })),
            None => request,
        }
    }
}

impl<F> fmt::Debug for WrapBodies<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrapBodies").finish_non_exhaustive()
    }
}

mod sealed {
    use super::{Request, ServerSpan};

    pub trait Sealed<B> {
        /// The request, with its body wrapped if that is to be recorded.
        fn record(&self, span: &ServerSpan, request: Request<B>) -> Request<B>;
    }
}
