//! A collector of metrics under the pipeline.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::pipeline::CollectMetrics;

/// A collector that has something to say every time, and panics when told to.
pub(super) struct Points {
    per_call: u64,
    calls: Arc<AtomicU64>,
    panic_on: Option<u64>,
}

impl Points {
    pub(super) fn new(per_call: u64) -> Self {
        Self { per_call, calls: Arc::default(), panic_on: None }
    }
}

impl CollectMetrics for Points {
    fn collect(&mut self) -> Encoded {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        assert_ne!(Some(call), self.panic_on, "as asked");
        let segments = vec![Segment::new(b"point\n".to_vec(), self.per_call)];
        // One in ten is not wanted.
        Encoded { segments, dropped: self.per_call / 10 }
    }
}

#[test]
fn metrics_are_collected_by_the_clock_and_survive_a_panic() {
    let server = Server::start(|_, _| Reply::Status(200));
    let mut settings = settings(&server.url());
    settings.metrics_interval = Duration::from_millis(10);
    let mut points = Points::new(7);
    points.panic_on = Some(1);
    let pipeline = Pipeline::start(settings, Box::new(Lines), Some(Box::new(points))).unwrap();
    let stats = until(&pipeline, "collected", |stats| stats.exported >= 21);
    assert_eq!(stats.exported % 7, 0);
    assert!(server.seen().iter().all(|seen| seen.path == "/v1/metrics"));
}

#[test]
fn metrics_are_left_to_the_sdk_while_the_endpoint_is_away() {
    let mut settings = settings(&refused());
    settings.metrics_interval = Duration::from_millis(1);
    let points = Points::new(1);
    let calls = Arc::clone(&points.calls);
    let pipeline = Pipeline::start(settings, Box::new(Lines), Some(Box::new(points))).unwrap();
    until(&pipeline, "collected", |stats| stats.queued == 1);
    for _ in 0..5 {
        assert!(pipeline.flush(HANG_GUARD).is_err());
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}
