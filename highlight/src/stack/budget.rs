//! How many stacks are taken.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Stacks that may be taken at once.
const BURST: u64 = 100;
/// Stacks that may be taken per second after that.
const PER_SECOND: u64 = 20;
/// What one stack costs, in microseconds of waiting.
const COST: u64 = 1_000_000 / PER_SECOND;

/// A token bucket without a lock. A flood of errors costs a flood of stacks neither on the threads that fail nor on the worker.
#[derive(Debug)]
pub(crate) struct Budget {
    started: Instant,
    /// When it will be full again, in microseconds since the start.
    full_at: AtomicU64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { started: Instant::now(), full_at: AtomicU64::new(0) }
    }
}

impl Budget {
    /// Whether one more stack may be taken now.
    pub(crate) fn take(&self) -> bool {
        self.take_at(self.started.elapsed())
    }

    fn take_at(&self, now: Duration) -> bool {
        let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        let spend = |full_at: u64| {
            let after = full_at.max(now).saturating_add(COST);
            (after <= now.saturating_add(BURST * COST)).then_some(after)
        };
        self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(budget: &Budget, at: Duration) -> u64 {
        (0..10 * BURST).map(|_| u64::from(budget.take_at(at))).sum()
    }

    #[test]
    fn a_burst_then_a_rate_and_never_more_than_a_burst() {
        let budget = Budget::default();
        assert_eq!(taken(&budget, Duration::ZERO), BURST);
        assert_eq!(taken(&budget, Duration::from_millis(999)), PER_SECOND - 1);
        assert_eq!(taken(&budget, Duration::from_secs(2)), PER_SECOND + 1);
        assert_eq!(taken(&budget, Duration::from_secs(3600)), BURST);
    }
}
