//! What an answer says was refused of a request that it accepted otherwise (OTLP's partial success).
//!
//! The answers of the three signals have one form: field 1 is the partial success, whose field 1 is the number of items refused.

/// The number of items refused; zero if the answer does not say, or is no such message.
pub(super) fn rejected(answer: &[u8]) -> u64 {
    let count = |field| if let (1, Value::Varint(count)) = field { Some(count) } else { None };
    // Of several, the last says it, as far as it does: protobuf merges them.
    let partial_success =
        |field| if let (1, Value::Bytes(message)) = field { last(message, count) } else { None };
    // What is below zero is nothing.
    last(answer, partial_success).filter(|count| *count <= i64::MAX.unsigned_abs()).unwrap_or(0)
}

/// The last of those fields of the message that `find` takes, which is the one that counts; `None` if the message is malformed.
fn last<'a, T>(mut message: &'a [u8], find: impl Fn((u64, Value<'a>)) -> Option<T>) -> Option<T> {
    let mut found = None;
    while !message.is_empty() {
        let field;
        (field, message) = take_field(message)?;
        found = find(field).or(found);
    }
    found
}

/// A field's value, as far as it is of interest.
#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The first field, and what follows it.
fn take_field(message: &[u8]) -> Option<((u64, Value<'_>), &[u8])> {
    let (key, rest) = take_varint(message)?;
    let (value, rest) = match key & 7 {
        0 => take_varint(rest).map(|(value, rest)| (Value::Varint(value), rest))?,
        1 => (Value::Fixed, rest.get(8..)?),
        2 => {
            let (length, rest) = take_varint(rest)?;
            let (bytes, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            (Value::Bytes(bytes), rest)
        }
        5 => (Value::Fixed, rest.get(4..)?),
        _ => return None,
    };
    Some(((key >> 3, value), rest))
}

/// Seven bits in each byte, the lowest first; ten bytes at most.
fn take_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)?;
    let (number, rest) = bytes.split_at(end + 1);
    let add = |value: u64, byte: &u8| value << 7 | u64::from(byte & 0x7f);
    Some((number.iter().rev().fold(0, add), rest))
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::{
        logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse},
        metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceResponse},
        trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse},
    };
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    #[test]
    fn an_answer_that_is_no_protobuf_refuses_nothing() {
        let cut_short = [&[0x0a, 5, 8, 1][..], &[0x0a, 2, 8, 0x80], &[0x0a, 0x80], &[0x0a, 2, 8, 7, 0x0d, 1]];
        let others = [&b"{\"partialSuccess\":{}}"[..], b"\xff\xff\xff", b"ok", b""];
        for answer in cut_short.into_iter().chain(others) {
            assert_eq!(rejected(answer), 0, "{answer:?}");
        }
    }

    #[test]
    fn the_last_one_counts_and_unknown_fields_do_not() {
        let unknown = [0x10, 1, 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x2a, 2, 8, 9];
        let answer = [&unknown[..], &[0x0a, 2, 8, 7], &[0x0a, 4, 8, 1, 8, 5], &[0x0a, 0], &unknown].concat();
        assert_eq!(rejected(&answer), 5);
    }

    proptest! {
        #[test]
        fn what_servers_say_is_read(count in any::<i64>(), error_message in ".{0,300}") {
            let message = || error_message.clone();
            let traces = ExportTracePartialSuccess { rejected_spans: count, error_message: message() };
            let logs = ExportLogsPartialSuccess { rejected_log_records: count, error_message: message() };
            let metrics = ExportMetricsPartialSuccess { rejected_data_points: count, error_message: message() };
            for answer in [
                ExportTraceServiceResponse { partial_success: Some(traces) }.encode_to_vec(),
                ExportLogsServiceResponse { partial_success: Some(logs) }.encode_to_vec(),
                ExportMetricsServiceResponse { partial_success: Some(metrics) }.encode_to_vec(),
            ] {
                prop_assert_eq!(rejected(&answer), u64::try_from(count).unwrap_or(0));
            }
        }

        #[test]
        fn bytes_of_any_kind_are_survived(answer in prop::collection::vec(any::<u8>(), 0..60)) {
            let expected = ExportTraceServiceResponse::decode(&*answer).ok().and_then(|answer| answer.partial_success);
            let expected = expected.map_or(0, |partial| u64::try_from(partial.rejected_spans).unwrap_or(0));
            // It reads less than the whole, so it may find a number where something else is malformed.
            prop_assert!(expected == 0 || rejected(&answer) == expected);
        }
    }
}
