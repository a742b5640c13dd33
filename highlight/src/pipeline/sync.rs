//! The locks of the queue and of the flush hand-shake.
//!
//! They come through this module so that a model checker can replace them: it swaps the
//! imports below for its own types, and everything above stays as it is.

use std::sync::PoisonError;
pub(super) use std::sync::{
    Arc, Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::time::Duration;

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
