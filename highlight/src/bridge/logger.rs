//! Records of OpenTelemetry's log API as log records, and as errors where they carry one.

use std::time::Duration;

use opentelemetry::{
    Context, InstrumentationScope,
    logs::{AnyValue, Severity},
    trace::{SpanContext, TraceContextExt, TraceState},
};
use opentelemetry_sdk::{
    error::{OTelSdkError, OTelSdkResult},
    logs::{LogProcessor, SdkLogRecord, SdkLoggerProvider},
};

use super::{any_value, event::Fields};
use crate::{Client, ErrorReport, Level, ambient, error::Subject, stack::Stack};

/// How long a provider's `force_flush` may take.
const FORCE_FLUSH: Duration = Duration::from_secs(10);

/// A provider whose loggers record with this client.
pub(crate) fn provider(client: &Client) -> SdkLoggerProvider {
    let builder = SdkLoggerProvider::builder();
    if client.is_enabled() { builder.with_log_processor(Records(client.clone())) } else { builder }.build()
}

/// Takes the records of a provider's loggers.
#[derive(Debug)]
struct Records(Client);

impl LogProcessor for Records {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        let level = level(record);
        let target = record.target().map_or_else(|| scope.name().to_owned(), |target| (**target).to_owned());
        if !self.takes(level, &target) {
            return;
        }
        let fields = fields(record, level);
        let fallback = record.event_name().unwrap_or_default();
        let cx = elsewhere(record);
        let _guard = cx.as_ref().and_then(ambient::attach);
        fields.record(&self.0, level, target.into(), fallback);
    }

    fn event_enabled(&self, severity: Severity, target: &str, _name: Option<&str>) -> bool {
        self.takes(level_of(severity), target)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.flush(FORCE_FLUSH).map_err(|error| OTelSdkError::InternalFailure(error.to_string()))
    }

    /// The client ends when its own guard or its last handle goes, not with one of its providers.
    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Records {
    /// The levels and targets of the configuration hold here too; above all, what the exporter says is not exported.
    fn takes(&self, level: Level, target: &str) -> bool {
        self.0.filter().enabled(target, level.to_tracing())
    }
}

fn fields(record: &SdkLogRecord, level: Level) -> Fields {
    let is_error = level >= Level::Error;
    let mut fields = Fields::new(is_error);
    fields.set_time(record.timestamp().or(record.observed_timestamp()));
    if let Some(body) = record.body() {
        fields.set_message(any_value::text(body));
    }
    let mut exception = Exception::default();
    for (key, value) in record.attributes_iter() {
        if !is_error || !exception.take(key.as_str(), value) {
            any_value::flatten(key.as_str(), value, fields.attributes_mut());
        }
    }
    if let Some(report) = exception.report() {
        fields.set_error(report);
    }
    fields
}

/// What OpenTelemetry says of an exception on a record.
#[derive(Default)]
struct Exception {
    message: Option<String>,
    type_name: Option<String>,
    stack: Option<String>,
}

impl Exception {
    fn take(&mut self, key: &str, value: &AnyValue) -> bool {
        let part = match key {
            "exception.message" => &mut self.message,
            "exception.type" => &mut self.type_name,
            "exception.stacktrace" => &mut self.stack,
            _ => return false,
        };
        *part = Some(any_value::text(value));
        true
    }

    /// The server wants a message (C§6.1); the type is better than none.
    fn report(self) -> Option<ErrorReport> {
        let message = self.message.or_else(|| self.type_name.clone())?;
        let report = ErrorReport::of_type(&Subject::text(&message), self.type_name.map(Into::into));
        let Some(stack) = self.stack else { return Some(report) };
        // Of which language or format, nobody says. If it is not what Rust prints, the server shows the stack of the logging call.
        Some(report.carried(Stack::printed(&stack)).attribute("error.details", stack))
    }
}

/// The context of a record that names another span than the current one.
fn elsewhere(record: &SdkLogRecord) -> Option<Context> {
    let named = record.trace_context()?;
    let cx = ambient::current();
    let is_current = {
        let current = cx.span();
        let current = current.span_context();
        (current.trace_id(), current.span_id()) == (named.trace_id, named.span_id)
    };
    let flags = named.trace_flags.unwrap_or_default();
    let span = SpanContext::new(named.trace_id, named.span_id, flags, true, TraceState::default());
    (!is_current).then(|| cx.with_remote_span_context(span))
}

fn level(record: &SdkLogRecord) -> Level {
    let by_text = || match record.severity_text()?.to_ascii_lowercase().as_str() {
        "trace" => Some(Level::Trace),
        "debug" => Some(Level::Debug),
        "warn" | "warning" => Some(Level::Warn),
        "error" => Some(Level::Error),
        "fatal" => Some(Level::Fatal),
        _ => None,
    };
    record.severity_number().map(level_of).or_else(by_text).unwrap_or(Level::Info)
}

/// The level whose range of four the severity is in.
fn level_of(severity: Severity) -> Level {
    match severity as u8 {
        0..=4 => Level::Trace,
        5..=8 => Level::Debug,
        9..=12 => Level::Info,
        13..=16 => Level::Warn,
        17..=20 => Level::Error,
        _ => Level::Fatal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_levels() {
        for (severity, level) in [
            (Severity::Trace, Level::Trace),
            (Severity::Trace4, Level::Trace),
            (Severity::Debug, Level::Debug),
            (Severity::Info, Level::Info),
            (Severity::Info4, Level::Info),
            (Severity::Warn2, Level::Warn),
            (Severity::Error, Level::Error),
            (Severity::Error4, Level::Error),
            (Severity::Fatal, Level::Fatal),
            (Severity::Fatal4, Level::Fatal),
        ] {
            assert_eq!(level_of(severity), level, "{severity:?}");
        }
    }
}
