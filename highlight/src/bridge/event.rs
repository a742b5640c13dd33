//! `tracing` events as log records, and as errors where they carry one.

use std::{
    borrow::Cow,
    error::Error,
    fmt,
    fmt::Write as _,
    panic::{self, AssertUnwindSafe},
    sync::OnceLock,
    time::SystemTime,
};

use opentelemetry::KeyValue;
use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    dispatcher::{self, WeakDispatch},
    field::{Field, Visit},
};
use tracing_log::NormalizeEvent;
use tracing_opentelemetry::get_otel_context;
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::log;
use crate::{
    Client, ErrorReport, Level, Signals, Value, ambient,
    context::Scope,
    error::Subject,
    record::{Correlation, LogRecord},
    stack::{Place, Stack},
    text, thread,
};

/// Turns events into log records.
#[derive(Debug, Default)]
pub(super) struct EventLayer {
    /// The subscriber that this is a layer of. Inside `on_event` it is not current: only where every thread has the same one
    /// can it be asked for.
    dispatch: OnceLock<WeakDispatch>,
}

impl EventLayer {
    /// The context of the span that an event names as its parent.
    fn parent_context<S>(&self, event: &Event<'_>) -> Option<opentelemetry::Context>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let parent = event.parent()?;
        // An `Option` or a `Vec` of layers does not tell them.
        let dispatch = match self.dispatch.get() {
            Some(registered) => registered.upgrade()?,
            None => dispatcher::get_default(Dispatch::clone),
        };
        // `tracing-opentelemetry` panics where the span has closed. An event may name one by its id alone, which keeps no span
        // open: hence the question first, and the net for the one that closes in between.
        dispatch.downcast_ref::<S>()?.span(parent)?;
        panic::catch_unwind(AssertUnwindSafe(|| get_otel_context(parent, &dispatch))).ok().flatten()
    }
}

impl<S> Layer<S> for EventLayer
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        // A second dispatcher would hold the same subscriber.
        let _ = self.dispatch.set(dispatch.downgrade());
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // A record of `log` on its way to the other layers was taken already.
        if log::is_forwarding() {
            return;
        }
        let parent = self.parent_context::<S>(event).filter(knows_no_less);
        let _guard = parent.as_ref().and_then(ambient::attach);
        let Some(client) = Client::recording() else { return };
        // The filter has asked the client that was current; the parent's may be another.
        if parent.is_some() && !client.filter().enabled(event.metadata().target(), *event.metadata().level())
        {
            return;
        }
        // An event that `tracing-log` made of a `log` record says in its fields where it comes from.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        let mut fields = Fields::new(Level::from(*metadata.level()) >= Level::Error);
        event.record(&mut fields);
        fields.locate(metadata, normalized.is_some());
        fields.record(&client, Level::from(*metadata.level()), metadata);
    }
}

/// Whether an event takes its parent's context: not if that would cost it its client or its request, as that of a span which
/// the program made when it started.
fn knows_no_less(parent: &opentelemetry::Context) -> bool {
    let known = |cx: &opentelemetry::Context| cx.get::<Scope>().map(|scope| !scope.request.is_empty());
    known(parent) >= ambient::map_current(known)
}

/// The fields whose value makes an event at ERROR an error object.
const ERROR_FIELDS: [&str; 3] = ["error", "err", "exception"];

/// What an event says, collected field by field.
#[derive(Debug)]
pub(super) struct Fields {
    time: SystemTime,
    message: Option<String>,
    attributes: Vec<KeyValue>,
    error: Option<ErrorReport>,
    promotes: bool,
    place: Option<Place>,
}

impl Fields {
    /// `promotes`: whether an error field makes an error object.
    pub(super) fn new(promotes: bool) -> Self {
        Self {
            time: SystemTime::now(),
            message: None,
            attributes: Vec::with_capacity(8),
            error: None,
            promotes,
            place: None,
        }
    }

    /// When it happened, if that is not now.
    pub(super) fn set_time(&mut self, time: Option<SystemTime>) {
        self.time = time.unwrap_or(self.time);
    }

    pub(super) fn set_error(&mut self, error: ErrorReport) {
        self.error = Some(error);
    }

    pub(super) fn attributes_mut(&mut self) -> &mut Vec<KeyValue> {
        &mut self.attributes
    }

    pub(super) fn set_message(&mut self, message: String) {
        self.message = Some(message);
    }

    pub(super) fn add(&mut self, name: &str, value: impl Into<Value>) {
        self.attributes.push(KeyValue::new(name.to_owned(), value.into().0));
    }

