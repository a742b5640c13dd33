//! What to do after a try: which answers are final, which are worth another try, and when.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    time::{Duration, SystemTime},
};

use super::transport::{Answer, Failure};

/// The longest wait a server can ask for: one wrong header must not silence a service for a day.
const MAX_ASKED: Duration = Duration::from_secs(300);

/// What an answer, or none, means for the items of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Accepted, but for this many items.
    Delivered { rejected: u64 },
    /// Worth another try, not before what the server asks for.
    Retry { after: Option<Duration> },
    /// Smaller requests may pass.
    TooLarge,
    /// Refused for good.
    Rejected,
}

/// Judges an answer.
///
/// Tried again: no answer, and the OTLP statuses 429, 502, 503, 504 (OTLP/HTTP, "Failures"), plus 408, with
/// which a server or proxy asks for the request to be repeated (RFC 9110 §15.5.9). Not 425: it is about
/// early data, which is never used here. Not 500: the same bytes would fail again, and OTLP forbids it.
/// Redirects are not followed and count as refused.
pub(super) fn judge(outcome: &Result<Answer, Failure>) -> Verdict {
    match outcome {
        Err(_) => Verdict::Retry { after: None },
        Ok(answer) => match answer.status {
            200..=299 => Verdict::Delivered { rejected: answer.rejected },
            408 | 429 | 502 | 503 | 504 => Verdict::Retry { after: answer.retry_after },
            413 => Verdict::TooLarge,
            _ => Verdict::Rejected,
        },
    }
}

/// Reads `Retry-After`: seconds, or a date (RFC 9110 §10.2.3). Nonsense is ignored.
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() {
        // So many digits that they do not fit mean "very long".
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

/// The waits between tries: the first, and what it doubles up to. Default 250 ms and 30 s.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delays {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        Self { first: Duration::from_millis(250), longest: Duration::from_secs(30) }
    }
}

impl Delays {
    /// `chance` of 0 gives half of the full delay, `u32::MAX` nearly all of it.
    fn after(self, failures: u32, chance: u32) -> Duration {
        let full = self.first.saturating_mul(2_u32.saturating_pow(failures)).min(self.longest);
        let half = full / 2;
        half + half.mul_f64(f64::from(chance) / f64::from(u32::MAX))
    }
}

/// How long to wait before the next try.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    delays: Delays,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(delays: Delays) -> Self {
        Self { delays, failures: 0 }
    }

    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure: doubling from the first to the longest, of which up to half is left to
    /// chance so that a fleet does not come back in step; at least what the server asked for, up to 5 minutes.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let delay = self.delays.after(self.failures, chance());
        self.failures = self.failures.saturating_add(1);
        delay.max(asked.unwrap_or_default().min(MAX_ASKED))
    }
}

/// A random number from the keys of the standard hasher: good enough for jitter.
fn chance() -> u32 {
    let hash = RandomState::new().build_hasher().finish();
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(status: u16) -> Answer {
        Answer { status, retry_after: Some(Duration::from_secs(7)), rejected: 3 }
    }

    #[test]
    fn every_status_has_its_verdict() {
        for status in 100..600 {
            let expected = match status {
                200..=299 => Verdict::Delivered { rejected: 3 },
                408 | 429 | 502 | 503 | 504 => Verdict::Retry { after: Some(Duration::from_secs(7)) },
                413 => Verdict::TooLarge,
                _ => Verdict::Rejected,
            };
            assert_eq!(judge(&Ok(answer(status))), expected, "{status}");
        }
    }

    #[test]
    fn no_answer_is_worth_another_try() {
        let verdict = judge(&Err(Failure("connection refused".to_owned())));
        assert_eq!(verdict, Verdict::Retry { after: None });
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        // Sun, 06 Nov 1994 08:49:37 GMT, the RFC's own example.
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let table = [
            ("120", Some(120)),
            (" 5 ", Some(5)),
            ("0", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(37)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ];
        let now = date - Duration::from_secs(37);
        for (value, seconds) in table {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value:?}");
        }
    }

    #[test]
    fn the_delay_doubles_up_to_its_maximum() {
        let full = |failures| Delays::default().after(failures, u32::MAX);
        assert_eq!(full(0), Duration::from_millis(250));
        assert_eq!(full(1), Duration::from_millis(500));
        assert_eq!(full(6), Duration::from_secs(16));
        assert_eq!(full(7), Duration::from_secs(30));
        assert_eq!(full(u32::MAX), Duration::from_secs(30));
    }

    #[test]
    fn a_reset_starts_over_and_the_server_is_heard_within_reason() {
        let mut backoff = Backoff::default();
        let Delays { first, longest } = backoff.delays;
        for _ in 0..20 {
            backoff.next(None);
        }
        assert!(backoff.next(None) >= longest / 2);
        backoff.reset();
        assert!(backoff.next(None) <= first);
        assert_eq!(backoff.next(Some(Duration::from_secs(60))), Duration::from_secs(60));
        assert_eq!(backoff.next(Some(Duration::MAX)), MAX_ASKED);
    }

    proptest! {
        #[test]
        fn chance_takes_at_most_half(failures: u32, chance: u32) {
            let full = Delays::default().after(failures, u32::MAX);
            let delay = Delays::default().after(failures, chance);
            prop_assert!(delay >= full / 2 && delay <= full);
        }

        #[test]
        fn retry_after_never_panics(value: String) {
            let _ = retry_after(&value, SystemTime::now());
        }
    }

    #[test]
    fn two_chances_differ() {
        let first = chance();
        assert!((0..20).any(|_| chance() != first));
    }
}
