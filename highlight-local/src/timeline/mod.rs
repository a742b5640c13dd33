//! Prints what happened: session, request, spans over all services, logs, errors.
//!
//! ```text
//! session 7f3aQ9xL…                         1 request, 1 error
//! ├─ POST /api/checkout  500                                        184 ms  request 9k2hTq81Lx
//! │  ├─ storefront  POST /api/checkout      ████████████████████    184 ms  500  error
//! │  │  ├─ storefront  POST payments          ████▍                  41 ms
//! │  │  │  └─ payments  POST /charge          ███▌                   33 ms  error: card declined
//! │  │  └─ storefront  render                      ██████████▊      100 ms
//! │  ├─ INFO  payments  charging card  amount=4200
//! │  └─ ERROR payments  card declined by issuer  (CardError)
//! │           <- 402 from gateway
//! │           payments::charge  src/pay.rs:88
//! │           main              src/main.rs:4
//! └─ INFO  storefront  started  amount=4200
//! not stored
//!      2 × attribute retry: boolean attributes are not stored (C§3.3)
//! ```
//!
//! The same rows always give the same text, whatever order they came in.

mod bar;
mod grouping;
mod live;
mod paint;
mod text;

use std::fmt;

use crate::{
    model::{Attributes, ErrorObject, Level, Log, Span},
    store::Snapshot,
};
use grouping::{Placed, Request, Session};
use text::width;

#[cfg(feature = "viewer")]
pub(crate) use grouping::{METHOD, attribute, status};
pub use live::LiveLine;
pub use paint::{Paint, Style};
pub use text::{clean, cut, duration, plural};

/// How wide the part left of the bars is, in characters: as wide as its texts, within this.
const LEFT: std::ops::RangeInclusive<usize> = 40..=72;
/// How many frames of an error are shown.
const FRAMES: usize = 8;
/// The longest log message or value, in characters.
const MESSAGE: usize = 100;

/// A printable view of a snapshot.
///
/// ```
/// # use highlight_local::{Store, StoreLimits, Timeline};
/// # let store = Store::new(StoreLimits::default());
/// print!("{}", Timeline::new(&store.snapshot()));
/// print!("{}", Timeline::new(&store.snapshot()).color(true));
/// ```
#[derive(Debug)]
pub struct Timeline<'a> {
    snapshot: &'a Snapshot,
    paint: Paint,
}

impl<'a> Timeline<'a> {
    /// A view without color.
    #[must_use]
    pub const fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, paint: Paint::new(false) }
    }

    /// Whether to color the text for a terminal. Default: `false`.
    #[must_use]
    pub const fn color(mut self, color: bool) -> Self {
        self.paint = Paint::new(color);
        self
    }
}

impl fmt::Display for Timeline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sessions = grouping::sessions(self.snapshot);
        if sessions.is_empty() {
            writeln!(f, "nothing received yet")?;
        }
        let left = left_width(&sessions);
        let mut printer = Printer { f, paint: self.paint, left };
        for session in &sessions {
            printer.session(session)?;
        }
        printer.notes(self.snapshot)
    }
}

