//! Items to push.

use std::time::SystemTime;

use opentelemetry::{
    InstrumentationScope, SpanId,
    trace::{SpanContext, SpanKind, Status},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use crate::{
    Level,
    record::{Correlation, Exception, Item, LogRecord},
};

pub(crate) fn span(name: &str) -> Item {
    Item::Span(SpanData {
        span_context: SpanContext::NONE,
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: name.to_owned().into(),
        start_time: SystemTime::UNIX_EPOCH,
        end_time: SystemTime::UNIX_EPOCH,
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
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
