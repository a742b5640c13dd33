//! Small pieces of OTLP: text values, attributes, times.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value};

pub(super) fn text(text: impl Into<String>) -> AnyValue {
    any_value(Value::StringValue(text.into()))
}

pub(super) fn any_value(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

pub(super) fn texts(texts: impl IntoIterator<Item = String>) -> AnyValue {
    any_value(Value::ArrayValue(ArrayValue { values: texts.into_iter().map(text).collect() }))
}

pub(super) fn attribute(key: impl Into<String>, value: AnyValue) -> KeyValue {
    KeyValue { key: key.into(), value: Some(value), ..KeyValue::default() }
}

/// Nanoseconds since 1970; what does not fit is the nearest that does.
pub(super) fn unix_nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Cuts `text` to at most `limit` bytes, on a character's boundary, and marks the cut with `...`.
pub(super) fn cut(text: &mut String, limit: usize) {
    const MARK: &str = "...";
    if text.len() <= limit {
        return;
    }
    let mut end = limit.saturating_sub(MARK.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.push_str(MARK);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_outside_of_the_range_are_the_nearest_inside() {
        assert_eq!(unix_nanos(UNIX_EPOCH + Duration::from_nanos(7)), 7);
        assert_eq!(unix_nanos(UNIX_EPOCH - Duration::from_secs(1)), 0);
        assert_eq!(unix_nanos(UNIX_EPOCH + Duration::from_secs(1 << 40)), u64::MAX);
    }

    proptest! {
        #[test]
        fn cut_text_fits_and_begins_like_the_original(original in ".{0,40}", limit in 3_usize..40) {
            let mut text = original.clone();
            cut(&mut text, limit);
            prop_assert!(text.len() <= limit);
            if original.len() <= limit {
                prop_assert_eq!(text, original);
            } else {
                let kept = text.strip_suffix("...").unwrap();
                prop_assert!(original.starts_with(kept));
                prop_assert!(limit - text.len() < 4, "cut more than one character too much");
            }
        }
    }
}
