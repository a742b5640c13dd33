//! How settings become a running pipeline.

use std::{sync::Arc, time::Duration};

use crate::{
    InitError, Signals,
    config::{Compression, Resolved, masked},
    encode::{self, EncodedItems, Encoder, Service},
    metrics::Collector,
    pipeline::{
        self, Encode, Encoded, Limits, Pipeline, Segment, Spare, SpoolSettings, Transport, TransportSettings,
        Weighed, caught, contained,
    },
    propagation,
    record::{LogRecord, SpanRecord},
    stack::{Paths, Renderer},
};

/// How much is encoded into one [`Segment`]: little enough to be lost together, enough to share a resource.
const SEGMENT_ITEMS: usize = 64;
const SEGMENT_BYTES: usize = 64 * 1024;

/// How often the server is told of losses, at most.
const REPORT_LOSSES: Duration = Duration::from_secs(60);

/// What settings amount to, in one line.
pub(crate) fn summary(settings: &Resolved) -> String {
    format!(
        "endpoint {}, project {}, service {}, version {}, environment {}, signals {:?}, sample rate {}",
        settings.endpoint,
        masked(&settings.project_id),
        settings.service_name,
        settings.service_version.as_deref().unwrap_or("none"),
        settings.environment.as_deref().unwrap_or("none"),
        settings.signals,
        settings.sample_rate,
    )
}

pub(crate) fn encoder(settings: &Resolved) -> Encoder {
    let service = Service {
        project_id: settings.project_id.clone(),
        name: Some(settings.service_name.clone()),
        version: settings.service_version.clone(),
        environment: settings.environment.clone(),
        host_name: settings.host_name.clone(),
        extra: settings.resource_attributes.clone().into_iter().collect(),
    };
    let encoding = encode::Settings {
        redactor: settings.redact.then(|| settings.redactor.clone()),
        before_send: settings.before_send.clone(),
        is_synthetic: propagation::is_synthetic,
    };
    let paths = Paths::new(settings.remap_path_prefix.clone());
    Encoder::new(&service, encoding).with_renderer(Renderer::new(paths, settings.source_context))
}

/// How to reach the server.
pub(crate) fn transport(settings: &Resolved) -> TransportSettings {
    TransportSettings {
        headers: settings.headers.clone(),
        certificates: settings.certificates.clone(),
        gzip: settings.compression == Compression::Gzip,
        timeout: settings.export_timeout,
        ..TransportSettings::to(settings.endpoint.clone())
    }
}

pub(crate) fn pipeline(
    settings: &Resolved,
    over: Option<Box<dyn Transport>>,
    encoder: Arc<Encoder>,
    collector: Collector,
) -> Result<Pipeline, InitError> {
    let pipeline_settings = pipeline::Settings {
        limits: Limits::of_queue(settings.queue_items, settings.queue_bytes),
        interval: settings.export_interval,
        retry_for: settings.retry_for,
        linger: settings.shutdown_timeout,
        // A test's memory is no place for what a program has left on disk.
        spool: settings.spool.clone().filter(|_| over.is_none()).map(|path| SpoolSettings {
            path,
            max_bytes: settings.spool_bytes as u64,
            max_age: settings.spool_age,
        }),
        report_losses: settings.signals.contains(Signals::LOGS).then_some(REPORT_LOSSES),
        debug: settings.debug,
        ..pipeline::Settings::over(transport(settings))
    };
    let collector = settings.signals.contains(Signals::METRICS).then(|| Box::new(collector) as Box<_>);
    let encoder = Box::new(InSegments { encoder, spare: Spare::default() });
    match over {
        Some(over) => Pipeline::start_over(over, pipeline_settings, encoder, collector),
        None => Pipeline::start(pipeline_settings, encoder, collector),
    }
    .map_err(InitError::Start)
}

/// Encodes in pieces, whose buffers are used again.
struct InSegments {
    encoder: Arc<Encoder>,
    spare: Spare,
}

impl Encode for InSegments {
    fn spans(&mut self, spans: Weighed<'_, SpanRecord>) -> Encoded {
        self.encode(spans, Encoder::spans)
    }

    fn logs(&mut self, logs: Weighed<'_, LogRecord>) -> Encoded {
        self.encode(logs, Encoder::logs)
    }
}

impl InSegments {
    fn encode<T>(
        &self,
        items: Weighed<'_, T>,
        encode: impl Fn(&Encoder, &mut [T]) -> EncodedItems,
    ) -> Encoded {
        let Self { encoder, spare } = self;
        let encode = |items: &mut [T]| {
            encoder.reuse(spare.take());
            encode(encoder, items)
        };
        let mut encoded = in_segments(items, encoder.asks_program(), encode);
        for segment in &mut encoded.segments {
            segment.spare = Some(spare.clone());
        }
        encoded
    }
}

/// Encodes the items group by group. A large item is alone in its group, so that it does not take others with it. A group
/// that makes the encoder panic is in no segment, which counts it as lost. `asks_program` says whether functions of the
/// program's are called, which may record something.
fn in_segments<T>(
    Weighed { mut items, mut weights }: Weighed<'_, T>,
    asks_program: bool,
    encode: impl Fn(&mut [T]) -> EncodedItems,
) -> Encoded {
    let mut encoded = Encoded::default();
    while !items.is_empty() {
        let mut bytes = 0;
        let fits = weights.iter().take(SEGMENT_ITEMS).take_while(|weight| {
            bytes += **weight;
            bytes <= SEGMENT_BYTES
        });
        let size = fits.count().clamp(1, items.len());
        let (group, others) = items.split_at_mut(size);
        (items, weights) = (others, weights.get(size..).unwrap_or_default());
        let done = if asks_program { contained(|| encode(group)) } else { caught(|| encode(group)) };
        let Some(EncodedItems { bytes, items, marks }) = done else { continue };
        encoded.dropped += size as u64 - items;
        if items > 0 {
            encoded.segments.push(Segment { bytes, items, marks, spare: None });
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_cannot_be_encoded_takes_no_other_with_it() {
        let encode = |group: &mut [usize]| {
            assert!(!group.contains(&3), "as asked");
            // One of each group is not wanted.
            EncodedItems { items: group.len() as u64 - 1, ..EncodedItems::default() }
        };
        let mut items = [vec![1; 64], vec![3; 64], vec![1; 10]].concat();
        let weights = items.clone();
        let encoded = in_segments(Weighed { items: &mut items, weights: &weights }, false, encode);
        let kept: Vec<_> = encoded.segments.iter().map(|segment| segment.items).collect();
        assert_eq!((kept, encoded.dropped), (vec![63, 9], 2));
    }

    #[test]
    fn groups_are_bounded_in_items_and_bytes_and_lose_nothing() {
        let groups = |weights: Vec<usize>| -> Vec<u64> {
            let encode =
                |group: &mut [()]| EncodedItems { items: group.len() as u64, ..EncodedItems::default() };
            let mut items = vec![(); weights.len()];
            in_segments(Weighed { items: &mut items, weights: &weights }, false, encode)
                .segments
                .iter()
                .map(|segment| segment.items)
                .collect()
        };
        assert!(groups(vec![]).is_empty());
        assert_eq!(groups(vec![1; 130]), [64, 64, 2]);
        assert_eq!(groups(vec![SEGMENT_BYTES / 2; 5]), [2, 2, 1]);
        assert_eq!(groups(vec![1, SEGMENT_BYTES * 9, 1, 1]), [1, 1, 2]);
    }
}
