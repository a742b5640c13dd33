//! OTLP as JSON, as other languages write it.
//!
//! The message types read it by themselves where it is written exactly as the specification says. Real senders
//! also write what JSON for protocol buffers allows in general: `null` for a default, numbers as
//! texts, names of enum values, names with underscores. That is put right first, as the collector
//! does it. Fields that nobody knows are skipped, at every level. See [`double`](super::double) for what no JSON number can be.

use opentelemetry_proto::tonic::{
    logs::v1::SeverityNumber,
    metrics::v1::AggregationTemporality,
    trace::v1::{span::SpanKind, status::StatusCode},
};
use serde_json::{Map, Number, Value};

use super::double::{WithDoubles, is_double};

/// Decodes a request. Nesting is limited by the parser (128 levels).
pub(super) fn decode<T: for<'de> serde::Deserialize<'de>>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    if bytes.is_empty() {
        // The empty request is valid as protobuf; here it is `{}` that is meant.
        return serde_json::from_value(Value::Object(Map::new()));
    }
    let mut value: Value = serde_json::from_slice(bytes)?;
    if !value.is_object() {
        // The message types would read a list as their fields in order.
        return Err(serde::de::Error::custom("it is no object"));
    }
    put_right(&mut value);
    T::deserialize(WithDoubles::from(value))
}

fn put_right(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            rename(members);
            for (name, member) in members {
                member_put_right(name, member);
                put_right(member);
            }
        }
        Value::Array(items) => {
            items.retain(|item| !item.is_null());
            items.iter_mut().for_each(put_right);
        }
        _ => {}
    }
}

/// `start_time_unix_nano` is `startTimeUnixNano`. Keys of attributes are values, not names.
fn rename(members: &mut Map<String, Value>) {
    let old: Vec<String> = members.keys().filter(|name| name.contains('_')).cloned().collect();
    for name in old {
        let Some(member) = members.remove(&name) else { continue };
        members.entry(camel_case(&name)).or_insert(member);
    }
}

fn camel_case(name: &str) -> String {
    let mut upper = false;
    let mut result = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '_' => upper = true,
            letter if upper => {
                result.push(letter.to_ascii_uppercase());
                upper = false;
            }
            letter => result.push(letter),
        }
    }
    result
}

/// Texts where the message types want numbers.
fn member_put_right(name: &str, member: &mut Value) {
    if let Value::Array(items) = member {
        if name == "explicitBounds" {
            for item in items {
                member_put_right("sum", item);
            }
        }
        return;
    }
    let Value::String(text) = &*member else { return };
    let number = match name {
        "kind" => SpanKind::from_str_name(text).map(|kind| (kind as i32).into()),
        "code" => StatusCode::from_str_name(text).map(|code| (code as i32).into()),
        "severityNumber" => SeverityNumber::from_str_name(text).map(|number| (number as i32).into()),
        "aggregationTemporality" => {
            AggregationTemporality::from_str_name(text).map(|temporality| (temporality as i32).into())
        }
        _ if is_double(name) => text.parse().ok().and_then(Number::from_f64),
        "droppedAttributesCount"
        | "droppedEventsCount"
        | "droppedLinksCount"
        | "flags"
        | "scale"
        | "offset" => None,
        _ => return,
    };
    let number = number.or_else(|| text.parse::<i64>().ok().map(Number::from));
    if let Some(number) = number {
        *member = Value::Number(number);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use proptest::prelude::*;

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let names =
            "resourceSpans|scope_spans|spans|attributes|key|value|kind|status|code|traceId|flags|asInt";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-f0-9-]{0,32}|NaN|SPAN_KIND_SERVER".prop_map(Value::from),
        ];
        leaf.prop_recursive(8, 64, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(names, inner, 0..6).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn never_panics(value in any_json(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode::<ExportTraceServiceRequest>(value.to_string().as_bytes());
            let _ = decode::<ExportTraceServiceRequest>(&bytes);
        }
    }

    #[test]
    fn names_become_camel_case() {
        for (name, expected) in
            [("start_time_unix_nano", "startTimeUnixNano"), ("a_", "a"), ("kind", "kind"), ("_", "")]
        {
            assert_eq!(camel_case(name), expected);
        }
    }
}