/// The widest text beside a bar.
fn left_width(sessions: &[Session<'_>]) -> usize {
    let requests = sessions.iter().flat_map(|session| &session.requests);
    let spans = requests.flat_map(|request| &request.spans);
    let widest = spans.map(|placed| span_text_width(placed) + INDENT.len()).max();
    widest.unwrap_or(0).clamp(*LEFT.start(), *LEFT.end())
}

fn span_text_width(placed: &Placed<'_>) -> usize {
    let span = placed.span;
    width(&placed.branch) + width(&span.origin.service) + GAP.len() + width(&span.name)
}

const GAP: &str = "  ";
/// What a level of the tree takes.
const INDENT: &str = "   ";

struct Printer<'f, 'b> {
    f: &'f mut fmt::Formatter<'b>,
    paint: Paint,
    left: usize,
}

impl Printer<'_, '_> {
    fn session(&mut self, session: &Session<'_>) -> fmt::Result {
        let name = if session.id.is_empty() {
            "no session".to_owned()
        } else {
            format!("session {}", text::short(session.id))
        };
        let mut summary = plural(session.requests.len() as u64, "request");
        if session.error_count() > 0 {
            summary = format!("{summary}, {}", plural(session.error_count(), "error"));
        }
        let name = format!("{name:<left$}", left = self.left);
        writeln!(self.f, "{}{GAP}{summary}", self.paint.style(Style::Strong, &name))?;
        let children = session.requests.len() + session.loose.len();
        for (index, request) in session.requests.iter().enumerate() {
            self.request(request, index + 1 == children)?;
        }
        for (index, log) in session.loose.iter().enumerate() {
            let is_last = session.requests.len() + index + 1 == children;
            self.log(log, text::branch("", is_last).as_str())?;
        }
        Ok(())
    }

    fn request(&mut self, request: &Request<'_>, is_last: bool) -> fmt::Result {
        let branch = text::branch("", is_last);
        let inner = text::below("", is_last);
        let title = cut(&clean(&request.title()), self.left.saturating_sub(width(&branch) + 5));
        let status = request.status();
        let used = width(&branch) + width(&title) + GAP.len() + width(&status);
        let space = self.left.saturating_sub(used) + GAP.len() + bar::CELLS;
        let styled = if request.failed() { Style::Bad } else { Style::Good };
        writeln!(
            self.f,
            "{branch}{}{GAP}{}{:space$}{GAP}{:>8}{GAP}request {}",
            self.paint.style(Style::Strong, &title),
            self.paint.style(styled, &status),
            "",
            duration(request.duration()),
            self.paint.style(Style::Id, &clean(request.id)),
        )?;
        for placed in &request.spans {
            self.span(placed, request, &inner)?;
        }
        let (logs, errors) = (&request.logs, &request.errors);
        for (index, log) in logs.iter().enumerate() {
            let is_last = errors.is_empty() && index + 1 == logs.len();
            self.log(log, &text::branch(&inner, is_last))?;
        }
        for (index, error) in errors.iter().enumerate() {
            self.error(error, &inner, index + 1 == errors.len())?;
        }
        Ok(())
    }

    fn span(&mut self, placed: &Placed<'_>, request: &Request<'_>, indent: &str) -> fmt::Result {
        let span = placed.span;
        let branch = format!("{indent}{}", placed.branch);
        let service = clean(&span.origin.service);
        let used = width(&branch) + width(&service) + GAP.len();
        let name = cut(&clean(&span.name), self.left.saturating_sub(used).max(12));
        let space = self.left.saturating_sub(used + width(&name));
        let bar = bar::bar(span.start, span.duration, request.start, request.duration());
        let style = if span.status_code == "Error" { Style::Bad } else { Style::Bar };
        write!(
            self.f,
            "{branch}{}{GAP}{name}{:space$}{GAP}{}{GAP}{:>8}",
            self.paint.style(Style::Service, &service),
            "",
            self.paint.style(style, &bar),
            duration(span.duration),
        )?;
        let outcome = outcome(span);
        if outcome.is_empty() {
            writeln!(self.f)
        } else {
            writeln!(self.f, "{GAP}{}", self.paint.style(style, &outcome))
        }
    }

    fn log(&mut self, log: &Log, branch: &str) -> fmt::Result {
        let mut line = cut(&clean(&log.message), MESSAGE);
        for (key, value) in log.attributes.iter().filter(|(key, _)| !is_background(key)).take(4) {
            line = format!("{line}{GAP}{}={}", clean(key), cut(&clean(value), 40));
        }
        self.headline(branch, log.level, &log.origin.service, &line)
    }

    fn error(&mut self, error: &ErrorObject, indent: &str, is_last: bool) -> fmt::Result {
        let message = cut(&clean(&error.event), MESSAGE);
        let line = if error.sent_type.is_empty() {
            message
        } else {
            format!("{message}{GAP}({})", cut(&clean(&error.sent_type), 60))
        };
        let branch = text::branch(indent, is_last);
        self.headline(&branch, error.level, &error.origin.service, &line)?;
        let indent = format!("{}      ", text::below(indent, is_last));
        for (cause, type_name) in causes(&error.payload) {
            let type_name =
                type_name.map(|name| format!("{GAP}({})", cut(&clean(name), 60))).unwrap_or_default();
            writeln!(self.f, "{indent}<- {}{type_name}", cut(&clean(cause), MESSAGE))?;
        }
        self.frames(error, &indent)
    }

    fn headline(&mut self, branch: &str, level: Level, service: &str, line: &str) -> fmt::Result {
        let style = match level {
            Level::Error | Level::Fatal | Level::Panic => Style::Bad,
            Level::Warn => Style::Warning,
            Level::Trace | Level::Debug | Level::Info => Style::Faint,
        };
        let level = format!("{:<5}", level.as_str().to_uppercase());
        let service = clean(service);
        let level = self.paint.style(style, &level);
        writeln!(self.f, "{branch}{level} {}{GAP}{line}", self.paint.style(Style::Service, &service))
    }

    /// The frames that the server shows, names and places in two columns.
    fn frames(&mut self, error: &ErrorObject, indent: &str) -> fmt::Result {
        const NAME: usize = 60;
        let shown = error.shown_frames();
        let rows: Vec<(String, String)> = shown
            .iter()
            .take(FRAMES)
            .map(|frame| {
                let name = frame.function.as_ref().or(frame.line_content.as_ref());
                let name = name.map_or_else(|| "<unknown>".to_owned(), |name| clean(name));
                let file = frame.file.as_deref().map(clean).unwrap_or_default();
                let line = frame.line.map(|line| format!(":{line}")).unwrap_or_default();
                (cut(&name, NAME), format!("{file}{line}"))
            })
            .collect();
        let column = rows.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
        for (name, place) in rows {
            let space = column - width(&name);
            let place = self.paint.style(Style::Faint, &place);
            writeln!(self.f, "{indent}{name}{:space$}{GAP}{place}", "")?;
        }
        if shown.len() > FRAMES {
            writeln!(self.f, "{indent}… {} more", shown.len() - FRAMES)?;
        }
        Ok(())
    }

    fn notes(&mut self, snapshot: &Snapshot) -> fmt::Result {
        let dropped = snapshot.dropped.iter().map(|note| (&note.subject, note.reason.to_string()));
        let changed = snapshot.changed.iter().map(|note| (&note.subject, note.reason.to_string()));
        for (title, notes) in
            [("not stored", grouping::counted(dropped)), ("stored differently", grouping::counted(changed))]
        {
            if !notes.is_empty() {
                writeln!(self.f, "{}", self.paint.style(Style::Warning, title))?;
            }
            for ((item, name, reason), count) in notes {
                writeln!(self.f, "{count:>6} × {item} {}: {reason}", cut(&clean(&name), 60))?;
            }
        }
        if snapshot.evicted > 0 {
            writeln!(self.f, "forgotten: {}", plural(snapshot.evicted, "older row"))?;
        }
        Ok(())
    }
}

/// The status of HTTP or gRPC, and what went wrong.
fn outcome(span: &Span) -> String {
    let mut parts = Vec::new();
    parts.extend(grouping::status(span).map(clean));
    if span.status_code == "Error" {
        let message = cut(&clean(&span.status_message), 60);
        parts.push(if message.is_empty() { "error".to_owned() } else { format!("error: {message}") });
    }
    parts.join(GAP)
}

/// What every record of a service has, because the server copies it from the resource (C§3.1).
pub(crate) fn is_background(key: &str) -> bool {
    const PREFIXES: [&str; 12] = [
        "telemetry.",
        "process.",
        "host.",
        "os.",
        "service.",
        "deployment.",
        "code.",
        "log.",
        "thread.",
        "container.",
        "k8s.",
        "cloud.",
    ];
    PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// The errors behind an error, and the types of those that have one.
pub(crate) fn causes(payload: &Attributes) -> impl Iterator<Item = (&str, Option<&str>)> {
    payload.iter().filter(|(key, _)| is_cause(key)).map(|(key, cause)| {
        let number = key.strip_prefix("exception.causes.");
        let type_name = number.and_then(|n| payload.get(&format!("exception.cause_types.{n}")));
        (cause.as_str(), type_name.map(String::as_str))
    })
}

/// Attributes in which senders put the errors behind an error.
fn is_cause(key: &str) -> bool {
    let of_error = key.starts_with("error.") || key.starts_with("exception.");
    of_error && !key.contains("type") && ["cause", "chain", "source"].iter().any(|word| key.contains(word))
}

#[cfg(test)]
mod tests;
