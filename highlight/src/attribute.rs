//! Attributes of spans, logs and errors.

use std::{borrow::Cow, fmt};

use opentelemetry::Key;

/// One attribute: a name and a [`Value`].
///
/// ```
/// use highlight::KeyValue;
///
/// let attributes = [KeyValue::new("order.id", 7), KeyValue::new("paid", true)];
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct KeyValue(pub(crate) opentelemetry::KeyValue);

impl KeyValue {
    /// An attribute named `key`. Use the names of the OpenTelemetry semantic conventions where they have one.
    pub fn new(key: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        Self(opentelemetry::KeyValue::new(Key::from(key.into()), value.into().0))
    }

    /// The name.
    #[must_use]
    pub fn key(&self) -> &str {
        self.0.key.as_str()
    }

    /// A copy of the value.
    #[must_use]
    pub fn value(&self) -> Value {
        Value(self.0.value.clone())
    }
}

impl From<opentelemetry::KeyValue> for KeyValue {
    fn from(attribute: opentelemetry::KeyValue) -> Self {
        Self(attribute)
    }
}

/// The value of an attribute: text, a number, a truth value, or a list of texts.
///
/// Every Rust number converts; one that does not fit the wire's `i64` travels as text, never truncated.
/// Truth values travel as the text `true` or `false`, because the server drops booleans (C§3.3).
#[derive(Debug, Clone, PartialEq)]
pub struct Value(pub(crate) opentelemetry::Value);

impl Value {
    fn text(text: impl Into<opentelemetry::StringValue>) -> Self {
        Self(opentelemetry::Value::String(text.into()))
    }
}

/// Text as it is, numbers and truth values as text, lists as `["a","b"]`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<opentelemetry::Value> for Value {
    fn from(value: opentelemetry::Value) -> Self {
        Self(value)
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<Cow<'static, str>> for Value {
    fn from(text: Cow<'static, str>) -> Self {
        Self::text(text)
    }
}

impl From<std::sync::Arc<str>> for Value {
    fn from(text: std::sync::Arc<str>) -> Self {
        Self::text(text)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self(opentelemetry::Value::Bool(truth))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self(opentelemetry::Value::F64(number))
    }
}

impl From<f32> for Value {
    fn from(number: f32) -> Self {
        Self(opentelemetry::Value::F64(f64::from(number)))
    }
}

impl From<Vec<String>> for Value {
    fn from(texts: Vec<String>) -> Self {
        let texts = texts.into_iter().map(Into::into).collect();
        Self(opentelemetry::Value::Array(opentelemetry::Array::String(texts)))
    }
}

macro_rules! from_integers {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Value {
            fn from(number: $integer) -> Self {
                i64::try_from(number)
                    .map_or_else(|_| Self::text(number.to_string()), |number| Self(opentelemetry::Value::I64(number)))
            }
        }
    )*};
}

from_integers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_keep_their_value() {
        assert_eq!(Value::from(7_u8).0, opentelemetry::Value::I64(7));
        assert_eq!(Value::from(u64::MAX).0, opentelemetry::Value::from(u64::MAX.to_string()));
        assert_eq!(Value::from(i128::MIN).0, opentelemetry::Value::from(i128::MIN.to_string()));
    }

    #[test]
    fn attributes_are_read_back_as_they_were_given() {
        let texts = vec!["a".to_owned(), "b".to_owned()];
        for (value, shown) in [
            (Value::from("x"), "x"),
            (Value::from(7), "7"),
            (Value::from(true), "true"),
            (Value::from(2.5), "2.5"),
            (Value::from(texts), r#"["a","b"]"#),
        ] {
            let attribute = KeyValue::new("k", value.clone());
            assert_eq!((attribute.key(), attribute.value()), ("k", value));
            assert_eq!(attribute.value().to_string(), shown);
            assert_eq!(KeyValue::from(attribute.0.clone()), attribute);
        }
    }
}
