//! A record after its attributes are merged and the reserved names are taken out of them (C§3.2).

use super::{
    Arrival,
    attributes::{self, Layer, Losses},
    project,
};
use crate::{
    model::{Attributes, Level, Origin, Source},
    note::{ChangeReason, Changed, DropReason, Dropped, Item, Subject},
    row::Row,
};

/// What a record is; some reserved names work on some kinds only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Span,
    ExceptionEvent,
    LogEvent,
    MetricEvent,
    Log,
    Metric,
}

/// What a body contributes beside the message (C§7.3).
#[derive(Debug, Default)]
pub(super) struct FromBody {
    pub(super) project: Option<String>,
    pub(super) severity: Option<String>,
    pub(super) attributes: Attributes,
}

/// The reserved names of a record, and what is left.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) origin: Origin,
    pub(super) source: Source,
    /// From the attributes only.
    pub(super) severity: Option<String>,
    /// From the attributes only.
    pub(super) message: Option<String>,
    pub(super) metric_name: String,
    pub(super) metric_value: f64,
    pub(super) url: String,
    pub(super) exception: Exception,
    pub(super) attributes: Attributes,
    pub(super) notes: Notes,
}

/// `exception.*`; only events and log records have it.
#[derive(Debug, Default)]
pub(super) struct Exception {
    pub(super) type_name: String,
    pub(super) message: String,
    pub(super) stack: String,
}

impl Record {
    /// Reads the layers, given in merge order; the last one that is noted is the record's own.
    pub(super) fn read(
        kind: Kind,
        layers: &[Layer<'_>],
        own: Layer<'_>,
        from_body: FromBody,
        arrival: &Arrival,
    ) -> Self {
        let header = arrival.project.as_ref().filter(|_| !own.has("highlight.project_id"));
        let (mut flat, losses) = attributes::merge_and_flatten(layers, header);
        flat.extend(from_body.attributes);
        let mut taking = Taking { kind, own, flat, notes: Notes::from(losses) };
        let source = taking.source();
        let mut origin = taking.origin(from_body.project);
        if origin.service.contains("unknown_service") || origin.service == "highlight-sdk" {
            taking.notes.changed(Item::Attribute, "service.name", ChangeReason::ServiceNameDiscarded);
            origin.service.clear();
        }
        let severity = taking.last_of(&["level", "severity", "log.severity"]).or(from_body.severity);
        let message = taking.last_of(&["message", "log.message"]);
        let metric_name = taking.take("metric.name").unwrap_or_default();
        let metric_value = taking.take("metric.value").and_then(|value| value.parse().ok());
        let exception = taking.exception();
        let url = taking.url(&exception);
        let Taking { flat, notes, .. } = taking;
        Self {
            origin,
            source,
            severity,
            message,
            metric_name,
            metric_value: metric_value.unwrap_or_default(),
            url,
            exception,
            attributes: flat,
            notes,
        }
    }

    /// Whether the record is kept; it is skipped without a usable project (C§2).
    pub(super) fn check_project(&self) -> Result<(), DropReason> {
        project::check(&self.origin.project)
    }

    /// The severity attribute, else the text that came with the record, as a level; notes what is
    /// not understood (C§7.2).
    pub(super) fn level(&mut self, text: &str, severity_number: i32) -> Level {
        let text = self.severity.take().unwrap_or_else(|| text.to_owned());
        let level = level_of(&text);
        if level.is_none() && !text.is_empty() {
            self.notes.changed(Item::Log, text, ChangeReason::SeverityUnknown);
        } else if level.is_none() && severity_number != 0 {
            let number = severity_number.to_string();
            self.notes.changed(Item::Log, number, ChangeReason::SeverityNumberIgnored);
        }
        level.unwrap_or_default()
    }
}

/// The severity texts that the server understands, in any case.
fn level_of(text: &str) -> Option<Level> {
    Some(match text.to_ascii_lowercase().as_str() {
        "trace" => Level::Trace,
        "debug" => Level::Debug,
        "info" => Level::Info,
        "warn" | "warning" => Level::Warn,
        "error" | "console.error" | "window.onerror" => Level::Error,
        "fatal" => Level::Fatal,
        "panic" => Level::Panic,
        _ => return None,
    })
}

/// Takes reserved names out of the attributes, and notes those that a sender is likely to have
/// meant as ordinary ones.
struct Taking<'a> {
    kind: Kind,
    own: Layer<'a>,
    flat: Attributes,
    notes: Notes,
}

