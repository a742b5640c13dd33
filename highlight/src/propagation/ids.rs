//! Trace ids for requests that come with a request id but no `traceparent`.

use std::str;

use opentelemetry::{
    SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceState},
};

/// The OpenTelemetry trace id of a request id: a fixed function, so that the next service recognises it (C§4.3 row 0).
///
/// 32 hex digits name themselves; anything else is hashed with 128-bit FNV-1a.
pub(super) fn derive_trace_id(request_id: &str) -> TraceId {
    parse_trace_id(request_id).unwrap_or_else(|| TraceId::from(fnv1a_128(request_id.as_bytes()).max(1)))
}

/// Shows the id in lower-case hex.
pub(super) fn with_text<T>(trace_id: TraceId, show: impl FnOnce(&str) -> T) -> T {
    let mut text = [0; 32];
    write_hex(&trace_id.to_bytes(), &mut text);
    show(str::from_utf8(&text).unwrap_or_default())
}

// Not unrolled: most requests find this code cold.
#[inline(never)]
fn write_hex(bytes: &[u8], text: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0xf)];
    }
}

fn parse_trace_id(text: &str) -> Option<TraceId> {
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    TraceId::from_hex(text).ok().filter(|id| *id != TraceId::INVALID)
}

/// A parent that makes new spans adopt `trace_id`: the SDK takes a trace id from a valid parent only.
///
/// Its span does not exist, and the encoder leaves it out again, so that such a span is stored as a root.
pub(super) fn synthetic_parent(trace_id: TraceId) -> SpanContext {
    SpanContext::new(trace_id, synthetic_span_id(trace_id), TraceFlags::SAMPLED, true, TraceState::default())
}

/// Whether the span is one that [`synthetic_parent`] made up.
pub(crate) fn is_synthetic(trace_id: TraceId, span_id: SpanId) -> bool {
    span_id == synthetic_span_id(trace_id)
}

fn synthetic_span_id(trace_id: TraceId) -> SpanId {
    let hash = fnv1a_128(&trace_id.to_bytes());
    #[expect(clippy::cast_possible_truncation, reason = "the halves of the hash are folded into one span id")]
    let folded = (hash >> 64) as u64 ^ hash as u64;
    SpanId::from(folded.max(1))
}

/// FNV-1a with 128 bits, as its authors define it.
fn fnv1a_128(bytes: &[u8]) -> u128 {
    const OFFSET_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET_BASIS, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivation_is_fixed() {
        // Published vectors of FNV-1a 128: services of different versions must agree for ever.
        assert_eq!(fnv1a_128(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv1a_128(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
        assert_eq!(fnv1a_128(b"foobar"), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }

    #[test]
    fn the_text_of_an_id_is_its_display() {
        for id in [1, u128::MAX, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c] {
            assert_eq!(with_text(TraceId::from(id), str::to_owned), TraceId::from(id).to_string());
        }
    }

    #[test]
    fn hex_ids_derive_themselves() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(derive_trace_id(id).to_string(), id);
        assert_eq!(derive_trace_id(&id.to_uppercase()).to_string(), id);
        assert_ne!(derive_trace_id(&"0".repeat(32)), TraceId::INVALID);
        assert_ne!(derive_trace_id("+af7651916cd43dd8448eb211c80319c"), derive_trace_id(id));
    }

    #[test]
    fn synthetic_parents_are_recognised() {
        let parent = synthetic_parent(derive_trace_id("9k2hTq81Lx"));
        assert!(parent.is_valid());
        assert!(is_synthetic(parent.trace_id(), parent.span_id()));
        assert!(!is_synthetic(parent.trace_id(), SpanId::from(7)));
    }
}
