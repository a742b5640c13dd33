//! One line per row, for rows as they arrive.

use std::fmt;

use super::{
    GAP, MESSAGE, outcome,
    paint::{Paint, Style},
    text::{clean, cut, duration, plural, short},
};
use crate::{
    model::{Level, MetricValue, Origin},
    row::Row,
};

/// A printable view of one row.
///
/// ```text
/// span     storefront   7f3aQ9…   9k2hTq81Lx  POST /api/checkout  184 ms  500
/// ```
#[derive(Debug)]
pub struct LiveLine<'a> {
    row: &'a Row,
    paint: Paint,
}

impl<'a> LiveLine<'a> {
    /// A view without color.
    #[must_use]
    pub const fn new(row: &'a Row) -> Self {
        Self { row, paint: Paint::new(false) }
    }

    /// Whether to color the text for a terminal. Default: `false`.
    #[must_use]
    pub const fn color(mut self, color: bool) -> Self {
        self.paint = Paint::new(color);
        self
    }
}

impl fmt::Display for LiveLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, style, text) = describe(self.row);
        let Origin { service, session_id, request_id, .. } = self.row.origin();
        let dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        let kind = format!("{kind:<8}");
        let service = format!("{:<14}", dash(cut(&clean(service), 14)));
        let session = format!("{:<9}", dash(short(session_id)));
        let request = format!("{:<10}", dash(short(request_id)));
        write!(
            f,
            "{} {} {session} {} {text}",
            self.paint.style(style, &kind),
            self.paint.style(Style::Service, &service),
            self.paint.style(Style::Id, &request),
        )
    }
}

/// What it is, how it looks, what it says.
fn describe(row: &Row) -> (&'static str, Style, String) {
    match row {
        Row::Span(span) => {
            let style = if span.status_code == "Error" { Style::Bad } else { Style::Bar };
            let name = cut(&clean(&span.name), MESSAGE);
            let mut text = format!("{name}{GAP}{}", duration(span.duration));
            let outcome = outcome(span);
            if !outcome.is_empty() {
                text = format!("{text}{GAP}{outcome}");
            }
            ("span", style, text)
        }
        Row::Log(log) => {
            let style = match log.level {
                Level::Error | Level::Fatal | Level::Panic => Style::Bad,
                Level::Warn => Style::Warning,
                Level::Trace | Level::Debug | Level::Info => Style::Faint,
            };
            (log.level.as_str(), style, cut(&clean(&log.message), MESSAGE))
        }
        Row::Error(error) => {
            let message = cut(&clean(&error.event), MESSAGE);
            let place = error.shown_frames().first().map(|frame| {
                let function = frame.function.as_deref().map(clean).unwrap_or_default();
                format!("{GAP}at {function}")
            });
            (error.level.as_str(), Style::Bad, message + &place.unwrap_or_default())
        }
        Row::Metric(metric) => {
            let value = match &metric.value {
                MetricValue::Number(value) => value.to_string(),
                MetricValue::Histogram { count, sum, .. } | MetricValue::Summary { count, sum, .. } => {
                    format!("{}, sum {sum}", plural(*count, "value"))
                }
            };
            let unit = clean(&metric.unit);
            ("metric", Style::Faint, format!("{} = {value} {unit}", clean(&metric.name)))
        }
        Row::Dropped(note) => {
            let name = cut(&clean(&note.subject.name), MESSAGE);
            ("DROPPED", Style::Warning, format!("{} {name}: {}", note.subject.item, note.reason))
        }
        Row::Changed(note) => {
            let name = cut(&clean(&note.subject.name), MESSAGE);
            ("CHANGED", Style::Warning, format!("{} {name}: {}", note.subject.item, note.reason))
        }
    }
}
