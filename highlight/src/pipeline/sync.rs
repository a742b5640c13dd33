//! The locks of the queue and of the flush hand-shake.
//!
//! They come through this module so that a model checker can replace them: loom runs the models of
//! [`queue`](super::queue) with its own types in their place, and everything above stays as it is.
//!
//! ```text
//! RUSTFLAGS="--cfg highlight_loom" cargo test -p highlight --lib --target-dir target/loom model
//! ```
//!
//! The flag is not the usual `--cfg loom`: dependencies have models of their own under that name.

#[cfg(all(test, highlight_loom))]
pub(super) use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64},
};
pub(super) use std::sync::{Arc, atomic::Ordering};
#[cfg(not(all(test, highlight_loom)))]
pub(super) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64},
};
use std::{sync::PoisonError, time::Duration};

/// Locks, also after a panic of another holder.
///
/// Every critical section here leaves the data whole at each step, so a poisoned lock is no
/// reason to lose telemetry, and none to panic in the application.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a notification, for at most `timeout` if there is one.
///
/// Spurious wake-ups happen: the caller looks at its condition again.
pub(super) fn wait<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    timeout: Option<Duration>,
) -> MutexGuard<'a, T> {
    match timeout {
        None => condvar.wait(guard).unwrap_or_else(PoisonError::into_inner),
        Some(timeout) => condvar.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner).0,
    }
}
