//! Futures that keep the context they were given.

use std::{
    future::Future,
    pin::Pin,
    task::{self, Poll},
};

use opentelemetry::Context;
use pin_project_lite::pin_project;

use crate::ambient;

pin_project! {
    /// A future with a context of its own: current in every poll, and while the future is dropped.
    ///
    /// The last matters when a client goes away: what the handler's values log as they are dropped still
    /// belongs to the request. Made by [`RequestContext::scope`](crate::RequestContext::scope) and
    /// [`InCurrentScope::in_current_scope`].
    #[must_use = "futures do nothing unless polled"]
    pub struct WithContext<F> {
        // `None` only once dropped.
        #[pin]
        future: Option<F>,
        cx: Context,
    }

    impl<F> PinnedDrop for WithContext<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _guard = ambient::attach(this.cx);
            this.future.set(None);
        }
    }
}

impl<F> WithContext<F> {
    pub(crate) fn new(future: F, cx: Context) -> Self {
        Self { future: Some(future), cx }
    }
}

impl<F: Future> Future for WithContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _guard = ambient::attach(this.cx);
        match this.future.as_pin_mut() {
            Some(future) => future.poll(task),
            None => Poll::Pending,
        }
    }
}

impl<F> std::fmt::Debug for WithContext<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WithContext").finish_non_exhaustive()
    }
}

/// Lets any future take along the context it is made in.
///
/// For executors and combinators that this crate has no helper for; for tokio see [`spawn`](crate::spawn).
///
/// ```
/// use highlight::InCurrentScope;
///
/// let work = async { tracing::info!("still part of the request") }.in_current_scope();
/// # drop(work);
/// ```
pub trait InCurrentScope: Future + Sized {
    /// Wraps the future so that it runs in the context that is current now.
    fn in_current_scope(self) -> WithContext<Self> {
        WithContext::new(self, ambient::current())
    }
}

impl<F: Future> InCurrentScope for F {}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::RequestContext;

    struct SaysWhereItIsDropped(Arc<Mutex<Option<RequestContext>>>);

    impl Drop for SaysWhereItIsDropped {
        fn drop(&mut self) {
            *self.0.lock().unwrap() = Some(RequestContext::current());
        }
    }

    #[test]
    fn context_is_current_in_polls_and_in_drop() {
        let context: RequestContext = "s/r".parse().unwrap();
        let dropped_in = Arc::new(Mutex::new(None));
        let witness = SaysWhereItIsDropped(Arc::clone(&dropped_in));
        let future = context.scope(async move {
            assert_eq!(RequestContext::current().to_string(), "s/r");
            std::future::pending::<()>().await;
            drop(witness);
        });
        let mut future = Box::pin(future);
        let mut task = task::Context::from_waker(task::Waker::noop());
        assert!(future.as_mut().poll(&mut task).is_pending());
        assert!(RequestContext::current().is_empty());
        drop(future);
        assert_eq!(dropped_in.lock().unwrap().take(), Some(context));
    }
}
