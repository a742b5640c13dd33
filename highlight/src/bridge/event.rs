//! `tracing` events as log records, and as errors where they carry one.

use std::{borrow::Cow, error::Error, fmt, fmt::Write as _, mem, time::SystemTime};

use opentelemetry::{Key, KeyValue};
use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_log::NormalizeEvent;
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::{home::Home, log, span_layer::SpanLayer};
use crate::{
    Client, ErrorReport, Level, Signals, Value, ambient,
    context::Scope,
    error::Subject,
    leftovers::{self, Leftovers},
    record::{Correlation, LogRecord},
    stack::{Place, Stack},
    text, thread,
};

/// Turns events into log records.
#[derive(Debug, Default)]
pub(super) struct EventLayer {
    home: Home,
}

impl EventLayer {
    /// The context of the span that an event names as its parent.
    fn parent_context<S>(&self, event: &Event<'_>) -> Option<opentelemetry::Context>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let parent = event.parent()?;
        let dispatch = self.home.get()?;
        // An event may name a span by its id alone, which keeps none open.
        let span = dispatch.downcast_ref::<S>()?.span(parent)?;
        dispatch.downcast_ref::<SpanLayer<S>>()?.spans.context_of(&span)
    }
}

impl<S> Layer<S> for EventLayer
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.home.set(dispatch);
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        record(event, self.parent_context::<S>(event));
    }
}

/// Records an event. `parent` is the context of the span that it names as its parent.
pub(super) fn record(event: &Event<'_>, parent: Option<opentelemetry::Context>) {
    // A record of `log` on its way to the other layers was taken already.
    if log::is_forwarding() {
        return;
    }
    let parent = parent.filter(knows_no_less);
    let _guard = parent.as_ref().and_then(ambient::attach);
    let Some(client) = Client::recording() else { return };
    // A filter before this one may have asked another client, or none.
    if !client.filter().enabled(event.metadata().target(), *event.metadata().level()) {
        return;
    }
    // An event that `tracing-log` made of a `log` record says in its fields where it comes from. To ask it costs more than to look.
    let normalized = if event.metadata().target() == "log" { event.normalized_metadata() } else { None };
    let level = Level::from(*normalized.as_ref().unwrap_or_else(|| event.metadata()).level());
    let mut fields = Fields::new(level >= Level::Error);
    event.record(&mut fields);
    let metadata = event.metadata();
    let target = if let Some(metadata) = &normalized {
        fields.forget_origin();
        let origin = Origin::of_borrowed(metadata);
        let target = origin.target.clone();
        fields.place(origin);
        target
    } else {
        fields.place_at(metadata);
        metadata.target().into()
    };
    fields.record(&client, level, target, metadata.name());
}

/// Whether an event takes its parent's context: not if that would cost it its client or its request, as that of a span which
/// the program made when it started.
fn knows_no_less(parent: &opentelemetry::Context) -> bool {
    let known = |cx: &opentelemetry::Context| cx.get::<Scope>().map(|scope| !scope.request.is_empty());
    known(parent) >= ambient::map_current(known)
}

/// Where an event comes from.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) target: Cow<'static, str>,
    pub(super) module: Option<Cow<'static, str>>,
    pub(super) file: Option<Cow<'static, str>>,
    pub(super) line: Option<u32>,
}

impl Origin {
    /// Of what the compiler knows nothing is copied.
    fn of(metadata: &'static Metadata<'static>) -> Self {
        Self {
            target: metadata.target().into(),
            module: metadata.module_path().map(Cow::Borrowed),
            file: metadata.file().map(Cow::Borrowed),
            line: metadata.line(),
        }
    }

    fn of_borrowed(metadata: &Metadata<'_>) -> Self {
        let owned = |text: &str| Cow::Owned(text.to_owned());
        Self {
            target: owned(metadata.target()),
            module: metadata.module_path().map(owned),
            file: metadata.file().map(owned),
            line: metadata.line(),
        }
    }
}

/// The fields whose value makes an event at ERROR an error object.
const ERROR_FIELDS: [&str; 3] = ["error", "err", "exception"];

/// What an event says, collected field by field.
#[derive(Debug)]
pub(super) struct Fields {
    time: SystemTime,
    message: Option<String>,
    attributes: Vec<KeyValue>,
    /// For the message.
    empty: String,
    /// In a box: few events have one, and it is large.
    error: Option<Box<ErrorReport>>,
    promotes: bool,
    place: Option<Place>,
    /// Of what can be no error.
    origin: Option<&'static Metadata<'static>>,
}

