//! Errors, from both shapes they come in (C§6.1).

use super::{record::Record, text};
use crate::{
    model::{ErrorObject, Log, Shape},
    note::{ChangeReason, DropReason, Item},
    stack,
};

/// The longest message, in bytes (C§1.3).
const MESSAGE_LIMIT: usize = 10_000;

/// Makes the error of a record that has `exception.*`, for the log row that goes with it.
///
/// `None` where the server stores none; what gets lost is noted on the record.
pub(super) fn error_of(record: &mut Record, log: &Log, shape: Shape) -> Option<ErrorObject> {
    let exception = std::mem::take(&mut record.exception);
    let notes = &mut record.notes;
    let mut event = exception.message;
    if event.is_empty() {
        if !exception.type_name.is_empty() {
            notes.dropped(Item::Error, exception.type_name, DropReason::ExceptionWithoutMessage);
        }
        return None;
    }
    if event == "[{}]" {
        notes.dropped(Item::Error, event, DropReason::ExcludedMessage);
        return None;
    }
    if text::cut_to(&mut event, MESSAGE_LIMIT) {
        notes.changed(Item::Error, text::beginning(&event), ChangeReason::MessageTooLong);
    }
    let mut frames = stack::parse(&exception.stack);
    if frames.is_empty() && !matches!(exception.stack.as_str(), "" | "null") {
        notes.dropped(Item::Stack, text::beginning(&event), DropReason::StackNotUnderstood);
    }
    if stack::is_source_mapped(&frames) {
        notes.changed(Item::Stack, text::beginning(&event), ChangeReason::StackHasColumns);
    }
    if frames.len() > stack::FRAMES_USED {
        notes.changed(Item::Stack, text::beginning(&event), ChangeReason::TooManyFrames);
        frames.truncate(stack::FRAMES_USED);
    }
    Some(ErrorObject {
        origin: record.origin.clone(),
        log_cursor: log.cursor,
        level: log.level,
        time: log.sent_time,
        event,
        sent_type: exception.type_name,
        stack_text: exception.stack,
        frames,
        payload: record.attributes.clone(),
        url: record.url.clone(),
        trace_id: log.trace_id.clone(),
        otel_trace_id: log.otel_trace_id.clone(),
        span_id: log.span_id.clone(),
        source: record.source,
        shape,
    })
}
