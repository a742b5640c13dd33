//! The header `traceparent` as nearly all programs write it.

use opentelemetry::{SpanId, TraceFlags, TraceId};

/// Reads version 00 (W3C Trace Context, 2.2), without allocating. `None` for whatever else: that is left to OpenTelemetry's propagator.
pub(super) fn parse(value: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let bytes: &[u8; 55] = value.as_bytes().try_into().ok()?;
    let [b'0', b'0', b'-', ids @ ..] = bytes else { return None };
    let (trace_id, [b'-', rest @ ..]) = ids.split_at(32) else { return None };
    let (span_id, [b'-', flags @ ..]) = rest.split_at(16) else { return None };
    let (high, low) = trace_id.split_at(16);
    let trace_id = TraceId::from(u128::from(hex(high)?) << 64 | u128::from(hex(low)?));
    let span_id = SpanId::from(hex(span_id)?);
    let flags = TraceFlags::new(u8::try_from(hex(flags)?).ok()?) & TraceFlags::SAMPLED;
    (trace_id != TraceId::INVALID && span_id != SpanId::INVALID).then_some((trace_id, span_id, flags))
}

/// At most 16 digits, in lower case.
// Not unrolled at each call: most requests find this code cold.
#[inline(never)]
fn hex(digits: &[u8]) -> Option<u64> {
    let mut number = 0;
    // Whether all were digits is asked once, at the end.
    let mut all = 0;
    for digit in digits {
        let value = VALUES[usize::from(*digit)];
        all |= value;
        number = number << 4 | u64::from(value);
    }
    (all & NO_DIGIT == 0).then_some(number)
}

const NO_DIGIT: u8 = 0x80;

/// What each byte is worth as a digit.
static VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let digits = b"0123456789abcdef";
    let mut value = 0_u8;
    while value < 16 {
        values[digits[value as usize] as usize] = value;
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use opentelemetry::{propagation::TextMapPropagator, trace::TraceContextExt};
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use proptest::prelude::*;

    use super::*;

    /// What OpenTelemetry's propagator reads.
    fn theirs(value: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
        let headers = HashMap::from([("traceparent".to_owned(), value.to_owned())]);
        let cx = TraceContextPropagator::new().extract_with_context(&opentelemetry::Context::new(), &headers);
        let parent = cx.span().span_context().clone();
        parent.is_valid().then(|| (parent.trace_id(), parent.span_id(), parent.trace_flags()))
    }

    const USUAL: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    proptest! {
        #[test]
        fn it_reads_what_the_propagator_reads_or_leaves_it(
            trace_id in any::<u128>(), span_id in any::<u64>(), flags in any::<u8>(),
            at in 0_usize..55, other in "[0-9a-fA-F gé+-]",
        ) {
            let value = format!("00-{trace_id:032x}-{span_id:016x}-{flags:02x}");
            prop_assert_eq!(parse(&value), theirs(&value));
            prop_assert!(parse(&value).is_some() == (trace_id != 0 && span_id != 0));
            let mut changed = value.clone();
            changed.replace_range(at..=at, &other);
            if let Some(read) = parse(&changed) {
                prop_assert_eq!(Some(read), theirs(&changed));
            }
        }
    }

    #[test]
    fn only_the_usual_form_is_read() {
        assert_eq!(parse(USUAL), theirs(USUAL));
        let upper = USUAL.to_uppercase();
        let later = USUAL.replacen("00-", "01-", 1);
        let longer = format!("{USUAL}-");
        let invalid = USUAL.replace("b7ad6b7169203331", "0000000000000000");
        for value in ["", &upper, &later, &longer, &invalid, &USUAL[..54]] {
            assert_eq!(parse(value), None, "{value}");
        }
    }
}
