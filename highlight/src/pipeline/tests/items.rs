//! Items to push.

use crate::{
    Level,
    record::{Entry, Exception, LogRecord, SpanRecord},
};

/// One thing to push.
#[derive(Debug)]
pub(crate) enum Item {
    Span(SpanRecord),
    Log(LogRecord),
}

impl Item {
    pub(crate) fn entry(&mut self) -> Entry<'_> {
        match self {
            Self::Span(span) => Entry::Span(span),
            Self::Log(log) => Entry::Log(log),
        }
    }
}

pub(crate) fn span(name: &str) -> Item {
    Item::Span(SpanRecord { name: name.to_owned().into(), ..SpanRecord::default() })
}

pub(crate) fn log(body: &str) -> Item {
    Item::Log(record(body))
}

pub(crate) fn error(message: &str) -> Item {
    Item::Log(LogRecord {
        level: Level::Error,
        exception: Some(Box::new(Exception {
            type_name: None,
            message: message.to_owned(),
            causes: Vec::new(),
            cause_types: Vec::new(),
            place: None,
            stack: None,
        })),
        ..record("")
    })
}

fn record(body: &str) -> LogRecord {
    LogRecord { body: body.to_owned().into(), target: "tests".into(), ..LogRecord::default() }
}
