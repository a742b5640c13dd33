//! Work started elsewhere that still belongs to the request.
//!
//! A task or thread starts with nothing. These helpers take the current context along.

use std::{io, thread};

use tracing::instrument::{Instrument, Instrumented};

use crate::{InCurrentScope, WithContext, ambient};

/// [`std::thread::spawn`] for a thread that keeps the current request and span.
///
/// ```
/// let thread = highlight::spawn_thread(|| tracing::info!("still part of the request"))?;
/// # thread.join().unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// The operating system's, if it has no thread to give.
pub fn spawn_thread<T: Send + 'static>(
    f: impl FnOnce() -> T + Send + 'static,
) -> io::Result<thread::JoinHandle<T>> {
    thread::Builder::new().spawn(in_current_scope(f))
}

/// [`tokio::spawn`] for a task that keeps the current request and span, also beyond the request's end.
///
/// A task starts with nothing: what a bare `tokio::spawn` runs is not part of the request any more, and no library can
/// change that. Let clippy find the bare ones, in `clippy.toml`:
///
/// ```toml
/// disallowed-methods = [
///     { path = "tokio::spawn", reason = "loses the request; use highlight::spawn" },
///     { path = "tokio::task::spawn_blocking", reason = "loses the request; use highlight::spawn_blocking" },
///     { path = "std::thread::spawn", reason = "loses the request; use highlight::spawn_thread" },
/// ]
/// ```
///
/// Needs the feature `tokio`, which the framework crates turn on. Other runtimes:
/// [`InCurrentScope`](crate::InCurrentScope).
///
/// # Panics
///
/// Outside a tokio runtime, as [`tokio::spawn`] does.
#[cfg(feature = "tokio")]
#[track_caller]
pub fn spawn<F>(future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    // The context inside the span: entering the request's span makes the request's own context current.
    tokio::spawn(future.in_current_scope().in_current_span())
}

/// [`tokio::task::spawn_blocking`] for work that keeps the current request and span.
///
/// Needs the feature `tokio`, as [`spawn`] does.
///
/// # Panics
///
/// Outside a tokio runtime, as [`tokio::task::spawn_blocking`] does.
#[cfg(feature = "tokio")]
#[track_caller]
pub fn spawn_blocking<T: Send + 'static>(
    f: impl FnOnce() -> T + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::task::spawn_blocking(in_current_scope(f))
}

/// Wraps a closure so that it runs with the request and span that are current now.
///
/// For thread pools that this crate has no helper for; for futures there is [`InCurrentScope`](crate::InCurrentScope).
///
/// ```
/// let work = highlight::in_current_scope(|| tracing::info!("still part of the request"));
/// std::thread::scope(|scope| scope.spawn(work).join().is_ok());
/// ```
pub fn in_current_scope<T>(f: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let cx = ambient::current();
    let span = tracing::Span::current();
    move || {
        span.in_scope(|| {
            let _guard = ambient::attach(&cx);
            f()
        })
    }
}

/// Wraps a callback, a closure that takes a value and makes a future, so that both run with the request and span that are
/// current now.
///
/// For what calls back from a task of its own: the `on_upgrade` of WebSocket libraries, above all.
///
/// ```
/// # struct Socket;
/// # struct Upgrade;
/// # impl Upgrade { fn on_upgrade<F: Future<Output = ()>>(self, _: impl FnOnce(Socket) -> F) {} }
/// # async fn chat(_: Socket) {}
/// fn handler(upgrade: Upgrade) {
///     upgrade.on_upgrade(highlight::callback_in_current_scope(|socket| async {
///         tracing::info!("still part of the request");
///         chat(socket).await;
///     }))
/// }
/// # handler(Upgrade);
/// ```
pub fn callback_in_current_scope<A, F: Future>(
    f: impl FnOnce(A) -> F,
) -> impl FnOnce(A) -> Instrumented<WithContext<F>> {
    let cx = ambient::current();
    let span = tracing::Span::current();
    move |argument| {
        let _entered = span.enter();
        let _guard = ambient::attach(&cx);
        f(argument).in_current_scope().in_current_span()
    }
}
