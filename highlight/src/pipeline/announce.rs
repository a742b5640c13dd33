//! What the pipeline says about itself: one line per change of state, never one per item or try.
//!
//! [`Announcer`] decides what is to be said, [`announce`] says it. No line holds a header or a body.

use std::{
    fmt, io, mem,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{Level, say};

/// The same kind of loss is mentioned once in this time, with what was lost since.
const QUIET: Duration = Duration::from_secs(60);

/// How a line is said: [`announce`], unless a test listens.
#[derive(Clone)]
pub(crate) struct Voice(pub(super) Arc<dyn Fn(&Line) + Send + Sync>);

impl Default for Voice {
    fn default() -> Self {
        Self(Arc::new(announce))
    }
}

impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Voice")
    }
}

/// Something to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(super) level: Level,
    pub(super) text: String,
}

/// A loss that is not explained by an endpoint that is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    Rejected,
    TooLarge,
    QueueFull,
    Spool,
    Internal,
}

/// Remembers what has been said.
#[derive(Debug)]
pub(super) struct Announcer {
    endpoint: String,
    capacity: usize,
    /// Items lost so far when the endpoint went away; `None` while it answers.
    away_since: Option<u64>,
    losses: [Mention; 5],
    queue_full: u64,
    spool_fails: bool,
}

#[derive(Debug, Default)]
struct Mention {
    last: Option<Instant>,
    unsaid: u64,
}

impl Announcer {
    pub(super) fn new(endpoint: String, capacity: usize) -> Self {
        Self {
            endpoint,
            capacity,
            away_since: None,
            losses: Default::default(),
            queue_full: 0,
            spool_fails: false,
        }
    }

    /// A try failed; `is_last` if it will not be repeated, and what is lost by it is said by who asked for the end. `lost` counts all
    /// items lost up to now.
    pub(super) fn unreachable(&mut self, reason: &str, is_last: bool, lost: u64) -> Option<Line> {
        if self.away_since.is_some() {
            return None;
        }
        self.away_since = Some(lost);
        let Self { endpoint, capacity, .. } = self;
        let promise =
            if is_last { String::new() } else { format!("; retrying, up to {capacity} items are kept") };
        let text = format!("cannot deliver telemetry to {endpoint}: {reason}{promise}");
        Some(Line { level: Level::Warn, text })
    }

    /// The spool cannot be written, or can again; each change once.
    pub(super) fn spool(&mut self, path: &Path, failure: Option<&io::Error>) -> Option<Line> {
        if mem::replace(&mut self.spool_fails, failure.is_some()) == failure.is_some() {
            return None;
        }
        let path = path.display();
        Some(match failure {
            Some(error) => Line {
                level: Level::Warn,
                text: format!("cannot keep telemetry in the spool {path}: {error}; it is kept in memory"),
            },
            None => Line { level: Level::Info, text: format!("keeping telemetry in the spool {path} again") },
        })
    }

    /// The server answered, whatever it said.
    pub(super) fn reachable(&mut self, lost: u64) -> Option<Line> {
        let lost = lost - self.away_since.take()?;
        let endpoint = &self.endpoint;
        Some(Line {
            level: Level::Info,
            text: format!("delivering telemetry to {endpoint} again; items lost meanwhile: {lost}"),
        })
    }

    /// Items were lost for another reason.
    pub(super) fn loss(&mut self, loss: Loss, items: u64, reason: &str, now: Instant) -> Option<Line> {
        let mention = &mut self.losses[loss as usize];
        mention.unsaid += items;
        if mention.last.is_some_and(|last| now.duration_since(last) < QUIET) {
            return None;
        }
        mention.last = Some(now);
        let items = mem::take(&mut mention.unsaid);
        let endpoint = &self.endpoint;
        let text = match loss {
            Loss::Rejected => format!("{endpoint} refuses telemetry: {reason}"),
            Loss::TooLarge => format!("telemetry larger than {endpoint} accepts: {reason}"),
            Loss::QueueFull => format!("more telemetry than {endpoint} takes: {reason}"),
            Loss::Spool => format!("telemetry in the spool was lost: {reason}"),
            Loss::Internal => format!("contained a panic while {reason}; telemetry goes on"),
        };
        Some(Line { level: Level::Warn, text: format!("{text}; items lost: {items}") })
    }

    /// Compares with the number of items the full queue has dropped. While the endpoint is away that needs
    /// no line of its own.
    pub(super) fn queue_full(&mut self, total: u64, now: Instant) -> Option<Line> {
        let items = total - mem::replace(&mut self.queue_full, total);
        if items == 0 || self.away_since.is_some() {
            return None;
        }
        let reason = format!("the queue of {} items was full", self.capacity);
        self.loss(Loss::QueueFull, items, &reason, now)
    }
}

