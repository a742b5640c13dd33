//! The current OpenTelemetry context, also where there is none any more.
//!
//! OpenTelemetry keeps it in a thread-local variable and panics when asked for it while the thread is being torn down. A panic in
//! a destructor of a thread-local ends the process, so everything in this crate asks here.

use opentelemetry::{Context, ContextGuard};

/// Initialised after OpenTelemetry's variable, and therefore destroyed before it.
struct Alive;

impl Drop for Alive {
    // Only what has a destructor is destroyed.
    fn drop(&mut self) {}
}

thread_local! {
    static ALIVE: Alive = {
        Context::map_current(|_| ());
        Alive
    };
}

fn is_alive() -> bool {
    ALIVE.try_with(|_| ()).is_ok()
}

/// The current context; an empty one while the thread ends.
pub(crate) fn current() -> Context {
    if is_alive() { Context::current() } else { Context::new() }
}

/// Shows the current context to `f`, which must not attach one.
pub(crate) fn map_current<T>(f: impl FnOnce(&Context) -> T) -> T {
    if is_alive() { Context::map_current(f) } else { f(&Context::new()) }
}

/// Makes `cx` current until the guard is dropped; does nothing while the thread ends.
#[must_use = "the context is current only until the guard is dropped"]
pub(crate) fn attach(cx: &Context) -> Option<ContextGuard> {
    attach_own(cx.clone())
}

/// The same, of a context that is not needed otherwise.
#[must_use = "the context is current only until the guard is dropped"]
pub(crate) fn attach_own(cx: Context) -> Option<ContextGuard> {
    is_alive().then(|| cx.attach())
}
