//! From recorded items to the bytes the server understands.
//!
//! ```text
//! let encoder = Encoder::new(&service, Settings { redactor: Some(Redactor::default()), before_send: None, is_synthetic });
//! let body = encoder.spans(&mut spans).bytes;      // an `ExportTraceServiceRequest`, protobuf
//! ```
//!
//! Each call gives one whole OTLP request. The requests of one signal hold nothing but one repeated
//! field, so **two of them, one after the other, are again a request with the contents of both**
//! (protobuf merges by concatenation). The pipeline uses that to split and to join without decoding.
//!
//! Everything that leaves goes through [`sanitize`] (what the server would drop, misread or cut) and,
//! unless switched off, through [`redact`](crate::redact). Both run here, on the worker, never on the request path.

mod exception;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod keys;
mod known;
mod log;
mod metric;
mod resource;
mod sanitize;
mod span;
mod value;
mod whose;
mod wire;

use std::{
    hint::black_box,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use opentelemetry::{InstrumentationScope, SpanId, TraceId};
use opentelemetry_sdk::metrics::data::ResourceMetrics;

use crate::{
    before_send::BeforeSend,
    record::{LogRecord, SpanRecord},
    redact::Redactor,
    stack::Renderer,
};

pub(crate) use self::{metric::EncodedMetrics, resource::Service};
use self::{
    sanitize::{Given, Memory, Owner, Sanitizer},
    wire::{GROUP, VALUE, Writer},
};

/// What is kept of the buffer; one large item must not hold its memory for ever.
const KEPT: usize = 1 << 20;

/// The scope of this crate's own spans.
static OURS: LazyLock<InstrumentationScope> =
    LazyLock::new(|| InstrumentationScope::builder("highlight").build());

/// What the encoder is told once.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Replaces secrets by `[REDACTED]`.
    pub(crate) redactor: Option<Redactor>,
    /// Asked about each item, before redaction: what it adds is cleaned as well.
    pub(crate) before_send: Option<BeforeSend>,
    /// Whether a span id was made up to adopt a trace id (C§4.3 rows 2 and 3). Such a span does not
    /// exist, so nothing may name it as its parent.
    pub(crate) is_synthetic: fn(TraceId, SpanId) -> bool,
}

/// Encodes the three signals of one client.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// The resource as a field of what it belongs to, the same one in all three signals.
    resource: Vec<u8>,
    settings: Settings,
    renderer: Renderer,
    /// Taken out for each call: what a panic leaves behind is not used again.
    desk: Mutex<Option<Desk>>,
}

/// What is kept from one call to the next.
#[derive(Debug, Default)]
struct Desk {
    out: Writer,
    memory: Memory,
}

/// A request, and what became of the items given.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct EncodedItems {
    /// Empty if nothing is left to send.
    pub(crate) bytes: Vec<u8>,
    /// Items in `bytes`; the hook has dropped the others.
    pub(crate) items: u64,
    /// Where in `bytes` something begins that is likely to stand in what was written before.
    pub(crate) marks: Vec<u32>,
}

impl Encoder {
    pub(crate) fn new(service: &Service, settings: Settings) -> Self {
        let Desk { mut out, mut memory } = Desk::default();
        let mut sanitizer = Sanitizer::new(settings.redactor.as_ref(), &mut memory);
        out.nested(1, GROUP, |out| {
            sanitizer.attributes(out, 1, Owner::Resource, &mut Given::default(), &service.attributes());
        });
        let resource = out.as_bytes().to_vec();
        Self {
            resource,
            settings,
            renderer: Renderer::default(),
            desk: Mutex::new(Some(Desk { out, memory })),
        }
    }

    /// Writes stacks with this renderer.
    pub(crate) fn with_renderer(self, renderer: Renderer) -> Self {
        Self { renderer, ..self }
    }

    /// Writes what comes next to these buffers, which are empty.
    pub(crate) fn reuse(&self, (bytes, marks): (Vec<u8>, Vec<u32>)) {
        if let Some(desk) = &mut *self.desk.lock().unwrap_or_else(PoisonError::into_inner) {
            desk.out.reuse(bytes, marks);
        }
    }

    /// Whether encoding calls functions of the program's.
    pub(crate) fn asks_program(&self) -> bool {
        let Settings { redactor, before_send, .. } = &self.settings;
        before_send.is_some() || redactor.as_ref().is_some_and(|redactor| !redactor.is_steady())
    }

