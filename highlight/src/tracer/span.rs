//! The span behind OpenTelemetry's trait.

use std::{borrow::Cow, fmt, sync::Arc, time::SystemTime};

use opentelemetry::{
    Context, KeyValue,
    trace::{self, Event, Link, SpanContext, Status, TraceContextExt},
};

use super::Core;
use crate::{
    context::Request,
    record::{SpanRecord, unix_nanos},
};

/// What a span keeps of each kind of thing; OpenTelemetry's default.
const LIMIT: usize = 128;

/// A running span of a [`Tracer`](super::Tracer); OpenTelemetry's trait [`Span`](trace::Span) says what it can do.
///
/// It ends when it is told to, or dropped.
pub struct Span {
    ids: SpanContext,
    /// `None` if it is not recorded, and once it has ended.
    open: Option<Open>,
}

struct Open {
    record: SpanRecord,
    core: Arc<Core>,
}

impl Span {
    pub(super) fn unrecorded(ids: SpanContext) -> Self {
        Self { ids, open: None }
    }

    #[inline]
    pub(super) fn recorded(
        ids: SpanContext,
        mut record: SpanRecord,
        attributes: Vec<KeyValue>,
        core: Arc<Core>,
    ) -> Self {
        (record.attributes, record.dropped_attributes) = limited(attributes);
        Self { ids, open: Some(Open { record, core }) }
    }

    /// `cx` with this span as its own. Of one that is not recorded only the ids are needed.
    pub(crate) fn within(self, cx: &Context) -> Context {
        if self.open.is_some() { cx.with_span(self) } else { cx.with_remote_span_context(self.ids.clone()) }
    }

    fn record(&mut self) -> Option<&mut SpanRecord> {
        self.open.as_mut().map(|open| &mut open.record)
    }

    fn end_at(&mut self, end: Option<SystemTime>) {
        let Some(Open { record, core }) = &mut self.open else { return };
        record.end = unix_nanos(end.unwrap_or_else(SystemTime::now));
        record.user = record.request.as_deref().and_then(Request::user);
        core.take(record);
        self.open = None;
    }
}

impl trace::Span for Span {
    fn add_event_with_timestamp<T: Into<Cow<'static, str>>>(
        &mut self,
        name: T,
        time: SystemTime,
        attributes: Vec<KeyValue>,
    ) {
        let Some(record) = self.record() else { return };
        let attached = record.attached.get_or_insert_default();
        if attached.events.len() < LIMIT {
            let (attributes, dropped) = limited(attributes);
            attached.events.push(Event::new(name, time, attributes, dropped));
        } else {
            attached.dropped_events = attached.dropped_events.saturating_add(1);
        }
    }

    fn span_context(&self) -> &SpanContext {
        &self.ids
    }

    fn is_recording(&self) -> bool {
        self.open.is_some()
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        let Some(record) = self.record() else { return };
        if record.attributes.len() < LIMIT {
            record.attributes.push(attribute);
        } else {
            record.dropped_attributes = record.dropped_attributes.saturating_add(1);
        }
    }

    /// OpenTelemetry's order: `Ok` is final, and an error is not taken back. Of two errors, the description that sorts last stays.
    fn set_status(&mut self, status: Status) {
        if let Some(record) = self.record().filter(|record| status > *record.status()) {
            record.attached.get_or_insert_default().status = status;
        }
    }

    fn update_name<T: Into<Cow<'static, str>>>(&mut self, name: T) {
        if let Some(record) = self.record() {
            record.name = name.into();
        }
    }

    fn add_link(&mut self, ids: SpanContext, attributes: Vec<KeyValue>) {
        let Some(record) = self.record() else { return };
        let attached = record.attached.get_or_insert_default();
        if attached.links.len() < LIMIT {
            let (attributes, dropped) = limited(attributes);
            attached.links.push(Link::new(ids, attributes, dropped));
        } else {
            attached.dropped_links = attached.dropped_links.saturating_add(1);
        }
    }

    fn end(&mut self) {
        self.end_at(None);
    }

    fn end_with_timestamp(&mut self, time: SystemTime) {
        self.end_at(Some(time));
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.end_at(None);
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.open.as_ref().map(|open| &open.record);
        f.debug_struct("Span").field("ids", &self.ids).field("record", &record).finish_non_exhaustive()
    }
}

/// The first of the attributes, and how many were left out.
fn limited(mut attributes: Vec<KeyValue>) -> (Vec<KeyValue>, u32) {
    let dropped = attributes.len().saturating_sub(LIMIT);
    attributes.truncate(LIMIT);
    (attributes, u32::try_from(dropped).unwrap_or(u32::MAX))
}
