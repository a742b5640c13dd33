//! Whether the program has all telemetry switched off, as one load tells.

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

static SWITCH: AtomicU8 = AtomicU8::new(UNKNOWN);

/// No client was started, or none that says it for the whole process.
const UNKNOWN: u8 = 0;
/// The process-wide client is disabled, and no client was ever enabled.
const OFF: u8 = 1;
/// A client was enabled. It may be another than the process-wide one, so that each look-up has to find its own.
const ON: u8 = 2;

/// Whether nothing of this process is recorded by any client, as far as this thread can know.
pub(crate) fn is_off() -> bool {
    // Who hands a client to another thread hands this on with it.
    SWITCH.load(Relaxed) == OFF
}

/// A client that records was started: from now on there may be something to do.
pub(crate) fn turn_on() {
    SWITCH.store(ON, Relaxed);
}

/// The process-wide client is a disabled one.
pub(crate) fn turn_off() {
    // Fails if another client is enabled.
    let _ = SWITCH.compare_exchange(UNKNOWN, OFF, Relaxed, Relaxed);
}