    /// One `ExportTraceServiceRequest`, grouped by instrumentation scope. No spans, no bytes. Of the spans, what was needed is gone.
    pub(crate) fn spans(&self, spans: &mut [SpanRecord]) -> EncodedItems {
        let Settings { before_send, is_synthetic, .. } = &self.settings;
        let scope = |span: &SpanRecord, out: &mut Writer, sanitizer: &mut Sanitizer<'_>| {
            let scope = span.scope.as_deref().unwrap_or(&OURS);
            self::scope(out, scope, sanitizer);
            out.text(3, scope.schema_url().unwrap_or_default());
        };
        let write = |span: &mut SpanRecord, out: &mut Writer, sanitizer: &mut Sanitizer<'_>| {
            span::write(out, 2, span, sanitizer, before_send.as_ref(), *is_synthetic)
        };
        let is_same_scope =
            |a: &SpanRecord, b: &SpanRecord| is_same_scope(a.scope.as_ref(), b.scope.as_ref());
        self.request(spans, SpanRecord::look_ahead, is_same_scope, scope, write)
    }

    /// One `ExportLogsServiceRequest`, grouped by target. No records, no bytes. Of the records, what was needed is gone.
    pub(crate) fn logs(&self, records: &mut [LogRecord]) -> EncodedItems {
        let before_send = self.settings.before_send.as_ref();
        let scope = |record: &LogRecord, out: &mut Writer, sanitizer: &mut Sanitizer<'_>| {
            out.nested(1, VALUE, |out| out.text(1, &sanitizer.text(&record.target)));
        };
        let write = |record: &mut LogRecord, out: &mut Writer, sanitizer: &mut Sanitizer<'_>| {
            log::write(out, 2, record, sanitizer, before_send, &self.renderer)
        };
        self.request(records, LogRecord::look_ahead, |a, b| a.target == b.target, scope, write)
    }

    /// `ExportMetricsServiceRequest`s, with the number of data points in each and left out of all.
    pub(crate) fn metrics(&self, metrics: &ResourceMetrics) -> EncodedMetrics {
        self.at_desk(|out, sanitizer| {
            metric::encode(out, metrics, &self.resource, sanitizer, self.settings.before_send.as_ref())
        })
    }

    /// One request. Items of the same scope stand together, scopes in the order in which they come first.
    fn request<T>(
        &self,
        items: &mut [T],
        look_ahead: impl Fn(&T) -> usize,
        is_same_scope: impl Fn(&T, &T) -> bool,
        scope: impl Fn(&T, &mut Writer, &mut Sanitizer<'_>),
        write: impl Fn(&mut T, &mut Writer, &mut Sanitizer<'_>) -> bool,
    ) -> EncodedItems {
        // The first item of each scope, and the scope of each item.
        let mut scopes: Vec<usize> = Vec::new();
        let mut scope_of = Vec::with_capacity(items.len());
        // What another core has written takes its time: all of it is asked for before any of it is needed.
        black_box(items.iter().map(look_ahead).fold(0, usize::wrapping_add));
        for (at, item) in items.iter().enumerate() {
            let known = scopes.iter().position(|first| is_same_scope(&items[*first], item));
            scope_of.push(known.unwrap_or(scopes.len()));
            if known.is_none() {
                scopes.push(at);
            }
        }
        self.at_desk(|out, sanitizer| {
            let mut written = 0;
            out.nested(1, GROUP, |out| {
                out.again(&self.resource);
                for (number, first) in scopes.into_iter().enumerate() {
                    let (before, start) = (written, out.len());
                    out.nested(2, GROUP, |out| {
                        scope(&items[first], out, sanitizer);
                        let of_scope = items.iter_mut().zip(&scope_of).filter(|(_, scope)| **scope == number);
                        written +=
                            of_scope.map(|(item, _)| u64::from(write(item, out, sanitizer))).sum::<u64>();
                    });
                    if written == before {
                        out.truncate(start);
                    }
                }
            });
            if written == 0 {
                return EncodedItems::default();
            }
            let (bytes, marks) = out.take();
            EncodedItems { bytes, items: written, marks }
        })
    }

    fn at_desk<T>(&self, work: impl FnOnce(&mut Writer, &mut Sanitizer<'_>) -> T) -> T {
        let desk = || self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        let Desk { mut out, mut memory } = desk().take().unwrap_or_default();
        out.clear(KEPT);
        let done = work(&mut out, &mut Sanitizer::new(self.settings.redactor.as_ref(), &mut memory));
        *desk() = Some(Desk { out, memory });
        done
    }
}

fn is_same_scope(one: Option<&Arc<InstrumentationScope>>, other: Option<&Arc<InstrumentationScope>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
        (None, None) => true,
        _ => false,
    }
}

/// Scope attributes overwrite those of resource, span and span event (C§3.1), so they are cleaned too.
fn scope(out: &mut Writer, scope: &InstrumentationScope, sanitizer: &mut Sanitizer<'_>) {
    out.nested(1, VALUE, |out| {
        out.text(1, &sanitizer.text(scope.name()));
        out.text(2, scope.version().unwrap_or_default());
        sanitizer.attributes(out, 3, Owner::Scope, &mut Given::default(), scope.attributes());
    });
}

#[cfg(test)]
mod tests;
