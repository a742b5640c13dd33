//! The store's rows at one moment.

use std::{collections::BTreeSet, sync::Arc, time::SystemTime};

use crate::{
    model::{ErrorObject, Log, Metric, MetricValue, Span},
    note::{ChangeReason, Changed, DropReason, Dropped},
    row::Row,
};

/// All rows, in the order they arrived. The rows are shared, so that a copy is cheap.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Snapshot {
    /// The spans.
    pub spans: Vec<Arc<Span>>,
    /// The log rows.
    pub logs: Vec<Arc<Log>>,
    /// The errors.
    pub errors: Vec<Arc<ErrorObject>>,
    /// The data points.
    pub metrics: Vec<Arc<Metric>>,
    /// What was not stored.
    pub dropped: Vec<Arc<Dropped>>,
    /// What was stored differently.
    pub changed: Vec<Arc<Changed>>,
    /// How many rows have been forgotten because the store was full.
    pub evicted: u64,
}

impl Snapshot {
    pub(super) fn add(&mut self, row: &Row) {
        match row {
            Row::Span(row) => self.spans.push(Arc::clone(row)),
            Row::Log(row) => self.logs.push(Arc::clone(row)),
            Row::Error(row) => self.errors.push(Arc::clone(row)),
            Row::Metric(row) => self.metrics.push(Arc::clone(row)),
            Row::Dropped(row) => self.dropped.push(Arc::clone(row)),
            Row::Changed(row) => self.changed.push(Arc::clone(row)),
        }
    }

    /// The spans stored under a trace id, by start.
    #[must_use]
    pub fn spans_of(&self, trace_id: &str) -> Vec<Arc<Span>> {
        let mut spans: Vec<_> = self.spans.iter().filter(|span| span.trace_id == trace_id).cloned().collect();
        spans.sort_by_key(|span| span.start);
        spans
    }

    /// The browser sessions, by their first record.
    #[must_use]
    pub fn sessions(&self) -> Vec<String> {
        self.first_seen(|entry| (!entry.session_id.is_empty()).then(|| entry.session_id.to_owned()))
    }

    /// The requests of a session, as the ids their rows are stored under, by their first record.
    /// The session `""` holds the requests without one.
    #[must_use]
    pub fn requests_of(&self, session_id: &str) -> Vec<String> {
        self.first_seen(|entry| {
            let is_of_it = entry.session_id == session_id && !entry.trace_id.is_empty();
            is_of_it.then(|| entry.trace_id.to_owned())
        })
    }

    /// The number of drops for a reason.
    #[must_use]
    pub fn dropped_for(&self, reason: DropReason) -> usize {
        self.dropped.iter().filter(|note| note.reason == reason).count()
    }

    /// The number of changes for a reason.
    #[must_use]
    pub fn changed_for(&self, reason: ChangeReason) -> usize {
        self.changed.iter().filter(|note| note.reason == reason).count()
    }

    /// What the server's aggregate table shows for a number: the sum of all points, whatever their
    /// temporality (C§9).
    #[must_use]
    pub fn metric_sum(&self, name: &str) -> f64 {
        self.metrics
            .iter()
            .filter(|metric| metric.name == name)
            .map(|metric| match metric.value {
                MetricValue::Number(value) => value,
                MetricValue::Histogram { sum, .. } | MetricValue::Summary { sum, .. } => sum,
            })
            .sum()
    }

    fn first_seen(&self, key: impl Fn(&Entry<'_>) -> Option<String>) -> Vec<String> {
        let mut entries: Vec<Entry<'_>> = self.entries().collect();
        entries.sort_by_key(|entry| entry.time);
        let mut seen = BTreeSet::new();
        entries.iter().filter_map(key).filter(|key| seen.insert(key.clone())).collect()
    }

    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let spans = self.spans.iter().map(|span| Entry {
            time: span.start,
            session_id: &span.origin.session_id,
            trace_id: &span.trace_id,
        });
        let logs = self.logs.iter().map(|log| Entry {
            time: log.sent_time,
            session_id: &log.origin.session_id,
            trace_id: &log.trace_id,
        });
        let errors = self.errors.iter().map(|error| Entry {
            time: error.time,
            session_id: &error.origin.session_id,
            trace_id: &error.trace_id,
        });
        spans.chain(logs).chain(errors)
    }
}

/// What places a row in a session and a request.
struct Entry<'a> {
    time: SystemTime,
    session_id: &'a str,
    trace_id: &'a str,
}
