//! A protobuf writer: the three wire types that OTLP needs, by field number.

/// A message under construction.
#[derive(Debug, Clone, Default)]
pub struct Message(Vec<u8>);

impl Message {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn varint(mut self, field: u64, value: u64) -> Self {
        self.key(field, 0);
        self.put_varint(value);
        self
    }

    pub fn fixed64(mut self, field: u64, value: u64) -> Self {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub fn double(self, field: u64, value: f64) -> Self {
        self.fixed64(field, value.to_bits())
    }

    pub fn bytes_field(mut self, field: u64, value: &[u8]) -> Self {
        self.key(field, 2);
        self.put_varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    pub fn text(self, field: u64, value: &str) -> Self {
        self.bytes_field(field, value.as_bytes())
    }

    pub fn message(self, field: u64, value: &Message) -> Self {
        self.bytes_field(field, &value.0)
    }

    pub fn messages(self, field: u64, values: &[Message]) -> Self {
        values.iter().fold(self, |message, value| message.message(field, value))
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn key(&mut self, field: u64, wire_type: u64) {
        self.put_varint(field << 3 | wire_type);
    }

    fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }
}
