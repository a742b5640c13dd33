//! Functions that the program hands over.

use std::{
    cell::Cell,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::LocalKey,
};

use crate::say;

/// A function of the program's, kept from doing harm: a panic in it is no answer, and what it does itself is not asked about.
pub(crate) struct Callback<F: ?Sized> {
    function: Arc<F>,
    asking: &'static LocalKey<Cell<bool>>,
    warning: &'static str,
    said: Arc<AtomicBool>,
}

impl<F: ?Sized> Callback<F> {
    /// `asking` is this kind of function's own; `warning` is said once, when it panics.
    pub(crate) fn new(
        function: Arc<F>,
        asking: &'static LocalKey<Cell<bool>>,
        warning: &'static str,
    ) -> Self {
        Self { function, asking, warning, said: Arc::default() }
    }

    /// The function's answer; `None` if it panics, or is what asks.
    pub(crate) fn call<T>(&self, ask: impl FnOnce(&F) -> T) -> Option<T> {
        let _asking = Asking::enter(self.asking)?;
        // A panic must not reach the request; its state is the program's own affair, which a hook has heard of.
        let answer = catch_unwind(AssertUnwindSafe(|| ask(&self.function)));
        answer
            .map_err(|payload| {
                // Its drop could panic again.
                std::mem::forget(payload);
                if !self.said.swap(true, Ordering::Relaxed) {
                    say::warn(self.warning);
                }
            })
            .ok()
    }
}

impl<F: ?Sized> Clone for Callback<F> {
    fn clone(&self) -> Self {
        Self { function: Arc::clone(&self.function), said: Arc::clone(&self.said), ..*self }
    }
}

impl<F: ?Sized> fmt::Debug for Callback<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a function")
    }
}

/// A function that does what it is asked about would be asked again, and so on.
struct Asking(&'static LocalKey<Cell<bool>>);

impl Asking {
    fn enter(key: &'static LocalKey<Cell<bool>>) -> Option<Self> {
        let entered = key.try_with(|asking| !asking.replace(true)).unwrap_or(false);
        entered.then_some(Self(key))
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let _ = self.0.try_with(|asking| asking.set(false));
    }
}
