//! How settings become a running pipeline.

use std::{sync::Arc, time::Duration};

use crate::{
    InitError, Signals,
    config::{Compression, Resolved, masked},
    encode::{self, EncodedItems, Encoder, Service},
    metrics::Collector,
    pipeline::{
        self, Encode, Encoded, Limits, Pipeline, Segment, SpoolSettings, Transport, TransportSettings,
        caught, contained, log_weight, span_weight,
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
        limits: limits(settings.queue_items, settings.queue_bytes),
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
    let encoder = Box::new(encoder);
    match over {
        Some(over) => Pipeline::start_over(over, pipeline_settings, encoder, collector),
        None => Pipeline::start(pipeline_settings, encoder, collector),
    }
    .map_err(InitError::Start)
}

/// A small queue is not for errors alone: their reserve is a quarter of it at most, in items as in bytes.
fn limits(max_items: usize, max_bytes: usize) -> Limits {
    let defaults = Limits::default();
    Limits { max_items, max_bytes, error_reserve: (max_items / 4).min(defaults.error_reserve), ..defaults }
}

impl Encode for Arc<Encoder> {
    fn spans(&mut self, spans: &mut [SpanRecord]) -> Encoded {
        in_segments(spans, span_weight, self.asks_program(), |spans| Encoder::spans(self, spans))
    }

    fn logs(&mut self, logs: &mut [LogRecord]) -> Encoded {
        in_segments(logs, log_weight, self.asks_program(), |logs| Encoder::logs(self, logs))
    }
}

/// Encodes the items group by group. A large item is alone in its group, so that it does not take others with it. A group
/// that makes the encoder panic is in no segment, which counts it as lost. `asks_program` says whether functions of the
/// program's are called, which may record something.
fn in_segments<T>(
    items: &mut [T],
    weight: impl Fn(&T) -> usize,
    asks_program: bool,
    encode: impl Fn(&mut [T]) -> EncodedItems,
) -> Encoded {
    let mut encoded = Encoded::default();
    let mut rest = items;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take(SEGMENT_ITEMS).take_while(|item| {
            bytes += weight(item);
            bytes <= SEGMENT_BYTES
        });
        let size = fits.count().max(1);
        let (group, others) = rest.split_at_mut(size);
        rest = others;
        let done = if asks_program { contained(|| encode(group)) } else { caught(|| encode(group)) };
        let Some(EncodedItems { bytes, items }) = done else { continue };
        encoded.dropped += size as u64 - items;
        if items > 0 {
            encoded.segments.push(Segment { bytes, items });
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Encode for Nothing {
        fn spans(&mut self, _: &mut [SpanRecord]) -> Encoded {
            Encoded::default()
        }

        fn logs(&mut self, _: &mut [LogRecord]) -> Encoded {
            Encoded::default()
        }
    }

    #[test]
    fn a_small_queue_has_room_for_logs_and_spans() {
        let defaults = Limits::default();
        for (items, reserve) in [(1, 0), (8, 2), (512, 128), (2048, 512), (65_536, defaults.error_reserve)] {
            assert_eq!(limits(items, defaults.max_bytes).error_reserve, reserve, "{items}");
        }
        let endpoint = crate::config::Endpoint::parse("http://127.0.0.1:9").unwrap();
        let settings = pipeline::Settings {
            limits: limits(8, defaults.max_bytes),
            interval: Duration::from_secs(3600),
            ..pipeline::Settings::over(TransportSettings::to(endpoint))
        };
        let pipeline = Pipeline::start(settings, Box::new(Nothing), None).unwrap();
        for _ in 0..8 {
            pipeline.push(crate::pipeline::tests::items::log("l"));
        }
        let stats = pipeline.stats();
        assert_eq!((stats.queued, stats.dropped.queue_full), (6, 2));
        let _ = pipeline.shutdown(Duration::ZERO);
    }

    #[test]
    fn a_group_that_cannot_be_encoded_takes_no_other_with_it() {
        let encode = |group: &mut [usize]| {
            assert!(!group.contains(&3), "as asked");
            // One of each group is not wanted.
            EncodedItems { bytes: Vec::new(), items: group.len() as u64 - 1 }
        };
        let mut weights = [vec![1; 64], vec![3; 64], vec![1; 10]].concat();
        let encoded = in_segments(&mut weights, |weight| *weight, false, encode);
        let kept: Vec<_> = encoded.segments.iter().map(|segment| segment.items).collect();
        assert_eq!((kept, encoded.dropped), (vec![63, 9], 2));
    }

    #[test]
    fn groups_are_bounded_in_items_and_bytes_and_lose_nothing() {
        let groups = |mut weights: Vec<usize>| -> Vec<u64> {
            let encode = |group: &mut [usize]| EncodedItems { bytes: Vec::new(), items: group.len() as u64 };
            in_segments(&mut weights, |weight| *weight, false, encode)
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
