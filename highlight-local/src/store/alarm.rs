//! A timer for futures that needs no runtime and ignores a runtime's paused clock.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

/// Rings once; dropped, it ends its thread.
pub(super) struct Alarm {
    rings: oneshot::Receiver<()>,
    _cancel: mpsc::Sender<()>,
}

impl Alarm {
    pub(super) fn at(deadline: Instant) -> Self {
        let (ring, rings) = oneshot::channel();
        let (cancel, cancelled) = mpsc::channel::<()>();
        let wait = move || {
            let left = deadline.saturating_duration_since(Instant::now());
            if let Err(mpsc::RecvTimeoutError::Timeout) = cancelled.recv_timeout(left) {
                // The waiter may have gone in this moment; then nobody needs the ring.
                let _ = ring.send(());
            }
        };
        // Without a thread the alarm rings at once: the wait ends early rather than never.
        let _ = thread::Builder::new().name("highlight-local-alarm".to_owned()).spawn(wait);
        Self { rings, _cancel: cancel }
    }

    /// Waits for the deadline.
    pub(super) async fn ring(&mut self) {
        let _ = (&mut self.rings).await;
    }
}

/// A deadline far enough away to mean "never", where adding the timeout would overflow.
pub(super) fn deadline_in(timeout: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(timeout.min(YEAR)).unwrap_or(now)
}
