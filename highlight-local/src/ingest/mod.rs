//! From OTLP messages to the rows that the server would store, by the rules of the contract.
//!
//! ```text
//! layers of attributes -> flat texts (attributes) -> reserved names taken out (record)
//!                      -> span | log | error | metric rows, and a note for what got lost
//! ```

mod attributes;
mod body;
mod error;
mod logs;
mod metrics;
mod project;
mod record;
mod syslog;
mod text;
mod time;
mod traces;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{AnyValue, any_value::Value},
};

use crate::row::Row;

/// Turns requests into rows.
///
/// It plays the collector and the backend behind it, as they are deployed (C§1.1).
#[derive(Debug, Default)]
pub(crate) struct Ingest {
    log_rows: AtomicU64,
}

/// What else the server knows about a request.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    now: SystemTime,
    project: Option<AnyValue>,
}

impl Arrival {
    /// A request that is received now and has no project header.
    #[must_use]
    pub(crate) fn now() -> Self {
        Self { now: SystemTime::now(), project: None }
    }

    /// Sets the time of receipt.
    #[cfg(any(fuzzing, test))]
    #[must_use]
    pub(crate) fn at(mut self, now: SystemTime) -> Self {
        self.now = now;
        self
    }

    /// Sets the header `x-highlight-project`, which the collector copies to the records that have
    /// no `highlight.project_id` of their own (C§2).
    #[must_use]
    pub(crate) fn with_project_header(mut self, project: impl Into<String>) -> Self {
        self.project = Some(AnyValue { value: Some(Value::StringValue(project.into())) });
        self
    }
}

impl Ingest {
    /// The rows of a `/v1/traces` request: spans, and the logs, errors and metrics in their events.
    #[must_use]
    pub(crate) fn traces(&self, request: &ExportTraceServiceRequest, arrival: &Arrival) -> Vec<Row> {
        let mut intake = self.intake(arrival);
        intake.traces(request);
        intake.rows
    }

    /// The rows of a `/v1/logs` request: logs, and the errors that some of them are.
    #[must_use]
    pub(crate) fn logs(&self, request: &ExportLogsServiceRequest, arrival: &Arrival) -> Vec<Row> {
        let mut intake = self.intake(arrival);
        intake.logs(request);
        intake.rows
    }

    /// The rows of a `/v1/metrics` request, one per data point.
    #[must_use]
    pub(crate) fn metrics(&self, request: &ExportMetricsServiceRequest, arrival: &Arrival) -> Vec<Row> {
        let mut intake = self.intake(arrival);
        intake.metrics(request);
        intake.rows
    }

    fn intake<'a>(&'a self, arrival: &'a Arrival) -> Intake<'a> {
        Intake { ingest: self, arrival, rows: Vec::new() }
    }
}

/// The work on one request; each signal adds its part in its own file.
struct Intake<'a> {
    ingest: &'a Ingest,
    arrival: &'a Arrival,
    rows: Vec<Row>,
}

impl Intake<'_> {
    fn push(&mut self, row: impl Into<Row>) {
        self.rows.push(row.into());
    }

    /// Identifies a log row, as the server's log cursor does.
    fn next_log_cursor(&self) -> u64 {
        self.ingest.log_rows.fetch_add(1, Ordering::Relaxed)
    }
}

/// An id as text; an absent or all-zero id is no id.
fn hex(id: &[u8]) -> String {
    use std::fmt::Write as _;
    if id.iter().all(|byte| *byte == 0) {
        return String::new();
    }
    id.iter().fold(String::with_capacity(id.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
