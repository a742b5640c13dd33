//! Losses are told: to the server, and in debug mode on standard error.
//!
//! The report is a log record of severity `warn`:
//!
//! | | |
//! |---|---|
//! | body | `telemetry was lost`, always the same, so that an alert can be made of it |
//! | target | `highlight` |
//! | `highlight.dropped.<reason>` | items lost since the last report, for each reason of [`Dropped`] that has any |
//!
//! At most one leaves in a minute, and one more at the end. It is made once everything else has been delivered,
//! so it never takes the place of what it is about. It is in none of the books: neither produced, nor exported,
//! nor, if the server refuses it, lost. What the program itself leaves out, by its sample rate or its `before_send`, is no loss.

use std::{
    fmt::Write as _,
    time::{Duration, Instant, SystemTime},
};

use opentelemetry::KeyValue;

use crate::{
    Level,
    record::{Correlation, LogRecord},
    say,
    stats::Dropped,
};

/// What has been told by now.
#[derive(Debug)]
pub(super) struct LossReports {
    /// Time between two reports to the server; `None` for none.
    every: Option<Duration>,
    debug: bool,
    to_server: Told,
    to_stderr: Told,
}

/// Reasons of the program's own.
const INTENDED: [&str; 2] = ["sampled_out", "before_send"];

/// How often the same is told on standard error.
const DEBUG_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
struct Told {
    at: Option<Instant>,
    dropped: Dropped,
}

impl LossReports {
    pub(super) fn new(every: Option<Duration>, debug: bool) -> Self {
        Self { every, debug, to_server: Told::default(), to_stderr: Told::default() }
    }

    /// The record to send, if there is something new to tell and it is time; at the end it always is.
    pub(super) fn record(&mut self, dropped: Dropped, now: Instant, at_the_end: bool) -> Option<LogRecord> {
        let every = if at_the_end { self.every.map(|_| Duration::ZERO) } else { self.every };
        let lost = self.to_server.since(dropped, every?, now);
        if lost.is_empty() {
            return None;
        }
        let attribute = |(reason, items): (&str, u64)| {
            KeyValue::new(format!("highlight.dropped.{reason}"), i64::try_from(items).unwrap_or(i64::MAX))
        };
        Some(LogRecord {
            time: SystemTime::now(),
            level: Level::Warn,
            body: "telemetry was lost".into(),
            target: say::TARGET.into(),
            correlation: Correlation::default(),
            origin: None,
            attributes: lost.into_iter().map(attribute).collect(),
            dropped_attributes: 0,
            exception: None,
        })
    }

    /// The same for the developer who switched [`debug`](crate::Config::debug) on.
    pub(super) fn debug_line(&mut self, dropped: Dropped, now: Instant) -> Option<String> {
        let lost = if self.debug { self.to_stderr.since(dropped, DEBUG_EVERY, now) } else { Vec::new() };
        let mut line = String::from("telemetry was lost:");
        for (reason, items) in &lost {
            // Writing to a string cannot fail.
            let _ = write!(line, " {reason} {items}");
        }
        (!lost.is_empty()).then_some(line)
    }
}

impl Told {
    /// What was lost since the last time, which from now on is this one; empty if it is too early, or nothing was.
    fn since(&mut self, dropped: Dropped, every: Duration, now: Instant) -> Vec<(&'static str, u64)> {
        if self.at.is_some_and(|at| now.saturating_duration_since(at) < every) {
            return Vec::new();
        }
        let pairs = dropped.by_reason().zip(self.dropped.by_reason());
        let lost = pairs.map(|((reason, now), (_, before))| (reason, now - before));
        let lost: Vec<_> = lost.filter(|(reason, items)| !INTENDED.contains(reason) && *items > 0).collect();
        if !lost.is_empty() {
            *self = Self { at: Some(now), dropped };
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn attributes(record: Option<LogRecord>) -> Vec<(String, i64)> {
        let attributes = record.into_iter().flat_map(|record| record.attributes);
        let number = |value: &opentelemetry::Value| match value {
            opentelemetry::Value::I64(number) => *number,
            other => panic!("{other:?}"),
        };
        attributes.map(|attribute| (attribute.key.to_string(), number(&attribute.value))).collect()
    }

    #[test]
    fn each_loss_is_told_once_and_no_more_than_once_a_minute() {
        let mut reports = LossReports::new(Some(MINUTE), false);
        let start = Instant::now();
        let mut dropped = Dropped { sampled_out: 9, ..Dropped::default() };
        assert!(reports.record(dropped, start, true).is_none(), "sampling is no loss");
        dropped.queue_full = 3;
        let told = attributes(reports.record(dropped, start, false));
        assert_eq!(told, [("highlight.dropped.queue_full".to_owned(), 3)]);
        dropped.queue_full = 5;
        dropped.rejected = 1;
        assert!(reports.record(dropped, start + MINUTE / 2, false).is_none(), "too early");
        let told = attributes(reports.record(dropped, start + MINUTE, false));
        let expected = [("queue_full", 2), ("rejected", 1)];
        assert_eq!(told, expected.map(|(reason, items)| (format!("highlight.dropped.{reason}"), items)));
        assert!(reports.record(dropped, start + MINUTE * 9, true).is_none(), "nothing new");
        dropped.expired = 4;
        assert!(reports.record(dropped, start + MINUTE, true).is_some(), "the end does not wait");
    }

    #[test]
    fn without_an_interval_the_server_is_told_nothing() {
        let dropped = Dropped { expired: 1, ..Dropped::default() };
        assert!(LossReports::new(None, true).record(dropped, Instant::now(), true).is_none());
    }

    #[test]
    fn debug_mode_says_it_too() {
        let dropped = Dropped { expired: 1, queue_full: 2, sampled_out: 3, ..Dropped::default() };
        let now = Instant::now();
        let mut reports = LossReports::new(None, true);
        let line = reports.debug_line(dropped, now);
        assert_eq!(line.as_deref(), Some("telemetry was lost: queue_full 2 expired 1"));
        assert_eq!(reports.debug_line(dropped, now + MINUTE * 2), None);
        assert_eq!(LossReports::new(Some(MINUTE), false).debug_line(dropped, now), None);
    }
}
