//! Items to push.

use std::time::SystemTime;

use opentelemetry::trace::{SpanContext, SpanKind, Status};

use crate::{
    Level,
    record::{Correlation, Exception, Item, LogRecord, SpanRecord},
};

pub(crate) fn span(name: &str) -> Item {
    Item::Span(SpanRecord {
        ids: SpanContext::NONE,
        parent: None,
        kind: SpanKind::Internal,
        name: name.to_owned().into(),
        start: SystemTime::UNIX_EPOCH,
        end: SystemTime::UNIX_EPOCH,
        request: None,
        user: None,
        attributes: Vec::new(),
        dropped_attributes: 0,
        status: Status::Unset,
        scope: None,
        attached: None,
    })
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
    LogRecord {
        time: SystemTime::UNIX_EPOCH,
        level: Level::Info,
        body: body.to_owned().into(),
        target: "tests".into(),
        correlation: Correlation::default(),
        attributes: Vec::new(),
        dropped_attributes: 0,
        exception: None,
    }
}