/// Says a line. The worker's context suppresses telemetry, so our own layer leaves it to the console.
pub(super) fn announce(line: &Line) {
    say::line(line.level, &line.text);
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::{Layer, layer::SubscriberExt};

    use super::*;

    fn announcer() -> Announcer {
        Announcer::new("http://h:4318".to_owned(), 100)
    }

    #[test]
    fn an_outage_is_two_lines_however_long_it_lasts() {
        let mut announcer = announcer();
        let first = announcer.unreachable("connection refused", false, 5).unwrap();
        assert_eq!(first.level, Level::Warn);
        for word in ["http://h:4318", "connection refused", "100 items"] {
            assert!(first.text.contains(word), "{}", first.text);
        }
        for lost in 6..1000 {
            for is_last in [false, true] {
                assert_eq!(announcer.unreachable("connection refused", is_last, lost), None);
            }
        }
        let back = announcer.reachable(47).unwrap();
        assert_eq!(back.level, Level::Info);
        assert!(back.text.contains("lost meanwhile: 42"), "{}", back.text);
        assert_eq!(announcer.reachable(47), None);
        assert!(announcer.unreachable("timeout", false, 47).is_some());
    }

    #[test]
    fn at_the_end_an_endpoint_that_is_away_is_one_line_whatever_is_left_to_send() {
        let mut announcer = announcer();
        let line = announcer.unreachable("connection refused", true, 0).unwrap();
        assert!(line.text.ends_with("connection refused"), "nothing is retried: {}", line.text);
        for lost in 1..4 {
            assert_eq!(announcer.unreachable("connection refused", true, lost), None);
        }
    }

    #[test]
    fn losses_of_a_kind_are_summed_up_once_a_minute() {
        let mut announcer = announcer();
        let start = Instant::now();
        let text = |line: Option<Line>| line.map(|line| line.text);
        let first = text(announcer.loss(Loss::Rejected, 2, "status 400", start)).unwrap();
        assert!(first.contains("lost: 2") && first.contains("status 400"), "{first}");
        assert_eq!(announcer.loss(Loss::Rejected, 3, "status 400", start + QUIET / 2), None);
        assert!(announcer.loss(Loss::Internal, 1, "encoding", start).is_some(), "another kind");
        let next = text(announcer.loss(Loss::Rejected, 4, "status 401", start + QUIET)).unwrap();
        assert!(next.contains("lost: 7"), "{next}");
    }

    #[test]
    fn a_full_queue_is_mentioned_unless_the_outage_explains_it() {
        let mut announcer = announcer();
        let now = Instant::now();
        assert_eq!(announcer.queue_full(0, now), None);
        assert!(announcer.queue_full(3, now).unwrap().text.contains("lost: 3"));
        announcer.unreachable("timeout", false, 3);
        assert_eq!(announcer.queue_full(9, now + QUIET * 2), None);
        announcer.reachable(9);
        assert_eq!(announcer.queue_full(9, now + QUIET * 2), None);
    }

    #[test]
    fn a_line_is_an_event_of_our_target() {
        struct Seen(Arc<Mutex<Vec<(String, tracing::Level)>>>);
        impl<S: tracing::Subscriber> Layer<S> for Seen {
            fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
                let metadata = event.metadata();
                let seen = (metadata.target().to_owned(), *metadata.level());
                self.0.lock().unwrap().push(seen);
            }
        }
        let seen = Arc::default();
        let subscriber = tracing_subscriber::registry().with(Seen(Arc::clone(&seen)));
        tracing::subscriber::with_default(subscriber, || {
            for level in [Level::Warn, Level::Info] {
                announce(&Line { level, text: "t".to_owned() });
            }
        });
        let expected =
            [tracing::Level::WARN, tracing::Level::INFO].map(|level| ("highlight".to_owned(), level));
        assert_eq!(*seen.lock().unwrap(), expected);
    }

    #[test]
    fn a_subscriber_that_panics_is_contained() {
        struct Broken;
        impl<S: tracing::Subscriber> Layer<S> for Broken {
            fn on_event(&self, _: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
                panic!("broken subscriber");
            }
        }
        let subscriber = tracing_subscriber::registry().with(Broken);
        tracing::subscriber::with_default(subscriber, || {
            announce(&Line { level: Level::Warn, text: "t".to_owned() });
        });
    }
}
