//! From recorded items to the bytes the server understands.
//!
//! ```text
//! let encoder = Encoder::new(&service, Settings { redact: true, is_synthetic });
//! let body = encoder.spans(spans);             // an `ExportTraceServiceRequest`, protobuf
//! ```
//!
//! Each call gives one whole OTLP request. The requests of one signal hold nothing but one repeated
//! field, so **two of them, one after the other, are again a request with the contents of both**
//! (protobuf merges by concatenation). The pipeline uses that to split and to join without decoding.
//!
//! Everything that leaves goes through [`sanitize`] (what the server would drop, misread or cut) and,
//! unless switched off, through [`redact`]. Both run here, on the worker, never on the request path.

mod exception;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod log;
mod metric;
mod redact;
mod resource;
mod sanitize;
mod span;
mod value;

use std::{collections::HashMap, hash::Hash};

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

use crate::{record::LogRecord, stack::Renderer};

use self::sanitize::{Given, Owner, Sanitizer};
pub(crate) use self::{metric::EncodedMetrics, resource::Service};

/// What the encoder is told once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Replace secrets by `[REDACTED]`.
    pub(crate) redact: bool,
    /// Whether a span id was made up to adopt a trace id (C§4.3 rows 2 and 3). Such a span does not
    /// exist, so nothing may name it as its parent.
    pub(crate) is_synthetic: fn(TraceId, SpanId) -> bool,
}

/// Encodes the three signals of one client.
#[derive(Debug)]
pub(crate) struct Encoder {
    resource: Resource,
    sanitizer: Sanitizer,
    renderer: Renderer,
    is_synthetic: fn(TraceId, SpanId) -> bool,
}

impl Encoder {
    pub(crate) fn new(service: &Service, settings: Settings) -> Self {
        let sanitizer = Sanitizer { redact: settings.redact };
        let mut attributes = service.attributes();
        sanitizer.attributes(Owner::Resource, &mut Given::default(), &mut attributes);
        Self {
            resource: Resource { attributes, ..Resource::default() },
            sanitizer,
            renderer: Renderer::default(),
            is_synthetic: settings.is_synthetic,
        }
    }

    /// Writes stacks with this renderer.
    pub(crate) fn with_renderer(self, renderer: Renderer) -> Self {
        Self { renderer, ..self }
    }

    /// One `ExportTraceServiceRequest`, grouped by instrumentation scope. No spans, no bytes.
    pub(crate) fn spans(&self, spans: Vec<SpanData>) -> Vec<u8> {
        if spans.is_empty() {
            return Vec::new();
        }
        let mut groups = Groups::default();
        for mut span in spans {
            let scope = std::mem::take(&mut span.instrumentation_scope);
            groups.add(scope, span::encode(span, self.sanitizer, self.is_synthetic));
        }
        let scope_spans = groups.into_iter().map(|(scope, spans)| ScopeSpans {
            schema_url: scope.schema_url().unwrap_or_default().to_owned(),
            scope: Some(self.scope(&scope)),
            spans,
        });
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.resource.clone()),
                scope_spans: scope_spans.collect(),
                ..ResourceSpans::default()
            }],
        }
        .encode_to_vec()
    }

    /// One `ExportLogsServiceRequest`, grouped by target. No records, no bytes.
    pub(crate) fn logs(&self, records: Vec<LogRecord>) -> Vec<u8> {
        if records.is_empty() {
            return Vec::new();
        }
        let mut groups = Groups::default();
        for mut record in records {
            let target = std::mem::take(&mut record.target);
            groups.add(target, log::encode(record, self.sanitizer, &self.renderer, self.is_synthetic));
        }
        let scope_logs = groups.into_iter().map(|(target, log_records)| ScopeLogs {
            scope: Some(ProtoScope { name: target.into_owned(), ..ProtoScope::default() }),
            log_records,
            ..ScopeLogs::default()
        });
        ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs {
                resource: Some(self.resource.clone()),
                scope_logs: scope_logs.collect(),
                ..ResourceLogs::default()
            }],
        }
        .encode_to_vec()
    }

    /// `ExportMetricsServiceRequest`s, with the number of data points in each and left out of all.
    pub(crate) fn metrics(&self, metrics: &ResourceMetrics) -> EncodedMetrics {
        metric::encode(metrics, &self.resource, self.sanitizer)
    }

    /// Scope attributes overwrite those of resource, span and span event (C§3.1), so they are cleaned too.
    fn scope(&self, scope: &InstrumentationScope) -> ProtoScope {
        let mut scope = ProtoScope::from((scope, None));
        self.sanitizer.attributes(Owner::Scope, &mut Given::default(), &mut scope.attributes);
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
