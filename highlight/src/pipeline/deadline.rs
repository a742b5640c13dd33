//! A point in time by which something must be over.

use std::time::{Duration, Instant};

/// Now plus a duration; a duration too long to add (`Duration::MAX`, say) means never.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    pub(crate) fn after(timeout: Duration) -> Self {
        Self(Instant::now().checked_add(timeout))
    }

    /// What is left; `None` if the deadline never comes, zero if it has passed.
    pub(crate) fn remaining(self) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Leaves time for what is to be done by the deadline after giving up: a quarter, of at most half a second.
    pub(super) fn early(self) -> Self {
        let reserve = |left: Duration| (left / 4).min(Duration::from_millis(500));
        match (self.0, self.remaining()) {
            (Some(at), Some(left)) => Self(at.checked_sub(reserve(left))),
            _ => self,
        }
    }

    pub(super) fn has_passed(self) -> bool {
        self.remaining().is_some_and(|left| left.is_zero())
    }
}

/// A point in time, or one that is as good as never if the duration is too long to add.
pub(super) fn later(now: Instant, duration: Duration) -> Instant {
    const AS_GOOD_AS_NEVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
    now.checked_add(duration).or_else(|| now.checked_add(AS_GOOD_AS_NEVER)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_beyond_the_clock_never_passes() {
        let never = Deadline::after(Duration::MAX);
        assert_eq!(never.remaining(), None);
        assert!(!never.has_passed());
    }

    #[test]
    fn a_zero_timeout_has_passed() {
        assert!(Deadline::after(Duration::ZERO).has_passed());
        assert!(!Deadline::after(Duration::from_secs(3600)).has_passed());
    }

    #[test]
    fn later_is_never_earlier() {
        let now = Instant::now();
        for duration in [Duration::ZERO, Duration::from_secs(1), Duration::MAX] {
            assert!(later(now, duration) >= now + duration.min(Duration::from_secs(1)));
        }
    }
}