impl Fields {
    /// `promotes`: whether an error field makes an error object.
    pub(super) fn new(promotes: bool) -> Self {
        let Leftovers { text, attributes } = leftovers::take();
        Self {
            time: SystemTime::now(),
            message: None,
            attributes,
            empty: text,
            error: None,
            promotes,
            place: None,
            origin: None,
        }
    }

    /// When it happened, if that is not now.
    pub(super) fn set_time(&mut self, time: Option<SystemTime>) {
        self.time = time.unwrap_or(self.time);
    }

    pub(super) fn set_error(&mut self, error: ErrorReport) {
        self.error = Some(Box::new(error));
    }

    pub(super) fn attributes_mut(&mut self) -> &mut Vec<KeyValue> {
        &mut self.attributes
    }

    pub(super) fn set_message(&mut self, message: String) {
        self.message = Some(message);
    }

    pub(super) fn add(&mut self, name: impl Into<Key>, value: impl Into<Value>) {
        self.attributes.push(KeyValue::new(name, value.into().0));
    }

    /// A field given as text: the message, an error, or an attribute.
    pub(super) fn add_text(&mut self, name: impl Into<Key>, text: String) {
        let name = name.into();
        if name.as_str() == "message" {
            self.message = Some(text);
        } else if self.is_error(name.as_str()) {
            self.error = Some(Box::new(report_of_text(text)));
        } else {
            self.add(name, text);
        }
    }

    fn is_error(&self, name: &str) -> bool {
        self.promotes && self.error.is_none() && ERROR_FIELDS.contains(&name)
    }

    /// What an event made of a `log` record says of its origin: its metadata were made of it.
    fn forget_origin(&mut self) {
        self.attributes.retain(|attribute| {
            !matches!(attribute.key.as_str(), "log.target" | "log.module_path" | "log.file" | "log.line")
        });
    }

    /// Where in the code it was written, of which nothing need be said before it is encoded.
    pub(super) fn place_at(&mut self, metadata: &'static Metadata<'static>) {
        if self.promotes {
            self.place(Origin::of(metadata));
        } else {
            self.origin = Some(metadata);
        }
    }

    /// Where in the code it was written; and on which thread, of what may become an error.
    pub(super) fn place(&mut self, origin: Origin) {
        let Origin { target, module, file, line } = origin;
        // A target is a module's path, unless the program says otherwise.
        let module = module.filter(|module| *module != target);
        self.add("log.target", target);
        self.attributes.extend(module.map(|module| KeyValue::new("code.module.name", module)));
        if self.promotes {
            self.place = file.clone().zip(line).map(|(file, line)| Place { file, line });
            thread::describe(&mut self.attributes);
        }
        self.attributes.extend(file.map(|file| KeyValue::new("code.file.path", file)));
        self.attributes.extend(line.map(|line| KeyValue::new("code.line.number", i64::from(line))));
    }

    /// Hands over what was collected: as an error if there is one to report, else as a log record.
    pub(super) fn record(mut self, client: &Client, level: Level, target: Cow<'static, str>, fallback: &str) {
        let from_message = level >= Level::Error && client.settings().errors_from_logs;
        let error = self.error.take().or_else(|| {
            from_message.then(|| {
                let text = self.take_text(fallback);
                let report = ErrorReport::of(&Subject::text(&text));
                self.message = Some(text);
                Box::new(report)
            })
        });
        match error {
            Some(report) => self.report(*report, client, level, target),
            None if client.takes(Signals::LOGS) => client.record(self.into_log(level, target, fallback)),
            None => {}
        }
    }

    #[cold]
    fn report(self, report: ErrorReport, client: &Client, level: Level, target: Cow<'static, str>) {
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

    fn take_text(&mut self, fallback: &str) -> String {
        let message = self.message.take().filter(|message| !message.is_empty());
        message.or_else(|| summary(&self.attributes)).unwrap_or_else(|| fallback.to_owned())
    }

    fn into_log(mut self, level: Level, target: Cow<'static, str>, fallback: &str) -> LogRecord {
        let body = self.take_text(fallback);
        LogRecord {
            time: self.time,
            level,
            body: body.into(),
            target,
            correlation: Correlation::current(),
            origin: self.origin,
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
        let is_message = field.name() == "message";
        let empty = if is_message { mem::take(&mut self.empty) } else { String::new() };
        let text = text::of_debug_in(empty, value);
        if text == "None" && !is_message {
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
            self.error = Some(Box::new(ErrorReport::of(&Subject::of(value))));
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
