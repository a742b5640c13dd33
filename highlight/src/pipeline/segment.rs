//! Encoded telemetry in pieces that can be put together and taken apart as bytes.
//!
//! An OTLP request body is a protobuf message whose only field is a repeated one (`resource_spans`,
//! `resource_logs`, `resource_metrics`), so two bodies one after the other are one valid body. The encoder
//! hands back such bodies as [`Segment`]s. A batch that is too large for one request, or that the server
//! calls too large (413), is split between two segments: no item has to be kept or encoded again.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use super::spool::Stored;
use crate::record::{LogRecord, SpanRecord};

/// Turns items into request bodies; sanitising and redaction happen in here, on the worker.
///
/// A panic inside is contained; the items of that call are counted as lost (`internal`), and the same
/// encoder is called for the next batch.
pub(crate) trait Encode: Send {
    /// An `ExportTraceServiceRequest`, in segments whose `items`, and what the hook has dropped, add up to the number of spans. What is
    /// missing is counted as lost.
    fn spans(&mut self, spans: Weighed<'_, SpanRecord>) -> Encoded;
    /// An `ExportLogsServiceRequest`, likewise.
    fn logs(&mut self, logs: Weighed<'_, LogRecord>) -> Encoded;
}

/// Items, and the memory that each was estimated to hold when it came, in bytes.
#[derive(Debug)]
pub(crate) struct Weighed<'a, T> {
    pub(crate) items: &'a mut [T],
    pub(crate) weights: &'a [usize],
}

/// Collects what the metrics SDK has aggregated since the last call.
///
/// Not called while the endpoint is away: the SDK goes on aggregating, so an outage loses no delta.
pub(crate) trait CollectMetrics: Send {
    /// An `ExportMetricsServiceRequest` in segments; `items` are data points. Empty if there is nothing to
    /// say.
    fn collect(&mut self) -> Encoded;
}

/// What an encoder makes of a batch.
#[derive(Debug, Default)]
pub(crate) struct Encoded {
    pub(crate) segments: Vec<Segment>,
    /// Items that the program's hook has dropped.
    pub(crate) dropped: u64,
}

/// A piece of a request body that is a valid request body of its own.
///
/// The smallest unit that is sent, refused or lost. Start a new one every 64 KiB or so: each repeats the
/// resource, and each item that is larger than that should be alone in its segment.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) bytes: Vec<u8>,
    /// Spans, log records or data points in it.
    pub(crate) items: u64,
    /// Positions in `bytes` where something begins that is likely to stand in what was written before; in their order. For the compressor,
    /// which does without where there are none.
    pub(crate) marks: Vec<u32>,
    /// Where its buffers go when it is done with.
    pub(crate) spare: Option<Spare>,
}

impl Segment {
    pub(crate) fn new(bytes: Vec<u8>, items: u64) -> Self {
        Self { bytes, items, marks: Vec::new(), spare: None }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if let Some(spare) = self.spare.take() {
            spare.put((mem::take(&mut self.bytes), mem::take(&mut self.marks)));
        }
    }
}

/// The bytes and the marks of a segment.
pub(crate) type Buffers = (Vec<u8>, Vec<u32>);

/// Buffers that are done with, for what comes. An allocator would give their pages back to the system, and take them anew for each batch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spare(Arc<Mutex<Vec<Buffers>>>);

impl Spare {
    /// Bytes of buffers that are kept.
    const KEPT: usize = 1 << 20;

    pub(crate) fn take(&self) -> Buffers {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn put(&self, (mut bytes, mut marks): Buffers) {
        bytes.clear();
        marks.clear();
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = spare.iter().map(|(bytes, _)| bytes.capacity()).sum();
        if kept + bytes.capacity() <= Self::KEPT {
            spare.push((bytes, marks));
        }
    }
}

/// The three kinds of telemetry, each with a path of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    pub(crate) const ALL: [Self; 3] = [Self::Traces, Self::Logs, Self::Metrics];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }
}

/// What is sent in one piece.
#[derive(Debug)]
pub(crate) struct Request {
    pub(super) signal: Signal,
    pub(super) segments: Vec<Segment>,
    /// When it was tried for the first time; it expires a while after.
    pub(super) first_tried: Option<Instant>,
    /// The file that it was read from.
    pub(super) file: Option<Stored>,
}

impl Request {
    /// Packs segments into as few requests as fit below `max_bytes` each, in their order.
    ///
    /// A single segment above the limit gets a request of its own; see [`Request::bytes`].
    pub(super) fn pack(signal: Signal, segments: Vec<Segment>, max_bytes: usize) -> Vec<Self> {
        let mut requests = Vec::new();
        let mut current: Vec<Segment> = Vec::new();
        let mut bytes = 0;
        for segment in segments {
            if !current.is_empty() && bytes + segment.bytes.len() > max_bytes {
                requests.push(Self::new(signal, mem::take(&mut current)));
                bytes = 0;
            }
            bytes += segment.bytes.len();
            current.push(segment);
        }
        if !current.is_empty() {
            requests.push(Self::new(signal, current));
        }
        requests
    }

    fn new(signal: Signal, segments: Vec<Segment>) -> Self {
        Self { signal, segments, first_tried: None, file: None }
    }

    pub(super) fn items(&self) -> u64 {
        self.segments.iter().map(|segment| segment.items).sum()
    }

    /// Size of the body before compression.
    pub(super) fn bytes(&self) -> usize {
        self.segments.iter().map(|segment| segment.bytes.len()).sum()
    }

    /// Two requests of half the segments each, or the request itself if it cannot be split.
    pub(super) fn split(mut self) -> Result<(Self, Self), Self> {
        if self.segments.len() < 2 {
            return Err(self);
        }
        let second = self.segments.split_off(self.segments.len() / 2);
        Ok((Self::new(self.signal, self.segments), Self::new(self.signal, second)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segments(sizes: &[usize]) -> Vec<Segment> {
        sizes
            .iter()
            .enumerate()
            .map(|(index, size)| Segment::new(vec![u8::try_from(index).unwrap_or(0); *size], 1))
            .collect()
    }

    fn bytes(requests: &[Request]) -> Vec<u8> {
        requests
            .iter()
            .flat_map(|request| &request.segments)
            .flat_map(|segment| segment.bytes.clone())
            .collect()
    }

    proptest! {
        #[test]
        fn packing_keeps_all_bytes_in_order_and_below_the_limit(
            sizes in prop::collection::vec(0_usize..40, 0..40),
            limit in 1_usize..100,
        ) {
            let requests = Request::pack(Signal::Logs, segments(&sizes), limit);
            prop_assert_eq!(bytes(&requests), bytes(&Request::pack(Signal::Logs, segments(&sizes), usize::MAX)));
            for request in &requests {
                prop_assert!(request.bytes() <= limit || request.segments.len() == 1);
            }
            for pair in requests.windows(2) {
                let next = pair[1].segments[0].bytes.len();
                prop_assert!(pair[0].bytes() + next > limit, "two requests where one would do");
            }
        }

        #[test]
        fn splitting_halves_until_single_segments(sizes in prop::collection::vec(1_usize..9, 1..30)) {
            let mut todo = Request::pack(Signal::Traces, segments(&sizes), usize::MAX);
            let whole = bytes(&todo);
            let mut done = Vec::new();
            while let Some(request) = todo.pop() {
                match request.split() {
                    Ok((first, second)) => todo.extend([second, first]),
                    Err(single) => done.push(single),
                }
            }
            prop_assert_eq!(done.len(), sizes.len());
            prop_assert_eq!(bytes(&done), whole);
        }
    }
}
