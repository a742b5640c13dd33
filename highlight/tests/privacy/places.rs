//! Where a secret can stand.

use std::{borrow::Cow, error::Error, fmt, panic};

use highlight::{
    Client, ErrorReport, KeyValue, Level, SpanBuilder, User,
    messaging::Message,
    otel::opentelemetry::{
        Array, Context, Key, KeyValue as OtelKeyValue, StringValue, Value,
        logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity},
        trace::{SpanContext, SpanId, SpanRef, Status, TraceContextExt, TraceFlags, TraceId, TraceState},
    },
};
use tracing_subscriber::prelude::*;

/// A place, and how a text gets there.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    /// Whether the place has a name of its own, which `put` is given.
    pub(crate) has_key: bool,
    pub(crate) put: fn(&Client, &'static str, &'static str),
}

const fn text(name: &'static str, put: fn(&Client, &'static str, &'static str)) -> Place {
    Place { name, has_key: false, put }
}

const fn named(name: &'static str, put: fn(&Client, &'static str, &'static str)) -> Place {
    Place { name, has_key: true, put }
}

pub(crate) const PLACES: &[Place] = &[
    text("span name", |_, _, text| highlight::in_span(text, |_| {})),
    named("span attribute", |_, key, text| highlight::in_span("work", |span| span.set_attribute(key, text))),
    named("span attribute at the start", |_, key, text| {
        SpanBuilder::new("work").attribute(key, text).in_span(|_| {});
    }),
    named("span attribute, in a list", |_, key, text| {
        let list = Value::Array(Array::String(vec!["a".into(), StringValue::from(text)]));
        otel_span(|span| span.set_attribute(OtelKeyValue::new(key, list)));
    }),
    text("span status", |_, _, text| otel_span(|span| span.set_status(Status::error(text)))),
    text("span event name", |_, _, text| otel_span(|span| span.add_event(text, Vec::new()))),
    named("span event attribute", |_, key, text| {
        otel_span(|span| span.add_event("event", vec![OtelKeyValue::new(key, text)]));
    }),
    named("span link attribute", |_, key, text| {
        let linked = SpanContext::new(
            TraceId::from(1_u128),
            SpanId::from(1_u64),
            TraceFlags::default(),
            true,
            TraceState::NONE,
        );
        otel_span(|span| span.add_link(linked, vec![OtelKeyValue::new(key, text)]));
    }),
    text("log body", |_, _, text| highlight::log(Level::Info, text, [])),
    named("log attribute", |_, key, text| highlight::log(Level::Info, "m", [KeyValue::new(key, text)])),
    named("log attribute, in a map", |client, key, text| {
        let inner = [(Key::new(key), AnyValue::from(text))].into_iter().collect();
        let outer = [(Key::new("inner"), AnyValue::Map(Box::new(inner)))].into_iter().collect();
        otel_log(client, |record| record.add_attribute("outer", AnyValue::Map(Box::new(outer))));
    }),
    named("log attribute, in a list", |client, key, text| {
        let list = vec![AnyValue::from(text), AnyValue::Boolean(true)];
        otel_log(client, |record| record.add_attribute(key, AnyValue::ListAny(Box::new(list))));
    }),
    text("tracing message", |_, _, text| with_layer(|| tracing::info!("{text}"))),
    text("tracing field", |_, _, text| with_layer(|| tracing::info!(note = text, "m"))),
    text("tracing field, displayed", |_, _, text| with_layer(|| tracing::info!(note = %text, "m"))),
    text("tracing field, for debugging", |_, _, text| {
        with_layer(|| tracing::info!(note = ?text, "m"));
    }),
    text("tracing span field", |_, _, text| {
        with_layer(|| tracing::info_span!("work", note = text).in_scope(|| {}));
    }),
    text("error message", |_, _, text| highlight::consume_error(&Failure(text.into(), None))),
    text("error cause", |_, _, text| {
        highlight::consume_error(&Failure(number().into(), Some(Box::new(Failure(text.into(), None)))));
    }),
    text("error title", |_, _, text| ErrorReport::new(&Failure(number().into(), None)).title(text).consume()),
    text("error message below a title", |_, _, text| {
        ErrorReport::new(&Failure(text.into(), None)).title("title").consume();
    }),
    named("error attribute", |_, key, text| {
        ErrorReport::new(&Failure(number().into(), None)).attribute(key, text).consume();
    }),
    text("error of a tracing event", |_, _, text| {
        with_layer(|| tracing::error!(error = &Failure(text.into(), None) as &(dyn Error + 'static), "m"));
    }),
    text("error of a span", |_, _, text| {
        let _ = highlight::try_in_span("work", |_| Err::<(), _>(Failure(text.into(), None)));
    }),
    text("panic message", |_, _, text| {
        highlight::install_panic_hook();
        let _ = panic::catch_unwind(|| panic!("{text}"));
    }),
    named("metric attribute", |_, key, text| {
        highlight::metrics::record_count("orders", 1, [KeyValue::new(key, text)]);
    }),
    named("user attribute", |_, key, text| {
        highlight::set_user(User::new().attribute(key, text));
        highlight::log(Level::Info, "m", []);
    }),
    named("user attribute, on a span", |_, key, text| {
        highlight::set_user(User::new().attribute(key, text));
        highlight::in_span("work", |_| {});
    }),
    text("message's destination", |_, _, text| {
        Message::new("kafka", text).send_span().in_span(|_| {});
    }),
    text("message's id", |_, _, text| {
        Message::new("kafka", "orders").id(text).send_span().in_span(|_| {});
    }),
];

/// An error with a text, and a cause.
#[derive(Debug)]
struct Failure(Cow<'static, str>, Option<Box<Failure>>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_ref().map(|cause| cause as &(dyn Error + 'static))
    }
}

/// A text of its own for each error, so that none is taken for another.
fn number() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("failure {}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// A span, as OpenTelemetry's own interface shows it.
fn otel_span(fill: impl FnOnce(&SpanRef<'_>)) {
    highlight::in_span("work", |_| fill(&Context::current().span()));
}

fn otel_log(client: &Client, fill: impl FnOnce(&mut highlight::otel::opentelemetry_sdk::logs::SdkLogRecord)) {
    let logger = client.logger_provider().logger("lib");
    let mut record = logger.create_log_record();
    record.set_severity_number(Severity::Info);
    record.set_body("m".into());
    fill(&mut record);
    logger.emit(record);
}

fn with_layer(f: impl FnOnce()) {
    tracing::subscriber::with_default(tracing_subscriber::registry().with(highlight::layer()), f);
}
