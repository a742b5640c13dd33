//! Errors: one object on the server for each failure.

mod extension;
mod record;
mod report;
mod reportable;
mod rule;
#[cfg(test)]
mod tests;
mod type_of;

pub use self::{
    extension::ConsumeError,
    report::ErrorReport,
    reportable::Reportable,
    rule::{ErrorAction, ReportedError},
};
pub(crate) use self::{reportable::Subject, rule::ErrorRule};

/// Reports an error: its type, message, source chain and stack, with the current session, request and span.
///
/// ```
/// # fn charge() -> Result<(), std::num::ParseIntError> { "x".parse::<u8>().map(drop) }
/// if let Err(error) = charge() {
///     highlight::consume_error(&error);
/// }
/// ```
///
/// The error becomes one error object, whatever else happens to it: if it is logged as well, or returned from the handler,
/// the other sightings of the same request are counted ([`Stats::suppressed`](crate::Stats::suppressed)) and not sent.
/// It does not depend on sampling. The current span is marked as failed; the server's `HasErrors` flag on
/// the span stays unset, because only an event on the span could set it, and that would store a second log line (C§6.1).
///
/// Besides errors it takes `Box<dyn Error>`, `&dyn Error`, texts and, with a feature of their name, the errors of `anyhow`, `eyre` and
/// `color-eyre` ([`Reportable`]). For a stable title or attributes use [`ErrorReport`]; in a chain of calls, [`ConsumeError`].
///
/// # How an error is recognised
///
/// Two sightings in one request are the same error if they have the same root cause and the text of one is in the chain of the other; where only
/// a text is known, as in `error!(error = %e)`, if the chain has that text. So:
///
/// - two failures of one request with equal texts are one error, as are those that differ only after the first line;
/// - an error that was consumed and is then wrapped in one whose type is not known (a tower service's, or actix's
///   without `with_error_type`) is another one, because all that is known of the second is its own text;
/// - a request remembers its last 32 errors; outside of any request each sighting is an error.
#[track_caller]
pub fn consume_error<E: Reportable<Kind> + ?Sized, Kind>(error: &E) {
    // A report takes the error's texts along, which is not for nothing.
    if ErrorReport::is_heard() {
        ErrorReport::new(error).consume();
    }
}
