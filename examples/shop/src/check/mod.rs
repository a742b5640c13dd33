//! Whether everything that the browsers have caused has arrived, correlated.

mod expected;
mod rows;

use std::{
    collections::HashSet,
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use highlight::Stats;
use highlight_local::{Receiver, Snapshot};

use self::{expected::Expected, rows::Rows};
use crate::browser::Visit;

/// Waits until everything has arrived, for a while: normally it takes the second for which the SDK collects.
pub async fn wait_for(visits: &[Visit], receiver: &Receiver) {
    const PATIENCE: Duration = Duration::from_secs(5);
    receiver.store().wait_until_async(PATIENCE, |snapshot| arrivals(visits, snapshot).is_empty()).await;
}

/// Prints a line for each expectation that failed. Without a receiver, only the services' own books can be asked.
pub fn verdict(
    visits: &[Visit],
    receiver: Option<&Receiver>,
    books: &[(&str, Stats)],
) -> io::Result<ExitCode> {
    let mut failures = answers(visits);
    failures.extend(receiver.into_iter().flat_map(|receiver| arrivals(visits, &receiver.store().snapshot())));
    failures.extend(books.iter().filter_map(|(service, stats)| losses(service, stats)));

    let mut err = io::stderr().lock();
    for failure in &failures {
        writeln!(err, "FAILED  {failure}")?;
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the browsers saw.
fn answers(visits: &[Visit]) -> Vec<String> {
    let wrong = |Visit { call, status }: &Visit| {
        let expected = Expected::of(call)?.status;
        (*status != expected)
            .then(|| format!("{call} from {}: answered {status}, not {expected}", call.client))
    };
    visits.iter().filter_map(wrong).collect()
}

/// What the receiver has, or has not.
fn arrivals(visits: &[Visit], snapshot: &Snapshot) -> Vec<String> {
    let mut failures = Vec::new();
    let mut traces = HashSet::new();
    for Visit { call, .. } in visits {
        let Some(expected) = Expected::of(call) else {
            failures.push(format!("{call}: nobody has written down what to expect"));
            continue;
        };
        let rows = Rows::of(call, expected, snapshot);
        let found = rows.failures(&call.ids, expected).into_iter();
        failures.extend(found.map(|failure| format!("{call} from {}: {failure}", call.client)));
        traces.insert(rows.trace);
    }
    let strays = snapshot.spans.iter().filter(|span| !traces.contains(span.trace_id.as_str()));
    failures.extend(strays.map(|span| format!("span {:?} belongs to no request", span.name)));
    let strays = snapshot.errors.iter().filter(|error| !traces.contains(error.trace_id.as_str()));
    failures.extend(strays.map(|error| format!("error {:?} belongs to no request", error.event)));
    let dropped = snapshot.dropped.iter().map(|note| (&note.subject, note.reason));
    failures.extend(
        dropped.map(|(subject, why)| format!("{} {:?} is not stored: {why}", subject.item, subject.name)),
    );
    failures
}

/// What a service did not deliver, by its own books.
fn losses(service: &str, stats: &Stats) -> Option<String> {
    let Stats { produced, exported, queued, dropped, .. } = *stats;
    let complete = produced > 0 && exported == produced && queued == 0 && dropped.total() == 0;
    (!complete)
        .then(|| format!("{service}: {produced} items, {exported} delivered, {queued} queued, {dropped:?}"))
}
