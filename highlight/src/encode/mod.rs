//! From recorded items to the bytes the server understands.
//!
//! ```text
//! let encoder = Encoder::new(&service, Settings { redactor: Some(Redactor::default()), before_send: None, is_synthetic });
//! let body = encoder.spans(spans).bytes;       // an `ExportTraceServiceRequest`, protobuf
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
mod log;
mod metric;
mod resource;
mod sanitize;
mod span;
mod value;

use std::{borrow::Cow, collections::HashMap, hash::Hash};

use opentelemetry::{InstrumentationScope, SpanId, TraceId};
use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::InstrumentationScope as ProtoScope,
    logs::v1::{ResourceLogs, ScopeLogs},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans},
};
use opentelemetry_sdk::{metrics::data::ResourceMetrics, trace::SpanData};
use prost::Message;

use crate::{before_send::BeforeSend, record::LogRecord, redact::Redactor, stack::Renderer};

use self::sanitize::{Given, Owner, Sanitizer};
pub(crate) use self::{metric::EncodedMetrics, resource::Service};

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
    resource: Resource,
    settings: Settings,
    renderer: Renderer,
}

/// A request, and what became of the items given.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct EncodedItems {
    /// Empty if nothing is left to send.
    pub(crate) bytes: Vec<u8>,
    /// Items in `bytes`; the hook has dropped the others.
    pub(crate) items: u64,
}

impl Encoder {
    pub(crate) fn new(service: &Service, settings: Settings) -> Self {
        let mut attributes = service.attributes();
        let sanitizer = Sanitizer { redactor: settings.redactor.as_ref() };
        sanitizer.attributes(Owner::Resource, &mut Given::default(), &mut attributes);
        let resource = Resource { attributes, ..Resource::default() };
        Self { resource, settings, renderer: Renderer::default() }
    }

    fn sanitizer(&self) -> Sanitizer<'_> {
        Sanitizer { redactor: self.settings.redactor.as_ref() }
    }

    /// Writes stacks with this renderer.
    pub(crate) fn with_renderer(self, renderer: Renderer) -> Self {
        Self { renderer, ..self }
    }

    /// One `ExportTraceServiceRequest`, grouped by instrumentation scope. No spans, no bytes.
    pub(crate) fn spans(&self, spans: Vec<SpanData>) -> EncodedItems {
        let (sanitizer, hook) = (self.sanitizer(), self.settings.before_send.as_ref());
        let mut groups = Groups::default();
        for mut span in spans {
            let scope = std::mem::take(&mut span.instrumentation_scope);
            if let Some(span) = span::encode(span, sanitizer, hook, self.settings.is_synthetic) {
                groups.add(scope, span);
            }
        }
        let items = groups.len();
        if items == 0 {
            return EncodedItems::default();
        }
        let scope_spans = groups.into_iter().map(|(scope, spans)| ScopeSpans {
            schema_url: scope.schema_url().unwrap_or_default().to_owned(),
            scope: Some(self.scope(&scope)),
            spans,
        });
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.resource.clone()),
                scope_spans: scope_spans.collect(),
                ..ResourceSpans::default()
            }],
        };
        EncodedItems { bytes: request.encode_to_vec(), items }
    }

    /// One `ExportLogsServiceRequest`, grouped by target. No records, no bytes.
    pub(crate) fn logs(&self, records: Vec<LogRecord>) -> EncodedItems {
        let (sanitizer, hook) = (self.sanitizer(), self.settings.before_send.as_ref());
        let mut groups = Groups::default();
        for mut record in records {
            let target = std::mem::take(&mut record.target);
            let is_synthetic = self.settings.is_synthetic;
            if let Some(record) = log::encode(record, sanitizer, hook, &self.renderer, is_synthetic) {
                groups.add(target, record);
            }
        }
        let items = groups.len();
        if items == 0 {
            return EncodedItems::default();
        }
        let scope_logs = groups.into_iter().map(|(target, log_records)| ScopeLogs {
            scope: Some(ProtoScope { name: self.target(target), ..ProtoScope::default() }),
            log_records,
            ..ScopeLogs::default()
        });
        let request = ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs {
                resource: Some(self.resource.clone()),
                scope_logs: scope_logs.collect(),
                ..ResourceLogs::default()
            }],
        };
        EncodedItems { bytes: request.encode_to_vec(), items }
    }

    /// `ExportMetricsServiceRequest`s, with the number of data points in each and left out of all.
    pub(crate) fn metrics(&self, metrics: &ResourceMetrics) -> EncodedMetrics {
        metric::encode(metrics, &self.resource, self.sanitizer(), self.settings.before_send.as_ref())
    }

    fn target(&self, target: Cow<'static, str>) -> String {
        let mut name = target.into_owned();
        self.sanitizer().text(&mut name);
        name
    }

    /// Scope attributes overwrite those of resource, span and span event (C§3.1), so they are cleaned too.
    fn scope(&self, scope: &InstrumentationScope) -> ProtoScope {
        let mut scope = ProtoScope::from((scope, None));
        let sanitizer = self.sanitizer();
        sanitizer.text(&mut scope.name);
        sanitizer.attributes(Owner::Scope, &mut Given::default(), &mut scope.attributes);
        scope
    }
}

/// Values by key, in the order in which the keys came first.
struct Groups<K, V> {
    index: HashMap<K, usize>,
    groups: Vec<(K, Vec<V>)>,
}

impl<K, V> Default for Groups<K, V> {
    fn default() -> Self {
        Self { index: HashMap::new(), groups: Vec::new() }
    }
}

impl<K, V> Groups<K, V> {
    /// Values in all groups.
    fn len(&self) -> u64 {
        self.groups.iter().map(|(_, values)| values.len() as u64).sum()
    }
}

impl<K: Clone + Eq + Hash, V> Groups<K, V> {
    fn add(&mut self, key: K, value: V) {
        if let Some((_, values)) = self.index.get(&key).and_then(|&at| self.groups.get_mut(at)) {
            values.push(value);
        } else {
            self.index.insert(key.clone(), self.groups.len());
            self.groups.push((key, vec![value]));
        }
    }
}

impl<K, V> IntoIterator for Groups<K, V> {
    type Item = (K, Vec<V>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.groups.into_iter()
    }
}

#[cfg(test)]
mod tests;
