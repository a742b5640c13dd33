//! Everything captured, for people to read.

use std::{
    fmt::{self, Display},
    time::SystemTime,
};

use super::{
    Attributes, ErrorObject, Log, Metric, MetricValue, Span, SpanStatus, decode::Received, model::Filed,
};
use crate::SpanKind;

/// What every log line and error says of where it comes from: a reader of a test knows.
const OMITTED: [&str; 4] = ["code.", "error.type", "log.target", "thread."];

/// By session and request, then spans below their parents, log lines and errors in their spans, then metrics and notes.
impl Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in self.groups() {
            writeln!(f, "{}", group.title())?;
            write_nodes(f, &group.below(None), "")?;
        }
        if !self.metrics.is_empty() {
            writeln!(f, "metrics")?;
            let nodes: Vec<_> = self.metrics.iter().map(Node::of_metric).collect();
            write_nodes(f, &nodes, "")?;
        }
        if self.is_empty() {
            writeln!(f, "nothing was captured")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        Ok(())
    }
}

impl Received {
    /// What is stored together, in the order of its first span, error or line.
    fn groups(&self) -> Vec<Group<'_>> {
        let mut groups = Vec::new();
        for span in &self.spans {
            Group::of(span.filed(), &mut groups).spans.push(span);
        }
        for error in &self.errors {
            Group::of(error.filed(), &mut groups).errors.push(error);
        }
        for log in &self.logs {
            Group::of(log.filed(), &mut groups).logs.push(log);
        }
        groups
    }
}

/// What is filed together.
struct Group<'a> {
    filed: Filed<'a>,
    spans: Vec<&'a Span>,
    errors: Vec<&'a ErrorObject>,
    logs: Vec<&'a Log>,
}

impl<'a> Group<'a> {
    /// The group that is filed so, made where there is none yet.
    fn of<'g>(filed: Filed<'a>, groups: &'g mut Vec<Self>) -> &'g mut Self {
        let found = groups.iter().position(|group| group.filed == filed);
        let at = found.unwrap_or_else(|| {
            groups.push(Self { filed, spans: Vec::new(), errors: Vec::new(), logs: Vec::new() });
            groups.len() - 1
        });
        &mut groups[at]
    }

    fn title(&self) -> String {
        let session = match self.filed.session {
            Some(id) => format!("session {id}"),
            None => "no session".to_owned(),
        };
        match self.filed.request {
            Some(id) => format!("{session}, request {id}"),
            None => session,
        }
    }

    /// What is directly below this span; without one, what is below none of the group's.
    fn below(&self, parent: Option<&Span>) -> Vec<Node> {
        let is_here = |owner: Option<&String>| match parent {
            Some(parent) => owner == Some(&parent.span_id),
            None => self.spans.iter().all(|span| Some(&span.span_id) != owner),
        };
        let spans = self.spans.iter().filter(|span| is_here(span.parent_span_id.as_ref()));
        let errors = self.errors.iter().filter(|error| is_here(error.span_id.as_ref()));
        let logs = self.logs.iter().filter(|log| is_here(log.span_id.as_ref()));
        let mut nodes: Vec<(SystemTime, Node)> = spans
            .map(|span| (span.start, Node::of_span(span, self.below(Some(span)))))
            .chain(errors.map(|error| (error.time, Node::of_error(error))))
            .chain(logs.map(|log| (log.time, Node::of_log(log))))
            .collect();
        nodes.sort_by_key(|(time, _)| *time);
        nodes.into_iter().map(|(_, node)| node).collect()
    }
}

/// A line, what is said below it, and what hangs on it.
struct Node {
    line: String,
    details: Vec<String>,
    below: Vec<Node>,
}

impl Node {
    fn leaf(line: String) -> Self {
        Self { line, details: Vec::new(), below: Vec::new() }
    }

    fn of_span(span: &Span, below: Vec<Node>) -> Self {
        let kind = match span.kind {
            SpanKind::Internal => String::new(),
            kind => format!(" ({})", kind.as_str()),
        };
        let status = match &span.status {
            SpanStatus::Error(description) if description.is_empty() => "  failed".to_owned(),
            SpanStatus::Error(description) => format!("  failed: {description}"),
            SpanStatus::Unset | SpanStatus::Ok => String::new(),
        };
        let line = format!("span {}{kind}{status}{}", span.name, listed(&span.attributes));
        Self { below, ..Self::leaf(line) }
    }

    fn of_error(error: &ErrorObject) -> Self {
        let typed = |name: Option<&String>| {
            name.filter(|name| !name.is_empty()).map(|name| format!("  ({name})")).unwrap_or_default()
        };
        let type_name = typed(error.type_name.as_ref());
        let line = format!("error {}{type_name}{}", error.message, listed(&error.attributes));
        let causes = error.causes.iter().enumerate();
        let details = causes.map(|(n, cause)| format!("<- {cause}{}", typed(error.cause_types.get(n))));
        let details = details.collect();
        Self { details, ..Self::leaf(line) }
    }

    fn of_log(log: &Log) -> Self {
        let level = log.level.as_str().to_uppercase();
        Self::leaf(format!("log {level}  {}{}", log.message, listed(&log.attributes)))
    }

    fn of_metric(metric: &Metric) -> Self {
        let unit = &metric.unit;
        let space = if unit.is_empty() { "" } else { " " };
        let value = match &metric.value {
            MetricValue::Counter(number) | MetricValue::Gauge(number) => format!("{number}{space}{unit}"),
            MetricValue::Histogram { count, sum, .. } => format!("{sum}{space}{unit} in {count}"),
        };
        Self::leaf(format!("{}  {value}{}", metric.name, listed(&metric.attributes)))
    }
}

/// Attributes behind a line.
fn listed(attributes: &Attributes) -> String {
    let shown = attributes.iter().filter(|(key, _)| !OMITTED.iter().any(|omitted| key.starts_with(omitted)));
    shown.flat_map(|(key, value)| ["  ", key, "=", value]).collect()
}

fn write_nodes(f: &mut fmt::Formatter<'_>, nodes: &[Node], indent: &str) -> fmt::Result {
    for (index, node) in nodes.iter().enumerate() {
        let (branch, under) =
            if index + 1 == nodes.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        writeln!(f, "{indent}{branch}{}", one_line(&node.line))?;
        let indent = format!("{indent}{under}");
        for detail in &node.details {
            writeln!(f, "{indent}{}", one_line(detail))?;
        }
        write_nodes(f, &node.below, &indent)?;
    }
    Ok(())
}

/// Without what would break the line or steer the terminal.
fn one_line(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}
