//! Aggregated by the SDK, collected and sent by the worker.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{
        InstrumentKind, ManualReader, Pipeline as MetricPipeline, SdkMeterProvider, Temporality,
        data::ResourceMetrics, reader::MetricReader,
    },
};

use crate::{
    encode::Encoder,
    pipeline::{CollectMetrics, Encoded, Segment},
};

/// A meter provider, and what the worker collects it with.
pub(crate) fn provider(encoder: Arc<Encoder>) -> (SdkMeterProvider, Collector) {
    let reader = Reader::new();
    let provider = SdkMeterProvider::builder().with_reader(reader.clone()).build();
    (provider, Collector { reader, encoder })
}

/// Collects and encodes, on the worker.
#[derive(Debug)]
pub(crate) struct Collector {
    reader: Reader,
    encoder: Arc<Encoder>,
}

impl CollectMetrics for Collector {
    fn collect(&mut self) -> Encoded {
        let mut metrics = ResourceMetrics::default();
        if self.reader.collect(&mut metrics).is_err() {
            return Encoded::default();
        }
        let encoded = self.encoder.metrics(&metrics);
        let requests = encoded.requests.into_iter();
        let segments = requests.map(|(bytes, items)| Segment::new(bytes, items)).collect();
        Encoded { segments, dropped: encoded.dropped }
    }
}

/// The SDK takes its reader by value; the worker needs it too.
#[derive(Debug, Clone)]
pub(crate) struct Reader(Arc<ManualReader>);

impl Reader {
    /// The server sums data points and ignores temporality, so cumulative counters would over-count (C§9).
    pub(crate) fn new() -> Self {
        Self(Arc::new(ManualReader::builder().with_temporality(Temporality::Delta).build()))
    }
}

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<MetricPipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}
