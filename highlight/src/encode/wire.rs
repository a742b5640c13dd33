//! Protobuf, written straight into one buffer: no tree before it, no second pass for the lengths.
//!
//! The length of a nested message is known when it is written, so it is put in afterwards. Room for it is guessed: where that is
//! wrong, the content moves by a byte or two.

use std::mem;

/// Room for the length of an attribute or a value: below 128 bytes.
pub(super) const VALUE: usize = 1;
/// Of a span or a record: below 16 KiB.
pub(super) const ITEM: usize = 2;
/// Of many of them: below 2 MiB.
pub(super) const GROUP: usize = 3;

/// How the fields of a `KeyValue`, and that of an `AnyValue` that is text, begin.
const KEY_OF_PAIR: u8 = 1 << 3 | Type::Bytes as u8;
const VALUE_OF_PAIR: u8 = 2 << 3 | Type::Bytes as u8;
const TEXT_OF_VALUE: u8 = 1 << 3 | Type::Bytes as u8;

/// The longest varint of 64 bits.
const VARINT: usize = 10;

/// How a field's value is written (the wire types of protobuf).
#[derive(Debug, Clone, Copy)]
enum Type {
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

/// The bytes of a message. As in proto3, a field that is zero or empty is left out unless its method says otherwise.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    /// Positions where something begins that is likely to stand in what was written before, in their order.
    marks: Vec<u32>,
}

impl Writer {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Writes to these buffers, which are empty.
    pub(super) fn reuse(&mut self, bytes: Vec<u8>, marks: Vec<u32>) {
        (self.bytes, self.marks) = (bytes, marks);
    }

    /// What was written, and positions in it where something begins that is likely to stand in what was written before.
    pub(super) fn take(&mut self) -> (Vec<u8>, Vec<u32>) {
        let (mut bytes, mut marks) = (mem::take(&mut self.bytes), mem::take(&mut self.marks));
        // It may have to wait for an endpoint that is away.
        bytes.shrink_to(2 * bytes.len());
        marks.shrink_to(2 * marks.len());
        (bytes, marks)
    }

    #[inline]
    fn mark(&mut self) {
        // Of what is longer than 4 GiB nobody needs to know.
        if let Ok(here) = u32::try_from(self.len()) {
            self.marks.push(here);
        }
    }

    /// Forgets everything after the first `len` bytes.
    pub(super) fn truncate(&mut self, len: usize) {
        self.bytes.truncate(len);
        let kept = self.marks.partition_point(|mark| (*mark as usize) < len);
        self.marks.truncate(kept);
    }

    /// Forgets everything, and memory beyond `kept` bytes.
    pub(super) fn clear(&mut self, kept: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(kept);
        self.marks.clear();
        self.marks.shrink_to(kept / size_of::<u32>());
    }

    /// Fields as they were encoded before.
    pub(super) fn again(&mut self, fields: &[u8]) {
        self.mark();
        self.raw(fields);
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn number(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.key(field, Type::Varint);
            self.varint(value);
        }
    }

    #[inline]
    pub(super) fn fixed32(&mut self, field: u32, value: u32) {
        if value != 0 {
            self.mark();
            self.key(field, Type::Fixed32);
            self.raw(&value.to_le_bytes());
        }
    }

