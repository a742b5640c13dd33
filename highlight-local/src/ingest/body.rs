//! The body of a log record, and its traps (C§7.1, C§7.3).

use std::time::SystemTime;

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValueList, any_value::Value};

use super::{record::FromBody, syslog};
use crate::note::ChangeReason;

/// What the server reads out of a body.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub(super) message: String,
    /// Syslog only.
    pub(super) time: Option<SystemTime>,
    pub(super) rest: FromBody,
    pub(super) changed: Vec<ChangeReason>,
}

impl Body {
    pub(super) fn read(value: Option<&AnyValue>) -> Self {
        match value.and_then(|value| value.value.as_ref()) {
            None => Self::default(),
            Some(Value::StringValue(text)) => Self::from_text(text),
            Some(Value::KvlistValue(map)) => Self::from_systemd(map),
            Some(_) => Self { changed: vec![ChangeReason::BodyNotText], ..Self::default() },
        }
    }

    /// Text before `" <"` is taken for the project id of a syslog drain.
    fn from_text(text: &str) -> Self {
        let mut body = Self { message: text.to_owned(), ..Self::default() };
        if !text.starts_with('<') {
            if let Some((project, rest)) = text.split_once(" <") {
                body.rest.project = Some(project.to_owned());
                body.message = format!("<{rest}");
                body.changed.push(ChangeReason::BodyTruncated);
            }
        }
        if let Some(syslog) = syslog::parse(&body.message) {
            body.changed.push(ChangeReason::BodyParsedAsSyslog);
            body.message = syslog.message.unwrap_or(body.message);
            body.time = syslog.time;
            body.rest.severity = Some(syslog.severity.to_owned());
            body.rest.attributes = syslog.attributes;
        }
        body
    }

    fn from_systemd(map: &KeyValueList) -> Self {
        let mut body = Self::default();
        let mut has_message = false;
        for entry in &map.values {
            let value = entry.value.as_ref().and_then(|value| value.value.as_ref());
            let Some(Value::StringValue(text)) = value else { continue };
            match entry.key.as_str() {
                "MESSAGE" => {
                    has_message = true;
                    body.message.clone_from(text);
                }
                "PRIORITY" => body.rest.severity = systemd_severity(text).map(str::to_owned),
                key => {
                    body.rest.attributes.insert(key.to_owned(), text.clone());
                }
            }
        }
        if !has_message {
            body.changed.push(ChangeReason::BodyNotText);
        }
        body
    }
}

fn systemd_severity(priority: &str) -> Option<&'static str> {
    Some(match priority {
        "0" | "1" => "Fatal",
        "2" | "3" => "Error",
        "4" | "5" => "Warn",
        "6" => "Info",
        "7" => "Debug",
        _ => return None,
    })
}
