//! Which errors the server takes to be the same (C§6.4).
//!
//! An identical message scores 100, the same top frame 10, each of the next four frames 1; to match takes more
//! than 10 + (other frames) - 1. So an equal message always matches, and different messages match when the top
//! frame and all of the next four are equal. Frames count only where the server maps the stack: without columns
//! only the message groups.

use rusqlite::{Connection, OptionalExtension, params};

use super::time::Timestamp;
use crate::model::{ErrorObject, Frame};

/// How many frames are compared.
const COMPARED: usize = 5;

/// Adds an error to its group, made where there is none; returns the group's id.
pub(super) fn assign(connection: &Connection, error: &ErrorObject, seq: i64) -> rusqlite::Result<i64> {
    let frames = fingerprint(error);
    let project = &error.origin.project;
    let time = Timestamp::from(error.time);
    let mut by_message =
        connection.prepare_cached("SELECT id FROM error_groups WHERE project = ?1 AND message = ?2")?;
    let mut found = by_message.query_row(params![project, error.event], |row| row.get(0)).optional()?;
    if found.is_none() && frames.is_some() {
        let mut by_frames = connection.prepare_cached(
            "SELECT id FROM error_groups WHERE project = ?1 AND frames = ?2 ORDER BY id LIMIT 1",
        )?;
        found = by_frames.query_row(params![project, frames], |row| row.get(0)).optional()?;
    }
    if let Some(id) = found {
        connection
            .prepare_cached(
                "UPDATE error_groups SET errors = errors + 1, first_seen = min(first_seen, ?2),
                 last_seen = max(last_seen, ?2), last_seq = ?3 WHERE id = ?1",
            )?
            .execute(params![id, time, seq])?;
        return Ok(id);
    }
    connection
        .prepare_cached(
            "INSERT INTO error_groups(project, message, frames, first_seen, last_seen, last_seq, errors)
             VALUES (?1, ?2, ?3, ?4, ?4, ?5, 1)",
        )?
        .execute(params![project, error.event, frames, time, seq])?;
    Ok(connection.last_insert_rowid())
}

/// The compared frames as one text; `None` where the server compares none.
fn fingerprint(error: &ErrorObject) -> Option<String> {
    if !error.is_source_mapped() {
        return None;
    }
    let shown = error.shown_frames();
    let frames: Vec<_> = shown.into_iter().take(COMPARED).map(place).collect();
    (!frames.is_empty()).then(|| serde_json::Value::from(frames).to_string())
}

fn place(frame: &Frame) -> serde_json::Value {
    serde_json::json!([frame.file, frame.function, frame.line, frame.column])
}
