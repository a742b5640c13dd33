//! Log records (C§7).

use opentelemetry_proto::tonic::{collector::logs::v1::ExportLogsServiceRequest, logs::v1::LogRecord};

use super::{
    Intake,
    attributes::Layer,
    body::Body,
    error::error_of,
    hex,
    record::{Kind, Record},
    text, time,
};
use crate::{
    model::{Level, Log, Shape},
    note::{ChangeReason, Item},
};

/// What of a log row does not come from its attributes.
pub(super) struct LogRow {
    pub(super) time: std::time::SystemTime,
    pub(super) level: Level,
    pub(super) message: String,
    pub(super) trace_id: String,
    pub(super) otel_trace_id: String,
    pub(super) span_id: String,
    pub(super) shape: Shape,
}

impl Intake<'_> {
    pub(super) fn logs(&mut self, request: &ExportLogsServiceRequest) {
        for resource_logs in &request.resource_logs {
            let resource = resource_logs.resource.as_ref().map_or(&[][..], |r| &r.attributes);
            let mut is_first = true;
            for scope_logs in &resource_logs.scope_logs {
                let scope = scope_logs.scope.as_ref().map_or(&[][..], |s| &s.attributes);
                for (index, record) in scope_logs.log_records.iter().enumerate() {
                    let layers = [
                        Layer::noted_if(is_first, resource),
                        Layer::noted_if(index == 0, scope),
                        Layer::noted(&record.attributes),
                    ];
                    self.log(record, &layers);
                    is_first = false;
                }
            }
        }
    }

    fn log(&mut self, sent: &LogRecord, layers: &[Layer<'_>; 3]) {
        let body = Body::read(sent.body.as_ref());
        let mut record = Record::read(Kind::Log, layers, layers[2], body.rest, self.arrival);
        for reason in body.changed {
            record.notes.changed(Item::Log, text::beginning(&body.message), reason);
        }
        if let Err(reason) = record.check_project() {
            record.notes.dropped(Item::Log, text::beginning(&body.message), reason);
            record.notes.write(&record.origin, &mut self.rows);
            return;
        }
        let otel_trace_id = hex(&sent.trace_id);
        let row = LogRow {
            time: body.time.unwrap_or_else(|| time::from_nanos(sent.time_unix_nano)),
            level: record.level(&sent.severity_text, sent.severity_number),
            message: body.message,
            trace_id: stored_trace_id(&record.origin.request_id, &otel_trace_id),
            otel_trace_id,
            span_id: hex(&sent.span_id),
            shape: Shape::LogRecord,
        };
        let log = self.log_row(&mut record, row);
        let error = error_of(&mut record, &log, Shape::LogRecord);
        self.push(log);
        if let Some(error) = error {
            self.push(error);
        }
        record.notes.write(&record.origin, &mut self.rows);
    }

    /// Makes a log row, of a log record or of a span event.
    pub(super) fn log_row(&self, record: &mut Record, row: LogRow) -> Log {
        let (sent_time, reason) = time::believed(row.time, self.arrival.now);
        if let Some(reason) = reason {
            record.notes.changed(Item::Log, text::beginning(&row.message), reason);
        }
        let mut message = row.message;
        if text::cut(&mut message) {
            record.notes.changed(Item::Log, text::beginning(&message), ChangeReason::TooLong);
        }
        Log {
            origin: record.origin.clone(),
            cursor: self.next_log_cursor(),
            time: time::whole_seconds(sent_time),
            sent_time,
            level: row.level,
            message,
            trace_id: row.trace_id,
            otel_trace_id: row.otel_trace_id,
            span_id: row.span_id,
            attributes: record.attributes.clone(),
            source: record.source,
            shape: row.shape,
        }
    }
}

/// The id that a span or a log is stored under (C§4.3).
pub(super) fn stored_trace_id(request_id: &str, otel_trace_id: &str) -> String {
    if request_id.is_empty() { otel_trace_id } else { request_id }.to_owned()
}
