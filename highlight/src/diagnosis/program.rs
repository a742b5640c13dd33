//! The program itself: is there a client, does its subscriber hold the layer, has anything been recorded, and what became of it?

use tracing::{dispatcher, subscriber::NoSubscriber};

use super::{Diagnosis, Finding};
use crate::{Client, Signals, Stats, bridge};

pub(super) fn no_client() -> Finding {
    Finding::problem(
        "client",
        "there is no client: nothing is recorded",
        "call `highlight::init` at the start of `main`",
    )
}

/// Whether the client still runs.
pub(super) fn life(client: &Client) -> Option<Finding> {
    client.has_stopped().then(|| {
        Finding::problem(
            "client",
            "the client was shut down: nothing is recorded any more",
            "keep the guard until the end of `main`: `let _highlight = highlight::init(..)?`, never `let _ = ..`",
        )
    })
}

pub(super) fn check(client: &Client, diagnosis: &mut Diagnosis) {
    diagnosis.add(subscriber());
    let stats = client.stats();
    if client.takes(Signals::TRACES) {
        diagnosis.add(spans(client.has_seen_spans() || stats.dropped.sampled_out > 0));
    }
    diagnosis.add(exports(&stats));
}

fn subscriber() -> Finding {
    if bridge::has_layer() {
        return Finding::ok("subscriber", "the current `tracing` subscriber holds `highlight::layer()`");
    }
    let is_none = dispatcher::get_default(dispatcher::Dispatch::is::<NoSubscriber>);
    if is_none {
        return Finding::warning(
            "subscriber",
            "there is no `tracing` subscriber: what `tracing` and `log` record is not exported",
            "call `highlight::init`, which installs one, or build one with `highlight::layer()`",
        );
    }
    Finding::problem(
        "subscriber",
        "the current `tracing` subscriber was built without `highlight::layer()`: its spans and events are not exported",
        "add `.with(highlight::layer())` where it is built",
    )
}

fn spans(seen: bool) -> Finding {
    if seen {
        return Finding::ok("spans", "spans are recorded");
    }
    Finding::warning(
        "spans",
        "no span has ended yet",
        "send a request; if that changes nothing, add the layer to the router (`HighlightLayer`), outermost but for CORS",
    )
}

fn exports(stats: &Stats) -> Finding {
    let Stats { produced, exported, queued, spooled, dropped, .. } = *stats;
    let on_disk = if spooled > 0 { format!(", {spooled} on disk") } else { String::new() };
    let counts = format!("{produced} items produced, {exported} exported, {queued} queued{on_disk}");
    let lost = [
        (dropped.rejected, "refused by the server", "see the answers above"),
        (dropped.expired, "expired", "the endpoint was away for longer than `retry_for`"),
        (
            dropped.shut_down,
            "lost at or after the end",
            "allow `shutdown_timeout` more time, and keep the guard",
        ),
        (dropped.queue_full, "without room in the queue", "raise `queue_items` and `queue_bytes`, or sample"),
        (dropped.too_large, "too large", "shorten attributes and messages"),
        (dropped.spool, "lost in the spool", "raise `spool_bytes`, and leave its files alone"),
        (
            dropped.internal,
            "lost to a contained panic",
            "report it to the maintainers, with the line about it",
        ),
    ];
    let lost: Vec<_> = lost.into_iter().filter(|(count, ..)| *count > 0).collect();
    if !lost.is_empty() {
        let reasons: Vec<_> = lost.iter().map(|(count, reason, _)| format!("{count} {reason}")).collect();
        let remedies: Vec<_> = lost.iter().map(|(.., remedy)| *remedy).collect();
        return Finding::warning("exports", format!("{counts}; {}", reasons.join(", ")), remedies.join("; "));
    }
    Finding::ok("exports", counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dropped, diagnosis::Verdict};

    #[test]
    fn losses_are_named_with_their_remedy_and_sampling_is_none() {
        let table = [
            (Dropped::default(), ""),
            (Dropped { sampled_out: 7, ..Dropped::default() }, ""),
            (Dropped { rejected: 7, ..Dropped::default() }, "answers"),
            (Dropped { expired: 7, ..Dropped::default() }, "retry_for"),
            (Dropped { shut_down: 7, ..Dropped::default() }, "guard"),
            (Dropped { queue_full: 7, ..Dropped::default() }, "queue_items"),
            (Dropped { too_large: 7, ..Dropped::default() }, "shorten"),
            (Dropped { spool: 7, ..Dropped::default() }, "spool_bytes"),
            (Dropped { internal: 7, ..Dropped::default() }, "maintainers"),
        ];
        for (dropped, remedy) in table {
            let finding = exports(&Stats { produced: 9, exported: 2, dropped, ..Stats::default() });
            assert_eq!(finding.verdict() == Verdict::Ok, remedy.is_empty(), "{finding}");
            assert!(finding.remedy().unwrap_or_default().contains(remedy), "{finding}");
            assert_eq!(finding.message().contains("; 7 "), !remedy.is_empty(), "{finding}");
        }
    }
}
