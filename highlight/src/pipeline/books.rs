//! Double entry for telemetry: every item that comes in is in exactly one place.

use crate::stats::{Dropped, Stats};

/// What became of the items, without those still waiting in a lane.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) produced: u64,
    pub(super) exported: u64,
    pub(super) in_flight: u64,
    pub(super) spooled: u64,
    pub(super) dropped: Dropped,
}

impl Books {
    /// The counter of a fate.
    pub(super) fn counter(&mut self, fate: Fate) -> &mut u64 {
        match fate {
            Fate::Exported => &mut self.exported,
            Fate::TooLarge => &mut self.dropped.too_large,
            Fate::Rejected => &mut self.dropped.rejected,
            Fate::Expired => &mut self.dropped.expired,
            Fate::ShutDown => &mut self.dropped.shut_down,
            Fate::BeforeSend => &mut self.dropped.before_send,
            Fate::Spool => &mut self.dropped.spool,
            Fate::Spooled => &mut self.spooled,
            Fate::Internal => &mut self.dropped.internal,
        }
    }

    /// The books as users see them, with the items still waiting in a lane.
    pub(super) fn stats(&self, waiting: usize, sampled_out: u64, suppressed: u64) -> Stats {
        Stats {
            produced: self.produced + sampled_out,
            exported: self.exported,
            queued: waiting as u64 + self.in_flight,
            spooled: self.spooled,
            dropped: Dropped { sampled_out, ..self.dropped },
            suppressed,
            // The client adds these: nothing of them ever reaches the pipeline.
            refused_measurements: 0,
        }
    }
}

/// What became of items that were taken from the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Exported,
    TooLarge,
    Rejected,
    Expired,
    ShutDown,
    /// Dropped on purpose, by the program's `before_send`.
    BeforeSend,
    /// Lost on disk.
    Spool,
    /// Kept on disk: the one that is not final.
    Spooled,
    Internal,
}
