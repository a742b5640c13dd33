//! Times: what is missing or too far away becomes the time of receipt (C§3.4).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::note::ChangeReason;

/// How far from now a time may be.
const CREDIBLE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A point in time from OTLP's nanoseconds.
pub(super) fn from_nanos(nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos)
}

/// Replaces a time the server does not believe.
pub(super) fn believed(time: SystemTime, now: SystemTime) -> (SystemTime, Option<ChangeReason>) {
    let distance = now.duration_since(time).unwrap_or_else(|later| later.duration());
    if distance <= CREDIBLE {
        (time, None)
    } else if time == UNIX_EPOCH {
        (now, Some(ChangeReason::TimeMissing))
    } else {
        (now, Some(ChangeReason::TimeOutOfRange))
    }
}

/// What is left of a time on a log row.
pub(super) fn whole_seconds(time: SystemTime) -> SystemTime {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs())
}
