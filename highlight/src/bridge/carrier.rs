//! The carrier: a `tracing` span that takes a request's context along.
//!
//! It is entered beside the server span, so the console shows the request, and whatever is instrumented with
//! `.in_current_span()` finds its way back to it. It is not exported: to OpenTelemetry it is the server span itself, so what is
//! set on it, or started below it, is the request's.

use opentelemetry::trace::SpanBuilder;
use tracing::Metadata;

/// The carrier's target.
pub(crate) const TARGET: &str = "highlight::request";

pub(super) fn is_carrier(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target() == TARGET
}

/// Whether the span about to start is a carrier. Takes off what tells it: the target, which nobody reads on a span.
pub(super) fn starts(builder: &mut SpanBuilder) -> bool {
    let Some(attributes) = &mut builder.attributes else { return false };
    // The layer's own attribute stands before the program's fields, of which one may have the same name.
    if attributes.first().is_none_or(|first| first.key.as_str() != "target") {
        return false;
    }
    attributes.remove(0).value.as_str() == TARGET
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;

    use super::*;

    #[test]
    fn only_the_layers_own_attribute_tells_and_goes() {
        let layers = |target: &'static str| KeyValue::new("target", target);
        for (attributes, starts_carrier, left) in [
            (
                vec![layers(TARGET), KeyValue::new("method", "GET")],
                true,
                vec![KeyValue::new("method", "GET")],
            ),
            (vec![layers("shop"), layers(TARGET)], false, vec![layers(TARGET)]),
            (
                vec![KeyValue::new("order", 7), layers(TARGET)],
                false,
                vec![KeyValue::new("order", 7), layers(TARGET)],
            ),
            (vec![], false, vec![]),
        ] {
            let mut builder = SpanBuilder::from_name("request").with_attributes(attributes);
            assert_eq!(starts(&mut builder), starts_carrier);
            assert_eq!(builder.attributes, Some(left));
        }
    }
}
