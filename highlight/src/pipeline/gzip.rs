//! gzip with its state and its buffer kept from one request to the next.

use flate2::{Compress, Compression, FlushCompress, Status};

use super::segment::Segment;

/// What is kept of the buffer; one large batch must not hold its memory for ever.
const KEPT: usize = 1 << 20;
/// Free room that each step of the compressor is given at least.
const STEP: usize = 16 * 1024;
/// The largest window, 2^15 bytes.
const WINDOW_BITS: u8 = 15;

/// Level 1. Measured on 512 spans of a web service (220 KB), in turn with the others, medians of 60 (the test `levels`):
///
/// | level | time | size |
/// |---|---|---|
/// | 1 | 1 (0.95 µs a span) | 1 (20 % of the original) |
/// | 2 | 1.4 | 0.85 |
/// | 5 | 2.6 | 0.79 |
/// | 6 | 8.9 | 0.78 |
/// | 9 | 22 | 0.80 |
///
/// The worker shares the program's processors: a tenth of the bytes is not worth half of its time again.
#[derive(Debug)]
pub(super) struct Gzip {
    state: Compress,
    output: Vec<u8>,
}

/// The compressor made no progress, which its contract rules out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stuck;

impl Gzip {
    pub(super) fn new() -> Self {
        Self::with_level(Compression::fast())
    }

    fn with_level(level: Compression) -> Self {
        Self { state: Compress::new_gzip(level, WINDOW_BITS), output: Vec::new() }
    }

    /// The segments one after another as one gzip member.
    pub(super) fn compress(&mut self, segments: &[Segment]) -> Result<&[u8], Stuck> {
        self.state.reset();
        self.output.clear();
        self.output.shrink_to(KEPT);
        for segment in segments {
            self.feed(&segment.bytes, FlushCompress::None)?;
        }
        self.feed(&[], FlushCompress::Finish)?;
        Ok(&self.output)
    }

    fn feed(&mut self, mut input: &[u8], flush: FlushCompress) -> Result<(), Stuck> {
        let finish = matches!(flush, FlushCompress::Finish);
        while finish || !input.is_empty() {
            self.output.reserve(STEP);
            let (read, written) = (self.state.total_in(), self.state.total_out());
            let status = self.state.compress_vec(input, &mut self.output, flush).map_err(|_| Stuck)?;
            let progress = self.state.total_in() - read;
            input = input.get(usize::try_from(progress).unwrap_or(usize::MAX)..).ok_or(Stuck)?;
            if finish && status == Status::StreamEnd {
                return Ok(());
            }
            if progress == 0 && self.state.total_out() == written {
                return Err(Stuck);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        sync::Arc,
        time::{Duration, Instant, SystemTime},
    };

    use flate2::read::GzDecoder;
    use opentelemetry::{
        KeyValue, SpanId, TraceFlags, TraceId,
        trace::{SpanContext, TraceState},
    };
    use proptest::prelude::*;

    use super::*;
    use crate::{
        assembly,
        pipeline::{Encode, tests::items::span},
        record::Item,
    };

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_packed_can_be_unpacked_time_after_time(
            rounds in prop::collection::vec(
                prop::collection::vec((any::<u8>(), 0_usize..60_000), 0..4),
                1..4,
            ),
        ) {
            let mut gzip = Gzip::new();
            for round in rounds {
                let segments: Vec<Segment> = round
                    .iter()
                    .map(|(seed, len)| Segment {
                        bytes: (0..*len).map(|i| u8::try_from(i * i % 251).unwrap() ^ seed).collect(),
                        items: 1,
                    })
                    .collect();
                let plain: Vec<u8> = segments.iter().flat_map(|s| s.bytes.clone()).collect();
                let packed = gzip.compress(&segments).unwrap().to_vec();
                let mut unpacked = Vec::new();
                GzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap();
                prop_assert!(unpacked == plain);
            }
        }
    }

    /// 512 spans of requests that look alike and are not the same, as they would be sent.
    fn spans() -> Vec<Segment> {
        let mut seed = 7_u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let mut next = || {
            let Item::Span(mut span) = span("GET /orders/{id}") else { unreachable!() };
            let ids = (TraceId::from(u128::from(random()) << 64 | 7), SpanId::from(random()));
            span.span_context = SpanContext::new(ids.0, ids.1, TraceFlags::SAMPLED, false, TraceState::NONE);
            span.start_time = SystemTime::UNIX_EPOCH
                + Duration::from_nanos(1_790_000_000_000_000_000 + random() % 9_999_999);
            span.end_time = span.start_time + Duration::from_nanos(random() % 9_999_999);
            let text = |key: &'static str, value: String| KeyValue::new(key, value);
            span.attributes = vec![
                text("highlight.session_id", format!("oHYHCJ2lGQ1{:016x}", random() % 50)),
                text("highlight.trace_id", format!("{:016x}{:016x}", random(), random())),
                text("http.request.method", "GET".to_owned()),
                text("http.route", "/orders/{id}".to_owned()),
                text("url.path", format!("/orders/{}", random() % 100_000)),
                text("server.address", "shop.internal".to_owned()),
                text("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36".to_owned()),
                KeyValue::new("http.response.status_code", i64::try_from(200 + random() % 3).unwrap()),
            ];
            *span
        };
        let spans = (0..512).map(|_| next()).collect();
        let settings = crate::Config::new("1").service_name("shop").resolve(&|_| None).unwrap();
        Arc::new(assembly::encoder(&settings)).spans(spans)
    }

    /// ```text
    /// cargo test -p highlight --lib gzip -- --ignored --nocapture
    /// ```
    #[test]
    #[ignore = "a measurement"]
    fn levels() {
        let segments = spans();
        let plain: usize = segments.iter().map(|segment| segment.bytes.len()).sum();
        let mut levels: Vec<_> =
            (1..=9).map(|level| (level, Gzip::with_level(Compression::new(level)), Vec::new(), 0)).collect();
        // In turn, so that whatever else the machine does is shared.
        for _ in 0..60 {
            for (_, gzip, times, size) in &mut levels {
                let start = Instant::now();
                *size = gzip.compress(&segments).unwrap().len();
                times.push(start.elapsed());
            }
        }
        let medians = levels.iter_mut().map(|(level, _, times, size)| {
            times.sort_unstable();
            (*level, times[times.len() / 2].as_secs_f64(), *size)
        });
        let medians: Vec<_> = medians.collect();
        let (_, base_time, base_size) = medians[0];
        println!("512 spans, {plain} bytes; time and size as multiples of level 1");
        for (level, time, size) in &medians {
            println!(
                "level {level}: {:.0} us = {:.2} x time, {size} bytes = {:.2} x size",
                time * 1e6,
                time / base_time,
                f64::from(u32::try_from(*size).unwrap()) / f64::from(u32::try_from(base_size).unwrap()),
            );
        }
    }
}
