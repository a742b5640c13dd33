//! The carrier: a `tracing` span that takes a request's context along.
//!
//! It is entered beside the server span, so the console shows the request, and whatever is instrumented with
//! `.in_current_span()` finds its way back to it. It is not exported: to OpenTelemetry it is the server span itself, so what is
//! set on it, or started below it, is the request's.

use tracing::Metadata;

/// The carrier's target.
pub(crate) const TARGET: &str = "highlight::request";

pub(super) fn is_carrier(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == TARGET
}
