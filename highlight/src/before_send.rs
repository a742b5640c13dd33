//! The program's last word on what is sent.

use std::{borrow::Cow, cell::Cell, fmt, sync::Arc};

use opentelemetry::{Array, KeyValue as Attribute, Value as Recorded};

use crate::{KeyValue, Level, Value, callback::Callback};

/// What kind of thing an [`Outgoing`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutgoingKind {
    /// A finished span.
    Span,
    /// A log record.
    Log,
    /// An error, reported by hand, by a log, by a handler or by a panic.
    Error,
    /// A data point of a metric.
    Metric,
}

impl OutgoingKind {
    /// The kind's name: lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Span => "span",
            Self::Log => "log",
            Self::Error => "error",
            Self::Metric => "metric",
        }
    }
}

impl fmt::Display for OutgoingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing about to be sent, as [`Config::before_send`](crate::Config::before_send) sees it.
pub struct Outgoing<'a> {
    pub(crate) kind: OutgoingKind,
    pub(crate) text: &'a mut Cow<'static, str>,
    pub(crate) attributes: &'a mut Vec<Attribute>,
    pub(crate) level: Option<Level>,
    pub(crate) error_type: Option<&'a str>,
    /// Of a span.
    pub(crate) status: Option<&'a mut Cow<'static, str>>,
    /// Whether the text was set.
    pub(crate) renamed: bool,
}

impl Outgoing<'_> {
    /// Span, log, error or metric.
    #[must_use]
    pub fn kind(&self) -> OutgoingKind {
        self.kind
    }

    /// A span's name, a log's body, an error's message (or title), a metric's name.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text
    }

    /// Replaces the [`text`](Self::text). The log line that is stored with an error says the same then.
    pub fn set_text(&mut self, text: impl Into<String>) {
        *self.text = Cow::Owned(text.into());
        self.renamed = true;
    }

    /// The severity of a log or an error.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        self.level
    }

    /// The type of an error, where it is known.
    #[must_use]
    pub fn error_type(&self) -> Option<&str> {
        self.error_type
    }

    /// What a span's status says of its failure; empty if nothing. A span that an error was reported in has the error's message there.
    #[must_use]
    pub fn status_description(&self) -> Option<&str> {
        self.status.as_deref().map(|status| &**status)
    }

    /// Replaces the [`status_description`](Self::status_description) of a span that has failed; of anything else it does nothing.
    pub fn set_status_description(&mut self, description: impl Into<String>) {
        if let Some(status) = &mut self.status {
            **status = Cow::Owned(description.into());
        }
    }

    /// The names and values of the attributes: numbers and truth values as text, the entries of lists and maps separated by commas.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        self.attributes.iter().map(|attribute| (attribute.key.as_str(), shown(&attribute.value)))
    }

    /// The value of an attribute, likewise.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<Cow<'_, str>> {
        self.attributes().find_map(|(name, value)| (name == key).then_some(value))
    }

    /// Sets an attribute, in place of those of the same name.
    pub fn set_attribute(&mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
        let KeyValue(attribute) = KeyValue::new(key, value);
        self.remove_attribute(attribute.key.as_str());
        self.attributes.push(attribute);
    }

    /// Removes an attribute; says whether there was one.
    pub fn remove_attribute(&mut self, key: &str) -> bool {
        let before = self.attributes.len();
        self.attributes.retain(|attribute| attribute.key.as_str() != key);
        self.attributes.len() < before
    }

    /// The browser session, where there is one.
    #[must_use]
    pub fn session_id(&self) -> Option<Cow<'_, str>> {
        self.attribute(crate::record::SESSION_ID)
    }

    /// The effective id of the request (C§4.3), where there is one.
    #[must_use]
    pub fn request_id(&self) -> Option<Cow<'_, str>> {
        self.attribute(crate::record::TRACE_ID)
    }
}

/// Values may be secret: they are not redacted yet.
impl fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
        f.debug_struct("Outgoing")
            .field("kind", &self.kind)
            .field("attributes", &keys)
            .finish_non_exhaustive()
    }
}

fn shown(value: &Recorded) -> Cow<'_, str> {
    fn list<T: fmt::Display>(entries: &[T]) -> Cow<'_, str> {
        Cow::Owned(entries.iter().map(T::to_string).collect::<Vec<_>>().join(","))
    }
    match value {
        Recorded::String(text) => Cow::Borrowed(text.as_str()),
        Recorded::Bool(truth) => Cow::Owned(truth.to_string()),
        Recorded::I64(number) => Cow::Owned(number.to_string()),
        Recorded::F64(number) => Cow::Owned(number.to_string()),
        Recorded::Array(Array::Bool(array)) => list(array),
        Recorded::Array(Array::I64(array)) => list(array),
        Recorded::Array(Array::F64(array)) => list(array),
        Recorded::Array(Array::String(array)) => list(array),
        _ => Cow::Borrowed(""),
    }
}

type Function = dyn Fn(&mut Outgoing<'_>) -> bool + Send + Sync;

/// A program's function, kept from doing harm.
#[derive(Debug, Clone)]
pub(crate) struct BeforeSend(Callback<Function>);

impl BeforeSend {
    pub(crate) fn new(function: impl Fn(&mut Outgoing<'_>) -> bool + Send + Sync + 'static) -> Self {
        thread_local!(static ASKING: Cell<bool> = const { Cell::new(false) });
        Self(Callback::new(
            Arc::new(function),
            &ASKING,
            "the function given to `Config::before_send` panicked; what it was to judge is dropped and counted",
        ))
    }

    /// Whether the item is to be sent. One that the function fails on may be half edited: it is not.
    pub(crate) fn keeps(&self, item: &mut Outgoing<'_>) -> bool {
        self.0.call(|function| function(item)).unwrap_or(false)
    }
}
