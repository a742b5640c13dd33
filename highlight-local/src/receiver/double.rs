//! The doubles that JSON has no numbers for: `"NaN"`, `"Infinity"`, `"-Infinity"`, as protobuf writes them in JSON.
//!
//! A [`Value`] cannot hold them as numbers either. So they stay texts in it, and become numbers on the way out of it, where the name of
//! the field tells them from a text.

use serde::{
    Deserializer,
    de::{
        IntoDeserializer, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Error, Value};

/// Whether a field of this name is a double, wherever the messages of OTLP have it.
pub(super) fn is_double(name: &str) -> bool {
    matches!(
        name,
        "doubleValue"
            | "asDouble"
            | "sum"
            | "min"
            | "max"
            | "quantile"
            | "value"
            | "zeroThreshold"
            | "explicitBounds"
    )
}

/// Hands out what a value holds, as the value itself would, but for these doubles.
pub(super) struct WithDoubles {
    value: Value,
    is_double: bool,
}

impl From<Value> for WithDoubles {
    fn from(value: Value) -> Self {
        Self { value, is_double: false }
    }
}

fn special(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

impl<'de> Deserializer<'de> for WithDoubles {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let is_double = self.is_double;
        match self.value {
            Value::String(text) => match special(&text).filter(|_| is_double) {
                Some(double) => visitor.visit_f64(double),
                None => visitor.visit_string(text),
            },
            Value::Array(items) => {
                let items = items.into_iter().map(|value| Self { value, is_double });
                visitor.visit_seq(SeqDeserializer::new(items))
            }
            Value::Object(members) => {
                let members = members.into_iter().map(|(name, value)| {
                    let is_double = self::is_double(&name);
                    (name, Self { value, is_double })
                });
                visitor.visit_map(MapDeserializer::new(members))
            }
            plain => plain.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    // An enum beside other fields, as oneofs are, is not asked for by this.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct
        map struct identifier ignored_any
    }
}

impl IntoDeserializer<'_, Error> for WithDoubles {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
