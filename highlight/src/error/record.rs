//! The record that a report becomes.

use std::{borrow::Cow, time::SystemTime};

use super::{ErrorAction, ErrorReport};
use crate::{
    Client,
    record::{Correlation, Exception, LogRecord},
    stack::Stack,
    thread,
};

impl ErrorReport {
    /// A plain log record in place of an error that was not sent.
    pub(crate) fn into_log(self, correlation: Correlation) -> LogRecord {
        let mut attributes = self.attributes;
        let mut add = |key: &'static str, value: Option<opentelemetry::Value>| {
            if attributes.iter().all(|attribute| attribute.key.as_str() != key) {
                attributes.extend(value.map(|value| opentelemetry::KeyValue::new(key, value)));
            }
        };
        add("error.message", Some(self.message.clone().into()));
        add("error.type", self.type_name.map(Into::into));
        if let Some(place) = self.place {
            add("code.file.path", Some(place.file.into()));
            add("code.line.number", Some(i64::from(place.line).into()));
        }
        LogRecord {
            time: self.time.unwrap_or_else(SystemTime::now),
            level: self.level,
            body: self.body.unwrap_or_else(|| Cow::Owned(with_causes(&self.message, &self.causes))),
            target: self.target,
            correlation,
            origin: None,
            attributes,
            dropped_attributes: 0,
            exception: None,
        }
    }

    pub(super) fn into_record(
        mut self,
        client: &Client,
        correlation: Correlation,
        route: Option<opentelemetry::Value>,
    ) -> LogRecord {
        let title = self.title.take().or(match self.action {
            ErrorAction::Title(title) => Some(title),
            _ => None,
        });
        if let Some(title) = title {
            let message = std::mem::replace(&mut self.message, title.into_owned());
            self.attributes.push(opentelemetry::KeyValue::new("error.message", message));
        }
        thread::describe(&mut self.attributes);
        self.attributes.extend(route.map(|route| opentelemetry::KeyValue::new("http.route", route)));
        let body = self.body.unwrap_or_else(|| Cow::Owned(with_causes(&self.message, &self.causes)));
        // Walking the stack is quick; resolving its symbols is the worker's.
        let takes_stack = || self.takes_stack.unwrap_or_else(|| client.takes_stack());
        let capture = || (self.captures && takes_stack()).then(Stack::capture);
        LogRecord {
            time: self.time.unwrap_or_else(SystemTime::now),
            level: self.level,
            body,
            target: self.target,
            correlation,
            origin: None,
            attributes: self.attributes,
            dropped_attributes: 0,
            exception: Some(Box::new(Exception {
                type_name: self.type_name,
                message: self.message,
                causes: self.causes,
                cause_types: self.cause_types,
                place: self.place,
                stack: self.carried.or_else(capture),
            })),
        }
    }
}

/// The message with its causes, each said once: many errors repeat their source's text.
pub(super) fn with_causes(message: &str, causes: &[String]) -> String {
    let mut text = message.to_owned();
    for cause in causes {
        if !text.contains(cause.as_str()) {
            text.push_str(": ");
            text.push_str(cause);
        }
    }
    text
}
