//! What became of everything that was produced.

/// The books of a [`Client`](crate::Client).
///
/// At rest, `produced == exported + dropped.total() + queued + spooled`. At any moment `produced` is at least that
/// sum, and every counter but `queued` and `spooled` only grows. An item is a span, a log record (an error is one), or a metric data point.
///
/// Losses are told to the server as well, unless logs are switched off ([`Config::signals`](crate::Config::signals)): at most once a
/// minute, and at the end, as a log record of level `warn`, target `highlight` and message `telemetry was lost`, with
/// `highlight.dropped.<reason>` for each reason (the fields of [`Dropped`] but `sampled_out` and `before_send`). That record is no item: it is in none of
/// these numbers, whatever becomes of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Items that were recorded, sampled-out spans included; and what was found in the [spool](crate::Config::spool), left by a process
    /// that is gone.
    pub produced: u64,
    /// Items in requests that the server answered with 200.
    pub exported: u64,
    /// Items in memory: waiting, or in the request that is under way.
    pub queued: u64,
    /// Items that this process has on disk: see [`Config::spool`](crate::Config::spool). Those that are left at its end are produced anew
    /// by the process that finds them.
    pub spooled: u64,
    /// Items that were lost, by reason.
    pub dropped: Dropped,
    /// Errors that were not reported because the same error of the same request had been, or because
    /// [`Config::error_rule`](crate::Config::error_rule) ignores them (not part of the sum).
    pub suppressed: u64,
    /// Measurements that could not be taken: see [`metrics`](crate::metrics#bounds) (not part of the sum, because one
    /// data point is made of any number of them).
    pub refused_measurements: u64,
}

/// Items that were lost, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// The queue had no room.
    pub queue_full: u64,
    /// Larger than the queue, or than what the endpoint accepts in one request (a 413) even if it is alone in it. Items are cut to
    /// 1 MiB before, so this takes a small queue or a strict proxy.
    pub too_large: u64,
    /// Spans that the sample rate left out.
    pub sampled_out: u64,
    /// The server refused them for good (a 4xx).
    pub rejected: u64,
    /// Given up after retrying for as long as the configuration allows, or after as long on disk.
    pub expired: u64,
    /// Still undelivered when the client was shut down, or recorded after it.
    pub shut_down: u64,
    /// Dropped by [`Config::before_send`](crate::Config::before_send), on purpose or by a panic.
    pub before_send: u64,
    /// Lost in the [spool](crate::Config::spool): removed to make room for newer ones, or in a file that was damaged or gone.
    pub spool: u64,
    /// Lost to a panic that was contained on the worker.
    pub internal: u64,
}

impl Dropped {
    /// The sum over all reasons.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_reason().map(|(_, items)| items).sum()
    }

    /// Each reason, named as its field, with its count.
    pub fn by_reason(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        [
            ("queue_full", self.queue_full),
            ("too_large", self.too_large),
            ("sampled_out", self.sampled_out),
            ("rejected", self.rejected),
            ("expired", self.expired),
            ("shut_down", self.shut_down),
            ("before_send", self.before_send),
            ("spool", self.spool),
            ("internal", self.internal),
        ]
        .into_iter()
    }
}
