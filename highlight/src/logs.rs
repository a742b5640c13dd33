//! Log records of the program's own.

use std::{borrow::Cow, panic::Location, time::SystemTime};

use crate::{
    Client, KeyValue, Level, Signals, console, early,
    record::{Correlation, LogRecord},
    stack::Place,
};

/// Writes a log record with the current session, request and span.
///
/// ```
/// use highlight::{KeyValue, Level};
///
/// highlight::log(Level::Info, "order paid", [KeyValue::new("order.id", 7)]);
/// highlight::log(Level::Warn, "stock is low", []);
/// ```
///
/// The macros of `tracing` and `log` do the same by themselves. Unlike them, this is not subject to the level filter:
/// it is sent unless logs are switched off ([`Config::signals`](crate::Config::signals)). The program's console shows it too,
/// under the target `highlight::log`.
#[track_caller]
pub fn log(
    level: impl Into<Level>,
    message: impl Into<Cow<'static, str>>,
    attributes: impl IntoIterator<Item = KeyValue>,
) {
    record(level.into(), message.into(), attributes, Some(Location::caller()));
}

/// The same for lines of this crate, whose place in the code says nothing.
pub(crate) fn record(
    level: Level,
    message: impl Into<Cow<'static, str>>,
    attributes: impl IntoIterator<Item = KeyValue>,
    location: Option<&'static Location<'static>>,
) {
    let message = message.into();
    let mut attributes: Vec<_> = attributes.into_iter().map(|attribute| attribute.0).collect();
    console::log(level, || line(&message, &attributes));
    let lost = || early::ours(Signals::LOGS, "a log record", location.map(Place::from).as_ref());
    let Some(client) = Client::recording_or(lost).filter(|client| client.takes(Signals::LOGS)) else {
        return;
    };
    if let Some(location) = location {
        attributes.push(opentelemetry::KeyValue::new("code.file.path", location.file()));
        attributes.push(opentelemetry::KeyValue::new("code.line.number", i64::from(location.line())));
    }
    client.record(LogRecord {
        time: SystemTime::now(),
        level,
        body: message,
        target: Cow::Borrowed("highlight::log"),
        correlation: Correlation::current(),
        origin: None,
        attributes,
        dropped_attributes: 0,
        exception: None,
    });
}

/// The message and the attributes, as a console shows them.
fn line(message: &str, attributes: &[opentelemetry::KeyValue]) -> String {
    attributes
        .iter()
        .fold(message.to_owned(), |line, attribute| format!("{line} {}={}", attribute.key, attribute.value))
}