    #[inline]
    pub(super) fn fixed64(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.key(field, Type::Fixed64);
            // Most are times, whose upper bytes are those of the last.
            let [a, b, c, upper @ ..] = value.to_le_bytes();
            self.raw(&[a, b, c]);
            self.mark();
            self.raw(&upper);
        }
    }

    /// Written even if it is zero.
    pub(super) fn given_fixed64(&mut self, field: u32, value: u64) {
        self.key(field, Type::Fixed64);
        self.raw(&value.to_le_bytes());
    }

    /// All values of a repeated field.
    pub(super) fn packed_fixed64(&mut self, field: u32, values: impl Iterator<Item = u64>) {
        let start = self.len();
        let count = self.nested(field, ITEM, |out| values.map(|value| out.raw(&value.to_le_bytes())).count());
        if count == 0 {
            self.truncate(start);
        }
    }

    pub(super) fn bytes(&mut self, field: u32, value: &[u8]) {
        if !value.is_empty() {
            self.given_bytes(field, value);
        }
    }

    pub(super) fn text(&mut self, field: u32, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// Written even if it is empty.
    pub(super) fn given_bytes(&mut self, field: u32, value: &[u8]) {
        self.start(field, value.len());
        self.mark();
        self.raw(value);
    }

    /// An attribute, which is a `KeyValue`. All lengths are known before.
    pub(super) fn attribute(&mut self, field: u32, key: &str, value: Scalar<'_>) {
        let any = value.len();
        let pair = 1 + varint_len(key.len() as u64) + key.len() + 1 + varint_len(any as u64) + any;
        self.bytes.reserve(pair + 2 * VARINT);
        if let (Scalar::Text(text), Ok(pair @ 0..0x80)) = (value, u8::try_from(pair)) {
            return self.short_text(field, pair, key, text);
        }
        self.start(field, pair);
        self.mark();
        self.start(1, key.len());
        self.raw(key.as_bytes());
        self.scalar(2, value);
    }

    /// An attribute of so few bytes that all lengths are one byte each, which most are.
    #[inline]
    fn short_text(&mut self, field: u32, pair: u8, key: &str, text: &str) {
        let [key_length, text_length] = [key, text].map(|part| u8::try_from(part.len()).unwrap_or_default());
        self.key(field, Type::Bytes);
        self.raw(&[pair]);
        self.mark();
        self.raw(&[KEY_OF_PAIR, key_length]);
        self.raw(key.as_bytes());
        self.raw(&[VALUE_OF_PAIR, text_length + 2, TEXT_OF_VALUE, text_length]);
        self.mark();
        self.raw(text.as_bytes());
    }

    /// An `AnyValue`.
    pub(super) fn scalar(&mut self, field: u32, value: Scalar<'_>) {
        self.start(field, value.len());
        match value {
            Scalar::Text(text) => self.given_bytes(1, text.as_bytes()),
            Scalar::Integer(number) => {
                self.key(3, Type::Varint);
                self.varint(unsigned(number));
            }
            Scalar::Float(number) => {
                self.key(4, Type::Fixed64);
                self.raw(&number.to_le_bytes());
            }
        }
    }

    /// A message inside of this one, with `room` bytes for its length.
    pub(super) fn nested<T>(&mut self, field: u32, room: usize, write: impl FnOnce(&mut Self) -> T) -> T {
        self.key(field, Type::Bytes);
        let at = self.len();
        self.bytes.resize(at + room, 0);
        let written = write(self);
        let length = self.len() - at - room;
        let size = varint_len(length as u64);
        if size != room {
            self.move_content(at + room, at + size);
        }
        let mut rest = length;
        for byte in &mut self.bytes[at..at + size] {
            *byte = rest.to_le_bytes()[0] | 0x80;
            rest >>= 7;
        }
        self.bytes[at + size - 1] &= 0x7f;
        written
    }

    #[cold]
    fn move_content(&mut self, from: usize, to: usize) {
        let end = self.len();
        self.bytes.resize(end.max(end + to - from), 0);
        self.bytes.copy_within(from..end, to);
        self.bytes.truncate(end + to - from);
        for mark in self.marks.iter_mut().rev().take_while(|mark| **mark as usize >= from) {
            // It was made of a position, and another a few bytes further is one.
            *mark = u32::try_from(*mark as usize + to - from).unwrap_or(u32::MAX);
        }
    }

    /// What stands before so many bytes: two bytes nearly always, written at once.
    #[inline]
    fn start(&mut self, field: u32, length: usize) {
        if let (Ok(field @ 0..0x80), Ok(length @ 0..0x80)) = (u8::try_from(field << 3), u8::try_from(length))
        {
            self.raw(&[field | Type::Bytes as u8, length]);
        } else {
            self.key(field, Type::Bytes);
            self.varint(length as u64);
        }
    }

    #[inline]
    fn key(&mut self, field: u32, kind: Type) {
        self.varint(u64::from(field << 3 | kind as u32));
    }

    /// Seven bits in each byte, the lowest first.
    #[inline]
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.bytes.push(value.to_le_bytes()[0]);
    }
}

/// What an `AnyValue` may be, unless it is a list.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scalar<'a> {
    Text(&'a str),
    Integer(i64),
    Float(f64),
}

