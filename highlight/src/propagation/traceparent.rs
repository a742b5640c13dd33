//! The header `traceparent` as nearly all programs write it.

use opentelemetry::{SpanId, TraceFlags, TraceId};

/// Reads version 00 (W3C Trace Context, 2.2), without allocating. `None` for whatever else: that is left to OpenTelemetry's propagator.
pub(super) fn parse(value: &str) -> Option<(TraceId, SpanId, TraceFlags)> {
    let bytes: &[u8; 55] = value.as_bytes().try_into().ok()?;
    let [b'0', b'0', b'-', ids @ ..] = bytes else { return None };
    let (trace_id, [b'-', rest @ ..]) = ids.split_at(32) else { return None };
    let (span_id, [b'-', flags @ ..]) = rest.split_at(16) else { return None };
    let (high, low) = trace_id.split_at(16);
    let trace_id = TraceId::from(u128::from(sixteen(high)?) << 64 | u128::from(sixteen(low)?));
    let span_id = SpanId::from(sixteen(span_id)?);
    let [high, low] = flags else { return None };
    let flags = eight([b'0', b'0', b'0', b'0', b'0', b'0', *high, *low])?;
    let flags = TraceFlags::new(u8::try_from(flags).ok()?) & TraceFlags::SAMPLED;
    (trace_id != TraceId::INVALID && span_id != SpanId::INVALID).then_some((trace_id, span_id, flags))
}

fn sixteen(digits: &[u8]) -> Option<u64> {
    let (high, low) = (digits.first_chunk()?, digits.last_chunk()?);
    Some(u64::from(eight(*high)?) << 32 | u64::from(eight(*low)?))
}

/// Reads eight digits in lower case. All at once: what each line does to the number, it does to each of its bytes.
// Not copied to each call: most requests find this code cold.
#[inline(never)]
fn eight(digits: [u8; 8]) -> Option<u32> {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let digits = u64::from_be_bytes(digits);
    let letters = digits >> 6 & EACH;
    let values = (digits & (0xf * EACH)) + letters * 9;
    // Whatever was no digit would be written otherwise, has a letter's value and is none, or is worth more than an `f`.
    let written = values + EACH * u64::from(b'0') + letters * u64::from(b'a' - b'0' - 10);
    let with_letter = (values + EACH * 6) >> 4 & EACH;
    if written != digits || with_letter != letters || values & (EACH << 4) != 0 {
        return None;
    }
    let pairs = (values | values >> 4) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    u32::try_from((fours | fours >> 16) & 0xffff_ffff).ok()
}

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
    fn a_digit_is_what_is_one_in_lower_case() {
        for byte in 0..=u8::MAX {
            let read = eight([b'1', b'2', b'3', byte, b'a', b'b', b'c', b'd']);
            let value = char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
            assert_eq!(read, value.map(|value| 0x1230_abcd | value << 16), "{byte}");
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