    /// A field given as text: the message, an error, or an attribute.
    pub(super) fn add_text(&mut self, name: &str, text: String) {
        if name == "message" {
            self.message = Some(text);
        } else if self.is_error(name) {
            self.error = Some(report_of_text(text));
        } else {
            self.add(name, text);
        }
    }

    fn is_error(&self, name: &str) -> bool {
        self.promotes && self.error.is_none() && ERROR_FIELDS.contains(&name)
    }

    /// Where in the code, and on which thread, it was written.
    pub(super) fn locate(&mut self, metadata: &Metadata<'_>, normalized: bool) {
        if normalized {
            // These are what the metadata was made of.
            self.attributes.retain(|attribute| {
                !matches!(attribute.key.as_str(), "log.target" | "log.module_path" | "log.file" | "log.line")
            });
        }
        self.place(metadata.target(), metadata.module_path(), metadata.file(), metadata.line());
    }

    pub(super) fn place(
        &mut self,
        target: &str,
        module: Option<&str>,
        file: Option<&str>,
        line: Option<u32>,
    ) {
        self.add("log.target", target.to_owned());
        if let Some(module) = module {
            self.add("code.module.name", module.to_owned());
        }
        if let Some(file) = file {
            self.add("code.file.path", file.to_owned());
        }
        if let Some(line) = line {
            self.add("code.line.number", line);
        }
        if self.promotes {
            self.place = file.zip(line).map(|(file, line)| Place { file: file.to_owned().into(), line });
        }
        thread::describe(&mut self.attributes);
    }

    /// Hands over what was collected: as an error if there is one to report, else as a log record.
    pub(super) fn record(self, client: &Client, level: Level, metadata: &Metadata<'_>) {
        self.record_as(client, level, metadata.target().to_owned(), metadata.name());
    }

    pub(super) fn record_as(mut self, client: &Client, level: Level, target: String, fallback: &str) {
        let from_message = level >= Level::Error && client.settings().errors_from_logs;
        let error = self
            .error
            .take()
            .or_else(|| from_message.then(|| ErrorReport::of(&Subject::text(&self.text(fallback)))));
        let Some(report) = error else {
            if client.takes(Signals::LOGS) {
                client.record(self.into_log(level, target, fallback));
            }
            return;
        };
        let report = report
            .level(level)
            .time(self.time)
            .target(target)
            .attributes(self.attributes)
            .place(self.place)
            .body(self.message.map(Cow::Owned));
        // Reported before, or errors are switched off: the line itself is still a log record.
        if let Err(report) = report.consume_with(client) {
            if client.takes(Signals::LOGS) {
                client.record(report.into_log(Correlation::current()));
            }
        }
    }

    fn text(&self, fallback: &str) -> String {
        let message = self.message.clone().filter(|message| !message.is_empty());
        message.or_else(|| summary(&self.attributes)).unwrap_or_else(|| fallback.to_owned())
    }

    fn into_log(self, level: Level, target: String, fallback: &str) -> LogRecord {
        let body = self.text(fallback);
        LogRecord {
            time: self.time,
            level,
            body: body.into(),
            target: target.into(),
            correlation: Correlation::current(),
            attributes: self.attributes,
            dropped_attributes: 0,
            exception: None,
        }
    }
}

/// An event without a message says its fields, since a line without text says nothing.
fn summary(attributes: &[KeyValue]) -> Option<String> {
    let mut text = String::new();
    let own = |key: &str| ["log.", "code.", "thread."].iter().any(|prefix| key.starts_with(prefix));
    for attribute in attributes.iter().filter(|attribute| !own(attribute.key.as_str())) {
        let space = if text.is_empty() { "" } else { " " };
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{space}{}={}", attribute.key, attribute.value);
    }
    (!text.is_empty()).then_some(text)
}

/// An error of which an event tells only the text. `?error` of an error with a backtrace has many lines: the first is the message.
fn report_of_text(text: String) -> ErrorReport {
    match text.split_once('\n') {
        Some((first, _)) => ErrorReport::of(&Subject::text(first.trim_end()))
            .carried(Stack::in_debug_text(&text))
            .attribute("error.details", text),
        None => ErrorReport::of(&Subject::text(&text)),
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = text::of_debug(value);
        if text == "None" && field.name() != "message" {
            // `error = ?outcome.err()` of a success.
            self.add(field.name(), text);
        } else {
            self.add_text(field.name(), text);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add_text(field.name(), value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        if self.is_error(field.name()) {
            self.error = Some(ErrorReport::of(&Subject::of(value)));
        } else {
            self.add_text(field.name(), text::of(value));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.add(field.name(), value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.add(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), value);
    }
}
