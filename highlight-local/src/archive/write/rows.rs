//! A statement for each kind of row.

use rusqlite::params;
use serde::Serialize;

use super::{
    super::{
        group,
        query::{Frame, MetricKind, PointDetail, SpanEvent, SpanLink},
        time::{Timestamp, nanos_of},
        words,
    },
    LastLog,
    common::{Common, Counted},
};
use crate::{
    model::{ErrorObject, Log, Metric, MetricValue, Source, Span},
    note::Subject,
    row::Row,
};

pub(super) fn insert(
    common: &mut Common<'_>,
    row: &Row,
    now: Timestamp,
    last_log: &mut LastLog,
) -> rusqlite::Result<()> {
    let seq = common.next_seq();
    match row {
        Row::Span(row) => span(common, row, seq),
        Row::Log(row) => {
            *last_log = Some((row.cursor, seq));
            log(common, row, seq)
        }
        Row::Error(row) => {
            let log = last_log.filter(|(cursor, _)| *cursor == row.log_cursor).map(|(_, seq)| seq);
            error(common, row, log, seq)
        }
        Row::Metric(row) => metric(common, row, seq),
        Row::Dropped(row) => {
            let reason = (true, row.reason.code(), row.reason.paragraph(), row.reason.text());
            note(common, &row.subject, &reason, now, seq)
        }
        Row::Changed(row) => {
            let reason = (false, row.reason.code(), row.reason.paragraph(), row.reason.text());
            note(common, &row.subject, &reason, now, seq)
        }
    }
}

/// Texts and numbers always become JSON.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn span(common: &mut Common<'_>, row: &Span, seq: i64) -> rusqlite::Result<()> {
    let start = Timestamp::from(row.start);
    let place = common.place(&row.origin, &row.trace_id, (start, row.end().into()), seq)?;
    common.count(&row.origin, &row.trace_id, Counted::Span);
    common.user(&row.origin, &row.attributes);
    common.speaks(row, place)?;
    let events: Vec<SpanEvent> = row.events.iter().map(SpanEvent::from).collect();
    let links: Vec<SpanLink> = row.links.iter().map(SpanLink::from).collect();
    let sql =
        "INSERT INTO spans VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    common.connection.prepare_cached(sql)?.execute(params![
        seq,
        place.request,
        place.service,
        place.session,
        row.span_id,
        row.parent_span_id,
        row.name,
        row.kind,
        start,
        nanos_of(row.duration),
        row.status_code,
        row.status_message,
        row.has_errors,
        json(&row.attributes),
        json(&events),
        json(&links),
    ])?;
    Ok(())
}

fn log(common: &mut Common<'_>, row: &Log, seq: i64) -> rusqlite::Result<()> {
    let time = Timestamp::from(row.sent_time);
    let place = common.place(&row.origin, &row.trace_id, (time, time), seq)?;
    common.count(&row.origin, &row.trace_id, Counted::Log);
    common.user(&row.origin, &row.attributes);
    let sql = "INSERT INTO logs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    common.connection.prepare_cached(sql)?.execute(params![
        seq,
        place.request,
        place.service,
        place.session,
        time,
        row.level as u8,
        row.message,
        row.span_id,
        row.source == Source::Frontend,
        json(&row.attributes),
    ])?;
    let sql = "INSERT INTO log_words(rowid, text) VALUES (?1, ?2)";
    common.connection.prepare_cached(sql)?.execute(params![seq, words::of_log(row)])?;
    Ok(())
}

fn error(common: &mut Common<'_>, row: &ErrorObject, log: Option<i64>, seq: i64) -> rusqlite::Result<()> {
    let time = Timestamp::from(row.time);
    let place = common.place(&row.origin, &row.trace_id, (time, time), seq)?;
    common.count(&row.origin, &row.trace_id, Counted::Error);
    common.user(&row.origin, &row.payload);
    let group = group::assign(common.connection, row, seq)?;
    let frames: Vec<Frame> = row.shown_frames().into_iter().map(Frame::from).collect();
    let sql = "INSERT INTO errors VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    common.connection.prepare_cached(sql)?.execute(params![
        seq,
        place.request,
        place.service,
        place.session,
        group,
        log,
        time,
        row.level as u8,
        row.event,
        row.sent_type,
        row.url,
        row.span_id,
        row.stack_text,
        json(&frames),
        json(&row.payload),
    ])?;
    let sql = "INSERT INTO error_words(rowid, text) VALUES (?1, ?2)";
    common.connection.prepare_cached(sql)?.execute(params![seq, words::of_error(row)])?;
    Ok(())
}

fn metric(common: &mut Common<'_>, row: &Metric, seq: i64) -> rusqlite::Result<()> {
    let service = common.service(&row.origin.service)?;
    let (kind, value, count, detail) = match &row.value {
        MetricValue::Number(value) if row.sent_temporality.is_some() => (MetricKind::Sum, *value, None, None),
        MetricValue::Number(value) => (MetricKind::Gauge, *value, None, None),
        MetricValue::Histogram { count, sum, bounds, buckets, min, max } => {
            let (bounds, buckets) = (bounds.clone(), buckets.clone());
            let detail = PointDetail::Histogram { bounds, buckets, min: *min, max: *max };
            (MetricKind::Histogram, *sum, Some(*count), Some(detail))
        }
        MetricValue::Summary { count, sum, quantiles } => {
            let detail = PointDetail::Summary { quantiles: quantiles.clone() };
            (MetricKind::Summary, *sum, Some(*count), Some(detail))
        }
    };
    let sql = "INSERT INTO series(name, service, attributes, kind, unit, description, last_seq)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET last_seq = ?7, description = ?6 RETURNING id";
    let attributes = json(&row.attributes);
    let unit = (&row.unit, &row.description);
    let series: i64 = common
        .connection
        .prepare_cached(sql)?
        .query_row(params![row.name, service, attributes, kind.as_str(), unit.0, unit.1, seq], |row| {
            row.get(0)
        })?;
    let sql = "INSERT INTO points VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    // The database knows no NaN; it would become NULL.
    let value = if value.is_nan() { 0.0 } else { value };
    let count = count.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    let time = Timestamp::from(row.time);
    common.connection.prepare_cached(sql)?.execute(params![
        seq,
        series,
        time,
        value,
        count,
        detail.map(|detail| json(&detail)),
    ])?;
    Ok(())
}

fn note(
    common: &mut Common<'_>,
    subject: &Subject,
    (dropped, code, paragraph, text): &(bool, &str, &str, &str),
    now: Timestamp,
    seq: i64,
) -> rusqlite::Result<()> {
    let place = common.refer(&subject.origin)?;
    let sql = "INSERT INTO reasons(dropped, code, paragraph, text) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET text = ?4 RETURNING id";
    let reason: i64 = common
        .connection
        .prepare_cached(sql)?
        .query_row(params![dropped, code, paragraph, text], |row| row.get(0))?;
    let sql = "INSERT INTO notes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    common.connection.prepare_cached(sql)?.execute(params![
        seq,
        reason,
        subject.item.to_string(),
        subject.name,
        place.service,
        place.session,
        place.request,
        now,
    ])?;
    Ok(())
}
