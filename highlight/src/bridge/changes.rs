//! What the fields of a `tracing` span say of it.

use std::{borrow::Cow, error::Error, fmt};

use opentelemetry::{
    KeyValue,
    trace::{Link, SpanKind, SpanRef, Status},
};
use tracing::field::{Field, Visit};

use crate::{Value, text};

/// What was said so far. Four fields have the names that `tracing-opentelemetry` gave them: `otel.name`, `otel.kind`,
/// `otel.status_code` and `otel.status_description`; the others are attributes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) attributes: Vec<KeyValue>,
    /// In a box, because few spans say it, and what is said is moved about with every span.
    pub(super) more: Option<Box<More>>,
}

/// What may be said beside attributes.
#[derive(Debug, Default)]
pub(super) struct More {
    pub(super) name: Option<Cow<'static, str>>,
    pub(super) kind: Option<SpanKind>,
    pub(super) status: Option<Status>,
    pub(super) links: Vec<Link>,
}

impl Changes {
    /// Changes a span that runs already: its name and kind stay.
    pub(super) fn apply_to(self, span: &SpanRef<'_>) {
        if let Some(status) = self.more.and_then(|more| more.status) {
            span.set_status(status);
        }
        span.set_attributes(self.attributes);
    }

    /// What is said later counts more.
    pub(super) fn extend(&mut self, later: Self) {
        self.attributes.extend(later.attributes);
        if let Some(later) = later.more {
            let more = self.more();
            more.name = later.name.or(more.name.take());
            more.kind = later.kind.or(more.kind.take());
            more.status = later.status.or(more.status.take());
            more.links.extend(later.links);
        }
    }

    pub(super) fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.attributes.push(KeyValue::new(field.name(), value.into().0));
    }

    fn add_text(&mut self, field: &Field, text: String) {
        match field.name() {
            "otel.name" => self.more().name = Some(text.into()),
            "otel.kind" => self.more().kind = kind(&text),
            "otel.status_code" => self.more().status = Some(status(&text)),
            "otel.status_description" => self.more().status = Some(Status::error(text)),
            _ => self.add(field, text),
        }
    }
}

impl Visit for Changes {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add_text(field, text::of_debug(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add_text(field, value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.add_text(field, text::of(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.add(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }
}

fn kind(text: &str) -> Option<SpanKind> {
    let kinds = [
        ("server", SpanKind::Server),
        ("client", SpanKind::Client),
        ("producer", SpanKind::Producer),
        ("consumer", SpanKind::Consumer),
        ("internal", SpanKind::Internal),
    ];
    kinds.into_iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, kind)| kind)
}

fn status(text: &str) -> Status {
    if text.eq_ignore_ascii_case("ok") {
        Status::Ok
    } else if text.eq_ignore_ascii_case("error") {
        Status::error("")
    } else {
        Status::Unset
    }
}
