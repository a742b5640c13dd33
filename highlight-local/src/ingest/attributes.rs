//! Attributes: merged from their layers, then made flat texts (C§3.1, C§3.3).

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};

use super::text;
use crate::{
    model::Attributes,
    note::{ChangeReason, DropReason},
};

/// The attributes of a resource, a scope, a span and so on.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    attributes: &'a [KeyValue],
    /// Whether losses in it are noted: a resource's only once, not for each of its records.
    noted: bool,
}

impl<'a> Layer<'a> {
    pub(super) const fn noted(attributes: &'a [KeyValue]) -> Self {
        Self { attributes, noted: true }
    }

    pub(super) const fn quiet(attributes: &'a [KeyValue]) -> Self {
        Self { attributes, noted: false }
    }

    pub(super) const fn noted_if(noted: bool, attributes: &'a [KeyValue]) -> Self {
        Self { attributes, noted }
    }

    pub(super) const fn quieted(self) -> Self {
        Self { noted: false, ..self }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.attributes.iter().any(|attribute| attribute.key == key)
    }
}

/// What happened to attributes on the way: the key, and why.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Losses {
    pub(super) dropped: Vec<(String, DropReason)>,
    pub(super) changed: Vec<(String, ChangeReason)>,
}

/// Merges the layers, later ones first, and flattens what is left.
pub(super) fn merge_and_flatten<'a>(
    layers: &[Layer<'a>],
    project_header: Option<&'a AnyValue>,
) -> (Attributes, Losses) {
    let mut merged: BTreeMap<&str, (Option<&AnyValue>, bool)> = BTreeMap::new();
    for layer in layers {
        for attribute in layer.attributes {
            merged.insert(&attribute.key, (attribute.value.as_ref(), layer.noted));
        }
    }
    if let Some(header) = project_header {
        merged.insert("highlight.project_id", (Some(header), false));
    }
    let mut noted = Flattening::default();
    let mut quiet = Flattening::default();
    for (key, (value, is_noted)) in merged {
        let flattening = if is_noted { &mut noted } else { &mut quiet };
        flattening.add_top_level(key, value);
    }
    let Flattening { mut flat, losses } = noted;
    flat.append(&mut quiet.flat);
    (flat, losses)
}

/// A single layer made flat, with all its losses.
#[cfg(test)]
pub(super) fn flatten(attributes: &[KeyValue]) -> (Attributes, Losses) {
    merge_and_flatten(&[Layer::noted(attributes)], None)
}

#[derive(Default)]
struct Flattening {
    flat: Attributes,
    losses: Losses,
}

impl Flattening {
    fn add_top_level(&mut self, key: &str, value: Option<&AnyValue>) {
        match value.and_then(|value| value.value.as_ref()) {
            Some(Value::StringValue(text)) if text.is_empty() => {
                self.drop(key.to_owned(), DropReason::EmptyAttribute);
            }
            Some(value) => self.add(key, value, ""),
            None => self.drop(key.to_owned(), DropReason::EmptyAttribute),
        }
    }

    /// Adds a value under `prefix` + the rewritten key. Nesting is bounded by the protobuf
    /// decoder, which refuses messages far shallower than the server's 255 levels.
    fn add(&mut self, key: &str, value: &Value, prefix: &str) {
        let rewritten = rewrite(key);
        let path = format!("{prefix}{rewritten}");
        if rewritten != key {
            self.change(path.clone(), ChangeReason::KeyRewritten);
        }
        match value {
            Value::StringValue(text) => {
                let mut text = text.clone();
                if text::cut(&mut text) {
                    self.change(path.clone(), ChangeReason::TooLong);
                }
                self.flat.insert(path, text);
            }
            Value::IntValue(number) => {
                self.flat.insert(path, number.to_string());
            }
            Value::DoubleValue(number) => {
                self.flat.insert(path, double(*number));
            }
            Value::ArrayValue(array) if !array.values.is_empty() => {
                for (index, value) in array.values.iter().enumerate() {
                    self.add_nested(&index.to_string(), Some(value), &path);
                }
            }
            Value::KvlistValue(map) if !map.values.is_empty() => {
                for entry in &map.values {
                    self.add_nested(&entry.key, entry.value.as_ref(), &path);
                }
            }
            Value::BoolValue(_) => self.drop(path, DropReason::BoolAttribute),
            Value::BytesValue(_) => self.drop(path, DropReason::BytesAttribute),
            Value::ArrayValue(_) | Value::KvlistValue(_) | Value::StringValueStrindex(_) => {
                self.drop(path, DropReason::EmptyAttribute);
            }
        }
    }

    fn add_nested(&mut self, key: &str, value: Option<&AnyValue>, parent: &str) {
        match value.and_then(|value| value.value.as_ref()) {
            Some(value) => self.add(key, value, &format!("{parent}.")),
            None => self.drop(format!("{parent}.{key}"), DropReason::EmptyAttribute),
        }
    }

    fn drop(&mut self, key: String, reason: DropReason) {
        self.losses.dropped.push((key, reason));
    }

    fn change(&mut self, key: String, reason: ChangeReason) {
        self.losses.changed.push((key, reason));
    }
}

