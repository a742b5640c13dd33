//! What passes between the queue and its worker.

use std::time::Instant;

use super::super::{deadline::Deadline, flush::Ticket, lane::Chunk};
use crate::record::{LogRecord, SpanRecord};

/// The end that was asked for.
#[derive(Debug, Clone)]
pub(in super::super) struct Stop {
    pub(in super::super) ticket: Ticket,
    pub(in super::super) deadline: Deadline,
}

/// Why the worker was woken.
#[derive(Debug)]
pub(in super::super) enum Call {
    /// There is something to send: what is due, besides full batches and errors; or the time came.
    Work(Due),
    /// Somebody waits for everything to be sent.
    Flush(Vec<Ticket>, Due),
    /// The end, and who waits for a flush until then.
    Stop(Stop, Vec<Ticket>, Due),
}

/// How the worker wants to sleep.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Sleep {
    /// Until there is work, or the worker has something to do at a time of its own.
    UntilWork { wake_at: Option<Instant> },
    /// The endpoint is away: until the next try, whatever is pushed meanwhile.
    BackOff { until: Instant },
    /// Not at all: there is more to send, and what was pushed meanwhile goes first.
    Not,
}

/// How many of the items waiting in each lane are to leave even if they do not fill a batch.
///
/// Counted when a pass begins, so that it ends although new items keep coming.
#[derive(Debug, Clone, Copy, Default)]
pub(in super::super) struct Due {
    pub(super) errors: usize,
    pub(super) logs: usize,
    pub(super) spans: usize,
}

impl Due {
    pub(in super::super) fn is_empty(self) -> bool {
        self.errors + self.logs + self.spans == 0
    }
}

/// Items that leave together.
#[derive(Debug)]
pub(in super::super) enum Batch {
    Logs(Vec<Chunk<LogRecord>>),
    Spans(Vec<Chunk<SpanRecord>>),
}

impl Batch {
    pub(in super::super) fn len(&self) -> u64 {
        let len = match self {
            Self::Logs(logs) => logs.iter().map(Chunk::len).sum::<usize>(),
            Self::Spans(spans) => spans.iter().map(Chunk::len).sum(),
        };
        len as u64
    }
}
