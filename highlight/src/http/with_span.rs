//! Work that is done in the span of its request.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::{ClientSpan, ServerSpan};

/// A span that a piece of work can be run in: a [`ServerSpan`] or a [`ClientSpan`].
pub trait RequestSpan: sealed::Sealed {
    /// Runs `f` with the span current on this thread.
    fn in_scope<T>(&mut self, f: impl FnOnce() -> T) -> T;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::ServerSpan {}
    impl Sealed for super::ClientSpan {}
}

impl RequestSpan for ServerSpan {
    fn in_scope<T>(&mut self, f: impl FnOnce() -> T) -> T {
        Self::in_scope(self, f)
    }
}

impl RequestSpan for ClientSpan {
    fn in_scope<T>(&mut self, f: impl FnOnce() -> T) -> T {
        Self::in_scope(self, f)
    }
}

pin_project! {
    /// A future with its span current in every poll, and while the future is dropped. It hands the span on with its output.
    ///
    /// What an integration makes of a service's future. Without a span (there is no enabled client) it is that future, and no more.
    #[must_use = "futures do nothing unless polled"]
    pub struct WithSpan<F, S: RequestSpan> {
        // `None` once it has ended.
        #[pin]
        future: Option<F>,
        // `None` if there is none, and once it was handed on.
        span: Option<S>,
    }

    impl<F, S: RequestSpan> PinnedDrop for WithSpan<F, S> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(span) = this.span {
                span.in_scope(|| this.future.set(None));
            }
        }
    }
}

impl<F, S: RequestSpan> WithSpan<F, S> {
    /// Runs `future` in `span`.
    pub fn new(future: F, span: Option<S>) -> Self {
        Self { future: Some(future), span }
    }

    /// The future itself if there is no span: its output need not be handed on through this one then.
    #[must_use]
    pub fn untraced(self: Pin<&mut Self>) -> Option<Pin<&mut F>> {
        let this = self.project();
        if this.span.is_some() { None } else { this.future.as_pin_mut() }
    }
}

impl<F: Future, S: RequestSpan> Future for WithSpan<F, S> {
    type Output = (F::Output, Option<S>);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let mut poll = || {
            let output = this.future.as_mut().as_pin_mut().map_or(Poll::Pending, |future| future.poll(cx));
            if output.is_ready() {
                // What it still holds is dropped here, where the span is current.
                this.future.set(None);
            }
            output
        };
        let output = match this.span {
            Some(span) => ready!(span.in_scope(poll)),
            None => ready!(poll()),
        };
        Poll::Ready((output, this.span.take()))
    }
}

impl<F, S: RequestSpan> fmt::Debug for WithSpan<F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithSpan").finish_non_exhaustive()
    }
}
