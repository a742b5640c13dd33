//! The carrier: a `tracing` span that takes a request's context along.
//!
//! It is entered beside the server span, so the console shows the request, and whatever is instrumented with
//! `.in_current_span()` finds its way back to it. It is not exported: to OpenTelemetry it is the server span itself, so what is
//! set on it, or started below it, is the request's.

use std::cell::RefCell;

use opentelemetry::Context;
use tracing::{Metadata, Span, dispatcher};

use super::install::is_lean;

/// The carrier's target.
pub(crate) const TARGET: &str = "highlight::request";

pub(super) fn is_carrier(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == TARGET
}

thread_local!(static CARRIED: RefCell<Option<Context>> = const { RefCell::new(None) });

/// Makes a carrier of this context, which need not be current for it. The lean subscriber has no use for one: it makes its own when
/// it is asked for the current span.
pub(crate) fn carrying(cx: &Context, make: impl FnOnce() -> Span) -> Span {
    if dispatcher::get_default(is_lean) {
        return Span::none();
    }
    let _ = CARRIED.try_with(|carried| carried.replace(Some(cx.clone())));
    let carrier = make();
    // Where no layer of ours has taken it.
    drop(carried());
    carrier
}

/// The context of the carrier that is being made.
pub(super) fn carried() -> Option<Context> {
    CARRIED.try_with(|carried| carried.borrow_mut().take()).ok().flatten()
}