/// Spaces become `_`, and `a(b)` becomes `a.b`.
fn rewrite(key: &str) -> String {
    let dotted = match (key.rfind('('), key.rfind(')')) {
        (Some(open), Some(close)) if open > 0 && close > open + 1 => {
            format!("{}.{}{}", &key[..open], &key[open + 1..close], &key[close + 1..])
        }
        _ => key.to_owned(),
    };
    dotted.replace(' ', "_")
}

/// The shortest decimal, never with an exponent.
fn double(number: f64) -> String {
    if number == f64::INFINITY { "+Inf".to_owned() } else { number.to_string().replace("inf", "Inf") }
}

/// The attributes of events and links, which are stored as they are printed: booleans and all.
pub(super) fn printed(attributes: &[KeyValue]) -> Attributes {
    attributes
        .iter()
        .map(|attribute| {
            let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
            let mut text = value.map_or_else(|| "<nil>".to_owned(), print);
            text::cut(&mut text);
            (attribute.key.clone(), text)
        })
        .collect()
}

fn print(value: &Value) -> String {
    let print_any = |any: &AnyValue| any.value.as_ref().map_or_else(|| "<nil>".to_owned(), print);
    match value {
        Value::StringValue(text) => text.clone(),
        Value::BoolValue(flag) => flag.to_string(),
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => double(*number),
        Value::ArrayValue(array) => {
            let items: Vec<String> = array.values.iter().map(print_any).collect();
            format!("[{}]", items.join(" "))
        }
        Value::KvlistValue(map) => {
            let entries: BTreeMap<&str, String> = map
                .values
                .iter()
                .map(|entry| {
                    let value = entry.value.as_ref().map_or_else(|| "<nil>".to_owned(), print_any);
                    (entry.key.as_str(), value)
                })
                .collect();
            let entries: Vec<String> =
                entries.into_iter().map(|(key, value)| format!("{key}:{value}")).collect();
            format!("map[{}]", entries.join(" "))
        }
        Value::BytesValue(bytes) => {
            let bytes: Vec<String> = bytes.iter().map(u8::to_string).collect();
            format!("[{}]", bytes.join(" "))
        }
        Value::StringValueStrindex(_) => "<nil>".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};

    use super::*;

    fn attribute(key: &str, value: Value) -> KeyValue {
        KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
    }

    fn text(value: &str) -> Value {
        Value::StringValue(value.to_owned())
    }

    fn array(values: Vec<Value>) -> Value {
        let values = values.into_iter().map(|value| AnyValue { value: Some(value) }).collect();
        Value::ArrayValue(ArrayValue { values })
    }

    fn stored(value: Value) -> Attributes {
        flatten(&[attribute("k", value)]).0
    }

    #[test]
    fn values_become_texts() {
        let one = |text: &str| Attributes::from([("k".to_owned(), text.to_owned())]);
        for (value, expected) in [
            (text("x"), one("x")),
            (Value::IntValue(-7), one("-7")),
            (Value::DoubleValue(1.0), one("1")),
            (Value::DoubleValue(1e21), one("1000000000000000000000")),
            (Value::DoubleValue(0.1), one("0.1")),
            (Value::DoubleValue(f64::NEG_INFINITY), one("-Inf")),
            (Value::BoolValue(true), Attributes::new()),
            (Value::BytesValue(vec![1]), Attributes::new()),
            (text(""), Attributes::new()),
            (array(vec![]), Attributes::new()),
        ] {
            assert_eq!(stored(value.clone()), expected, "{value:?}");
        }
    }

    #[test]
    fn nested_values_are_flattened() {
        let inner = KeyValueList {
            values: vec![attribute("s p", text("v")), attribute("b", Value::BoolValue(true))],
        };
        let (flat, losses) = flatten(&[attribute("a", array(vec![text("x"), Value::KvlistValue(inner)]))]);
        let expected = [("a.0", "x"), ("a.1.s_p", "v")];
        assert_eq!(flat, expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
        assert_eq!(losses.dropped, [("a.1.b".to_owned(), DropReason::BoolAttribute)]);
        assert_eq!(losses.changed, [("a.1.s_p".to_owned(), ChangeReason::KeyRewritten)]);
    }

    #[test]
    fn keys_are_rewritten() {
        for (sent, stored) in [
            ("my key", "my_key"),
            ("cs(Referrer)", "cs.Referrer"),
            ("f()", "f()"),
            ("(a)", "(a)"),
            ("a)b(", "a)b("),
        ] {
            assert_eq!(rewrite(sent), stored);
        }
    }

    #[test]
    fn a_later_layer_hides_an_earlier_one_whole() {
        let earlier = [attribute("a", array(vec![text("x"), text("y")]))];
        let later = [attribute("a", text("z"))];
        let (flat, _) = merge_and_flatten(&[Layer::noted(&earlier), Layer::noted(&later)], None);
        assert_eq!(flat, Attributes::from([("a".to_owned(), "z".to_owned())]));
    }

    #[test]
    fn events_keep_what_spans_lose() {
        let printed = printed(&[
            attribute("b", Value::BoolValue(true)),
            attribute("a", array(vec![text("x"), Value::IntValue(1)])),
        ]);
        assert_eq!(printed["b"], "true");
        assert_eq!(printed["a"], "[x 1]");
    }
}
