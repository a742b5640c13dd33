//! The hand-shake between a caller who wants everything out and the worker who does it.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use super::{
    deadline::Deadline,
    sync::{Arc, Condvar, Mutex, lock, wait},
};

/// Why a flush or a shutdown did not deliver everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlushError {
    /// The deadline passed first. A flush leaves the rest queued; a shutdown counts it as lost.
    #[error(
        "telemetry was not delivered within {0:?}: the endpoint is slow or does not answer; allow more time or check the endpoint"
    )]
    Timeout(Duration),
    /// The endpoint could not be reached or refused. What can be sent again is kept, unless this was the
    /// shutdown; then a [spool](crate::Config::spool) keeps it.
    #[error(
        "{items} items were not delivered: the endpoint cannot be reached or refuses them; see the line logged about it"
    )]
    Undelivered {
        /// Items that were lost, are still waiting, or are in the spool.
        items: u64,
    },
    /// This process is a fork of the one that started the client, and threads do not survive a fork.
    #[error(
        "this process was forked from the one that started the client, whose thread is not here: call `init` (or \
         `Client::new`) after the fork"
    )]
    Forked,
    /// The operating system refused the short-lived thread that waits on behalf of a future.
    #[error(
        "no thread could be started to wait for the flush: raise the limit of threads, or call the blocking flush"
    )]
    NoThread,
}

/// The outcome of a flush or a shutdown.
pub(crate) type Flushed = Result<(), FlushError>;

/// One request to flush; the caller waits on it, the worker resolves it.
#[derive(Debug, Clone, Default)]
pub(super) struct Ticket {
    slot: Arc<(Mutex<Option<Flushed>>, Condvar)>,
}

impl Ticket {
    /// Tells all who wait. The first outcome stays.
    pub(super) fn resolve(&self, outcome: Flushed) {
        let (slot, resolved) = &*self.slot;
        lock(slot).get_or_insert(outcome);
        resolved.notify_all();
    }

    /// Blocks until the ticket is resolved; `None` if the deadline passes first.
    pub(super) fn wait(&self, deadline: Deadline) -> Option<Flushed> {
        let (slot, resolved) = &*self.slot;
        let mut guard = lock(slot);
        loop {
            if let Some(outcome) = *guard {
                return Some(outcome);
            }
            if deadline.has_passed() {
                return None;
            }
            guard = wait(resolved, guard, deadline.remaining());
        }
    }
}

/// Runs a blocking flush on a short-lived thread and wakes whoever polls.
///
/// Needs no runtime, and no timer of one. The flush starts at once and goes on if the future is dropped.
pub(crate) fn on_thread(
    flush: impl FnOnce() -> Flushed + Send + 'static,
) -> impl Future<Output = Flushed> + Send + 'static {
    let state = Arc::new(Mutex::new(Waiting::default()));
    let shared = Arc::clone(&state);
    let started =
        thread::Builder::new().name("highlight-flush".to_owned()).spawn(move || finish(&shared, flush()));
    if started.is_err() {
        finish(&state, Err(FlushError::NoThread));
    }
    FlushFuture { state }
}

#[derive(Debug, Default)]
struct Waiting {
    outcome: Option<Flushed>,
    waker: Option<Waker>,
}

fn finish(state: &Mutex<Waiting>, outcome: Flushed) {
    let waker = {
        let mut waiting = lock(state);
        waiting.outcome = Some(outcome);
        waiting.waker.take()
    };
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[derive(Debug)]
struct FlushFuture {
    state: Arc<Mutex<Waiting>>,
}

impl Future for FlushFuture {
    type Output = Flushed;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Flushed> {
        let mut waiting = lock(&self.state);
        if let Some(outcome) = waiting.outcome {
            return Poll::Ready(outcome);
        }
        waiting.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolved_ticket_answers_all_and_keeps_its_first_outcome() {
        let ticket = Ticket::default();
        let waiters: Vec<_> = (0..4)
            .map(|_| {
                let ticket = ticket.clone();
                thread::spawn(move || ticket.wait(Deadline::after(Duration::from_secs(60))))
            })
            .collect();
        ticket.resolve(Ok(()));
        ticket.resolve(Err(FlushError::NoThread));
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Some(Ok(())));
        }
    }

    #[test]
    fn an_unresolved_ticket_gives_up_at_the_deadline() {
        let ticket = Ticket::default();
        assert_eq!(ticket.wait(Deadline::after(Duration::from_millis(5))), None);
    }
}