impl Taking<'_> {
    fn take(&mut self, name: &str) -> Option<String> {
        let value = self.flat.remove(name)?;
        if self.own.has(name) {
            self.note_if_surprising(name);
        }
        Some(value)
    }

    /// The last of the names that is there; all are removed.
    fn last_of(&mut self, names: &[&str]) -> Option<String> {
        names.iter().filter_map(|name| self.take(name)).last()
    }

    fn source(&mut self) -> Source {
        let values = [self.take("Source"), self.take("highlight.source")];
        if values.iter().flatten().any(|value| value == "frontend") {
            Source::Frontend
        } else {
            Source::Backend
        }
    }

    fn origin(&mut self, body_project: Option<String>) -> Origin {
        let names = ["highlight_project_id", "x-highlight-project", "highlight.project_id"];
        let project = self.last_of(&names).or(body_project).or_else(|| self.fluent_project());
        Origin {
            project: project.unwrap_or_default(),
            session_id: self.last_of(&["highlight_session_id", "highlight.session_id"]).unwrap_or_default(),
            request_id: self.take("highlight.trace_id").unwrap_or_default(),
            service: self.take("service.name").unwrap_or_default(),
            version: self.take("service.version").unwrap_or_default(),
            environment: self.last_of(&["deployment.environment", "environment"]).unwrap_or_default(),
        }
    }

    /// `fluent.tag` holds `highlight.project_id=...` or is the project itself.
    fn fluent_project(&mut self) -> Option<String> {
        let tag = self.take("fluent.tag")?;
        let named = tag
            .split_once("highlight.project_id=")
            .and_then(|(_, rest)| rest.split_whitespace().next())
            .map(str::to_owned);
        Some(named.unwrap_or(tag))
    }

    fn exception(&mut self) -> Exception {
        if matches!(self.kind, Kind::Span | Kind::Metric) {
            return Exception::default();
        }
        Exception {
            type_name: self.take("exception.type").unwrap_or_default(),
            message: self.take("exception.message").unwrap_or_default(),
            stack: self.take("exception.stacktrace").unwrap_or_default(),
        }
    }

    /// The visited page of an error; swallowed on anything else.
    fn url(&mut self, exception: &Exception) -> String {
        let Some(url) = self.flat.remove("URL") else { return String::new() };
        if exception.message.is_empty() && self.own.has("URL") {
            self.notes.dropped(Item::Attribute, "URL", DropReason::ReservedName);
        }
        url
    }

    fn note_if_surprising(&mut self, name: &str) {
        let is_log = matches!(self.kind, Kind::Log | Kind::LogEvent);
        let has_effect = match name {
            "environment" => true,
            "level" | "severity" => is_log,
            "message" => self.kind == Kind::LogEvent,
            "log.severity" if is_log => return,
            "log.message" if self.kind == Kind::LogEvent => return,
            "metric.name" | "metric.value" if self.kind == Kind::MetricEvent => return,
            "Source" | "log.severity" | "log.message" | "metric.name" | "metric.value" => false,
            _ => return,
        };
        if has_effect {
            self.notes.changed(Item::Attribute, name, ChangeReason::ReservedName);
        } else {
            self.notes.dropped(Item::Attribute, name, DropReason::ReservedName);
        }
    }
}

/// Notes on a record, before it is known whose it is.
#[derive(Debug, Default)]
pub(super) struct Notes {
    dropped: Vec<(Item, String, DropReason)>,
    changed: Vec<(Item, String, ChangeReason)>,
}

impl Notes {
    pub(super) fn dropped(&mut self, item: Item, name: impl Into<String>, reason: DropReason) {
        self.dropped.push((item, name.into(), reason));
    }

    pub(super) fn changed(&mut self, item: Item, name: impl Into<String>, reason: ChangeReason) {
        self.changed.push((item, name.into(), reason));
    }

    /// Hands the notes over as rows.
    pub(super) fn write(self, origin: &Origin, rows: &mut Vec<Row>) {
        let subject = |item, name| Subject { item, name, origin: origin.clone() };
        rows.extend(
            self.dropped
                .into_iter()
                .map(|(item, name, reason)| Row::from(Dropped { subject: subject(item, name), reason })),
        );
        rows.extend(
            self.changed
                .into_iter()
                .map(|(item, name, reason)| Row::from(Changed { subject: subject(item, name), reason })),
        );
    }
}

impl From<Losses> for Notes {
    fn from(losses: Losses) -> Self {
        let mut notes = Self::default();
        for (key, reason) in losses.dropped {
            notes.dropped(Item::Attribute, key, reason);
        }
        for (key, reason) in losses.changed {
            notes.changed(Item::Attribute, key, reason);
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severity_texts() {
        for (text, level) in [
            ("TRACE", Some(Level::Trace)),
            ("Debug", Some(Level::Debug)),
            ("info", Some(Level::Info)),
            ("WARNING", Some(Level::Warn)),
            ("warn", Some(Level::Warn)),
            ("window.onerror", Some(Level::Error)),
            ("fatal", Some(Level::Fatal)),
            ("panic", Some(Level::Panic)),
            ("critical", None),
            ("err", None),
            ("INFO3", None),
            ("", None),
        ] {
            assert_eq!(level_of(text), level, "{text}");
        }
    }
}
