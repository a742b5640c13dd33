//! Values of OpenTelemetry's log API as attributes and as text.

use std::fmt::{self, Write as _};

use opentelemetry::{Array, KeyValue, StringValue, Value, logs::AnyValue};

/// What is nested deeper is left out: nobody reads it, and a value is not to exhaust the stack.
const DEPTH_LIMIT: usize = 16;

/// Adds the value as attributes; a map becomes one for each of its entries, named as the server would name them (C§3.3).
pub(super) fn flatten(key: &str, value: &AnyValue, attributes: &mut Vec<KeyValue>) {
    flatten_at(0, key, value, attributes);
}

fn flatten_at(depth: usize, key: &str, value: &AnyValue, attributes: &mut Vec<KeyValue>) {
    let value = match value {
        AnyValue::Int(number) => Value::I64(*number),
        AnyValue::Double(number) => Value::F64(*number),
        AnyValue::Boolean(truth) => Value::Bool(*truth),
        AnyValue::String(text) => Value::String(text.clone()),
        AnyValue::ListAny(list) => {
            let texts = list.iter().map(|element| StringValue::from(text(element)));
            Value::Array(Array::String(texts.collect()))
        }
        AnyValue::Map(map) if depth < DEPTH_LIMIT => {
            for (sub, value) in map.iter() {
                flatten_at(depth + 1, &format!("{key}.{sub}"), value, attributes);
            }
            return;
        }
        other => Value::String(text(other).into()),
    };
    attributes.push(KeyValue::new(key.to_owned(), value));
}

/// The value as text: the server stores no body but text (C§7.1).
pub(super) fn text(value: &AnyValue) -> String {
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _ = write_text(0, value, &mut text);
    text
}

fn write_text(depth: usize, value: &AnyValue, text: &mut String) -> fmt::Result {
    match value {
        AnyValue::Int(number) => write!(text, "{number}"),
        AnyValue::Double(number) => write!(text, "{number}"),
        AnyValue::Boolean(truth) => write!(text, "{truth}"),
        AnyValue::String(string) => text.write_str(string.as_str()),
        AnyValue::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(text, "{byte:02x}")),
        AnyValue::ListAny(_) | AnyValue::Map(_) if depth == DEPTH_LIMIT => text.write_str("..."),
        AnyValue::ListAny(list) => {
            text.write_char('[')?;
            for (n, element) in list.iter().enumerate() {
                text.write_str(if n == 0 { "" } else { ", " })?;
                write_text(depth + 1, element, text)?;
            }
            text.write_char(']')
        }
        AnyValue::Map(map) => {
            // In an order of its own, so that equal maps are equal texts.
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
            for (n, (key, value)) in entries.into_iter().enumerate() {
                write!(text, "{}{key}=", if n == 0 { "" } else { " " })?;
                write_text(depth + 1, value, text)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use opentelemetry::Key;

    use super::*;

    fn map(entries: &[(&'static str, AnyValue)]) -> AnyValue {
        let entries = entries.iter().map(|(key, value)| (Key::new(*key), value.clone()));
        AnyValue::Map(Box::new(entries.collect::<HashMap<_, _>>()))
    }

    fn list(elements: &[AnyValue]) -> AnyValue {
        AnyValue::ListAny(Box::new(elements.to_vec()))
    }

    #[test]
    fn every_value_is_a_text() {
        for (value, expected) in [
            (AnyValue::Int(-7), "-7"),
            (AnyValue::Double(2.5), "2.5"),
            (AnyValue::Boolean(true), "true"),
            (AnyValue::String("a b".into()), "a b"),
            (AnyValue::Bytes(Box::new(vec![0, 255])), "00ff"),
            (list(&[]), "[]"),
            (list(&[AnyValue::Int(1), AnyValue::String("x".into())]), "[1, x]"),
            (map(&[("b", AnyValue::Int(2)), ("a", list(&[AnyValue::Int(1)]))]), "a=[1] b=2"),
            (map(&[]), ""),
        ] {
            assert_eq!(text(&value), expected, "{value:?}");
        }
    }

    #[test]
    fn maps_are_flattened_and_the_rest_keeps_its_type() {
        let nested = map(&[("b", AnyValue::Int(2)), ("c", map(&[("d", AnyValue::Boolean(true))]))]);
        let mut attributes = Vec::new();
        flatten("a", &nested, &mut attributes);
        attributes.sort_by(|one, other| one.key.cmp(&other.key));
        assert_eq!(attributes, [KeyValue::new("a.b", 2), KeyValue::new("a.c.d", true)]);
        attributes.clear();
        flatten("l", &list(&[AnyValue::Int(1)]), &mut attributes);
        flatten("y", &AnyValue::Bytes(Box::new(vec![1])), &mut attributes);
        let texts = Array::String(vec!["1".into()]);
        assert_eq!(attributes, [KeyValue::new("l", Value::Array(texts)), KeyValue::new("y", "01")]);
    }

    #[test]
    fn depth_is_bounded() {
        let deep =
            (0..100).fold(
                AnyValue::Int(1),
                |inner, n| {
                    if n % 2 == 0 { list(&[inner]) } else { map(&[("k", inner)]) }
                },
            );
        let mut attributes = Vec::new();
        flatten("a", &deep, &mut attributes);
        assert!(text(&deep).contains("...") && attributes.len() == 1);
    }
}
