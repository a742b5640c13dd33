//! Actix's ways to start work elsewhere, with the request taken along.

use actix_web::{error::BlockingError, rt, web};
use highlight::InCurrentScope;
use tracing::Instrument;

/// [`web::block`] for work that keeps the current request and span.
///
/// ```
/// # use highlight_actix::HandlerError;
/// async fn handler() -> Result<String, HandlerError> {
///     let prices = highlight_actix::block(|| {
///         tracing::info!("reading"); // part of the request
///         std::fs::read_to_string("prices.txt")
///     });
///     Ok(prices.await??)
/// }
/// ```
///
/// # Errors
///
/// [`BlockingError`] if the work panicked, which is reported like every panic, or the thread pool is gone.
///
/// # Panics
///
/// Outside a runtime, as [`web::block`] does.
pub fn block<F, R>(f: F) -> impl Future<Output = Result<R, BlockingError>>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    web::block(highlight::in_current_scope(f))
}

/// [`rt::spawn`] for a task that keeps the current request and span, also beyond the request's end.
///
/// It runs on the worker's thread, so the future need not be [`Send`].
///
/// # Panics
///
/// Outside actix's runtime, as [`rt::spawn`] does.
#[track_caller]
pub fn spawn<F>(future: F) -> rt::task::JoinHandle<F::Output>
where
    F: Future<Output: 'static> + 'static,
{
    // The context inside the span: entering the request's span makes the request's own context current.
    rt::spawn(future.in_current_scope().in_current_span())
}