impl Scalar<'_> {
    fn len(self) -> usize {
        1 + match self {
            Self::Text(text) => varint_len(text.len() as u64) + text.len(),
            Self::Integer(number) => varint_len(unsigned(number)),
            Self::Float(_) => 8,
        }
    }
}

/// The same bits, as protobuf writes a number that has a sign.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::from_ne_bytes(number.to_ne_bytes())
}

/// How many bytes a number takes.
fn varint_len(value: u64) -> usize {
    let bits = u64::BITS - (value | 1).leading_zeros();
    // A seventh, rounded up, for all that there are.
    (bits as usize * 9 + 64) / 64
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        common::v1::{AnyValue, KeyValue, any_value::Value},
        trace::v1::{Span, Status},
    };
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    #[test]
    fn what_is_zero_is_left_out_unless_given() {
        let mut out = Writer::default();
        out.number(1, 0);
        out.fixed32(1, 0);
        out.fixed64(1, 0);
        out.text(1, "");
        assert!(out.as_bytes().is_empty());
        out.given_bytes(1, &[]);
        out.scalar(2, Scalar::Text(""));
        out.scalar(2, Scalar::Integer(0));
        assert_eq!(out.as_bytes(), [0x0a, 0, 0x12, 2, 0x0a, 0, 0x12, 2, 0x18, 0]);
    }

    #[test]
    fn lengths_are_as_short_as_they_can_be() {
        for (length, expected) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (1 << 21, 4)] {
            for room in [VALUE, ITEM, GROUP] {
                let mut out = Writer::default();
                out.nested(1, room, |out| out.raw(&vec![7; length]));
                assert_eq!(out.len(), 1 + expected + length, "{length} {room}");
                assert!(out.as_bytes()[1 + expected..].iter().all(|byte| *byte == 7), "{length} {room}");
            }
        }
    }

    #[test]
    fn the_length_of_a_number_is_that_of_its_bytes() {
        for bit in 0..64 {
            for value in [1 << bit, (1 << bit) - 1, u64::MAX >> bit] {
                let mut out = Writer::default();
                out.varint(value);
                assert_eq!(out.len(), varint_len(value), "{value}");
            }
        }
    }

    proptest! {
        #[test]
        fn prost_reads_what_was_written(
            ids in (any::<[u8; 16]>(), prop::collection::vec(any::<u8>(), 0..9)),
            name in ".{0,200}",
            numbers in any::<(u64, u64, u32, u32)>(),
            values in prop::collection::vec((".{1,9}", prop_oneof![".{0,150}".prop_map(Value::StringValue),
                any::<i64>().prop_map(Value::IntValue), (-9.0..9.0).prop_map(Value::DoubleValue)]), 0..6),
            room in 1_usize..4,
        ) {
            let (trace_id, span_id) = ids;
            let mut out = Writer::default();
            out.bytes(1, &trace_id);
            out.bytes(2, &span_id);
            out.text(5, &name);
            out.fixed64(7, numbers.0);
            out.fixed64(8, numbers.1);
            for (key, value) in &values {
                let scalar = match value {
                    Value::StringValue(text) => Scalar::Text(text),
                    Value::IntValue(number) => Scalar::Integer(*number),
                    Value::DoubleValue(number) => Scalar::Float(*number),
                    _ => unreachable!("not made above"),
                };
                out.attribute(9, key, scalar);
            }
            out.number(10, numbers.2.into());
            out.fixed32(16, numbers.3);
            out.nested(15, room, |out| out.text(2, &name));
            let attribute = |(key, value)| KeyValue { key, value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() };
            let expected = Span {
                trace_id: trace_id.to_vec(),
                span_id,
                name: name.clone(),
                start_time_unix_nano: numbers.0,
                end_time_unix_nano: numbers.1,
                dropped_attributes_count: numbers.2,
                flags: numbers.3,
                attributes: values.into_iter().map(attribute).collect(),
                status: Some(Status { message: name, code: 0 }),
                ..Span::default()
            };
            prop_assert_eq!(expected.encoded_len(), out.len());
            prop_assert_eq!(Span::decode(out.as_bytes()).unwrap(), expected);
        }
    }
}
