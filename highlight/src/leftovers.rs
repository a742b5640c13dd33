//! What spent log records leave to those that come after them on their thread: room for a text and for attributes.
//!
//! The queue gives back an earlier record for each that it takes. To free what that held, only to ask for as much again for the
//! next line, would be half of what a line costs the allocator.

use std::{borrow::Cow, cell::Cell, mem};

use opentelemetry::KeyValue;

use crate::record::LogRecord;

/// Room for longer texts, and for more attributes, is not kept.
const TEXT: usize = 256;
const ATTRIBUTES: usize = 16;

/// Empty, with room if there was some.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    pub(crate) text: String,
    pub(crate) attributes: Vec<KeyValue>,
}

thread_local!(static LEFTOVERS: Cell<Option<Leftovers>> = const { Cell::new(None) });

/// What the last record has left.
pub(crate) fn take() -> Leftovers {
    // Nothing, while the thread ends.
    LEFTOVERS.try_with(Cell::take).ok().flatten().unwrap_or_default()
}

/// Takes it from a record that nobody needs any more.
pub(crate) fn leave(record: &mut LogRecord) {
    let mut left = Leftovers::default();
    if let Cow::Owned(text) = &mut record.body {
        if text.capacity() <= TEXT {
            text.clear();
            left.text = mem::take(text);
        }
    }
    if record.attributes.capacity() <= ATTRIBUTES {
        record.attributes.clear();
        left.attributes = mem::take(&mut record.attributes);
    }
    let _ = LEFTOVERS.try_with(|kept| kept.set(Some(left)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_empty_and_used_once() {
        let record = |text: &str, attributes: usize| LogRecord {
            body: text.to_owned().into(),
            attributes: vec![KeyValue::new("key", "value"); attributes],
            ..LogRecord::default()
        };
        leave(&mut record("a text", 3));
        let left = take();
        assert!(left.text.is_empty() && left.text.capacity() >= 6);
        assert!(left.attributes.is_empty() && left.attributes.capacity() >= 3);

        for mut next in [LogRecord::default(), record(&"long".repeat(TEXT), ATTRIBUTES + 1)] {
            leave(&mut next);
            let left = take();
            assert_eq!((left.text.capacity(), left.attributes.capacity()), (0, 0));
        }
    }
}
