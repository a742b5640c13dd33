//! What a server does with a request, in no framework's terms.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};

/// The text of the panics that are meant to happen.
pub const EXPECTED_PANIC: &str = "a panic that the suite expects";

/// A future in a box.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What serves a request; the frameworks share it.
pub type Handler = Arc<dyn Fn(Arrival) -> BoxFuture<Result<Reply, Failure>> + Send + Sync>;

/// Makes a [`Handler`] of an async closure.
pub fn handler<F, Fut, E>(serve: F) -> Handler
where
    F: Fn(Arrival) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Reply, E>> + Send + 'static,
    E: Into<Failure>,
{
    Arc::new(move |arrival| {
        let reply = serve(arrival);
        Box::pin(async { reply.await.map_err(Into::into) })
    })
}

/// An error that a handler returns, of any of the usual types.
#[derive(Debug)]
pub enum Failure {
    /// An error type.
    Declined(Declined),
    /// The one of `anyhow`.
    Anyhow(anyhow::Error),
    /// The one of `eyre`.
    Eyre(eyre::Report),
}

impl From<Declined> for Failure {
    fn from(error: Declined) -> Self {
        Self::Declined(error)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Anyhow(error)
    }
}

impl From<eyre::Report> for Failure {
    fn from(error: eyre::Report) -> Self {
        Self::Eyre(error)
    }
}

/// A request, as far as a handler wants to know it.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The path.
    pub path: String,
    /// The body, as far as it came.
    pub body: Bytes,
}

/// What a handler answers.
#[derive(Debug)]
pub struct Reply {
    /// The status: HTTP's, or from 1 to 16 gRPC's.
    pub status: u16,
    /// The header lines.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body.
    pub body: ReplyBody,
}

/// A body of any kind.
pub type ReplyBody = UnsyncBoxBody<Bytes, Declined>;

impl Reply {
    /// 200 with a text.
    pub fn text(text: impl Into<String>) -> Self {
        let body = Full::new(Bytes::from(text.into())).map_err(|never: Infallible| match never {});
        Self { status: 200, headers: Vec::new(), body: body.boxed_unsync() }
    }

    /// Nothing but a status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::text("") }
    }

    /// 200 with a body that `next` makes frame by frame. Every frame is one poll later than the one before.
    pub fn streaming(next: impl FnMut() -> Step + Send + 'static) -> Self {
        let body = Steps { next: Box::new(next), waited: false }.boxed_unsync();
        Self { status: 200, headers: Vec::new(), body }
    }

    /// Adds a header line.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The head, and the body.
    pub(crate) fn into_response(self) -> http::Response<ReplyBody> {
        let mut response = http::Response::new(self.body);
        *response.status_mut() = http::StatusCode::from_u16(self.status).unwrap_or_default();
        let header =
            |(name, value)| (http::HeaderName::from_static(name), http::HeaderValue::from_static(value));
        response.headers_mut().extend(self.headers.into_iter().map(header));
        response
    }

    /// 200 with the text "ok", in the form that a handler returns.
    pub fn ok() -> Result<Self, Declined> {
        Ok(Self::text("ok"))
    }
}

/// What a streaming body does next.
#[derive(Debug)]
pub enum Step {
    /// Sends this.
    Data(&'static str),
    /// Fails.
    Fail,
    /// Never goes on.
    Hang,
    /// Panics.
    Panic,
    /// Ends, with a trailer: `x-price: 42`.
    Trailers,
    /// Ends.
    End,
}

struct Steps {
    next: Box<dyn FnMut() -> Step + Send>,
    waited: bool,
}

impl Body for Steps {
    type Data = Bytes;
    type Error = Declined;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Declined>>> {
        self.waited = !self.waited;
        if self.waited {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match (self.next)() {
            Step::Data(data) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(data.as_bytes()))))),
            Step::Fail => Poll::Ready(Some(Err(Declined::new()))),
            Step::Hang => {
                self.waited = true;
                Poll::Pending
            }
            #[expect(clippy::panic, reason = "that is the step")]
            Step::Panic => panic!("{EXPECTED_PANIC}"),
            Step::Trailers => {
                let price = (HeaderName::from_static("x-price"), HeaderValue::from_static("42"));
                Poll::Ready(Some(Ok(Frame::trailers([price].into_iter().collect()))))
            }
            Step::End => Poll::Ready(None),
        }
    }
}

/// The suite's error, with a cause.
#[derive(thiserror::Error)]
#[error("payment declined")]
pub struct Declined(#[source] Expired);

/// The cause.
#[derive(Debug, thiserror::Error)]
#[error("card expired")]
pub struct Expired;

impl Declined {
    /// Its text.
    pub const MESSAGE: &str = "payment declined";
    /// The text of its cause.
    pub const CAUSE: &str = "card expired";
    /// Text and cause, as one line.
    pub const WITH_CAUSE: &str = "payment declined: card expired";

    /// One more of them.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "an error is made where it happens")]
    pub fn new() -> Self {
        Self(Expired)
    }
}

/// Unlike what is displayed, so that a row can tell which of the two was stored.
impl fmt::Debug for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Declined({:?})", self.0)
    }
}
