//! Exactly once: which errors of a request were reported already.

use std::{
    collections::VecDeque,
    error::Error,
    fmt::{self, Write},
    hash::{DefaultHasher, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Errors remembered per request; beyond it the oldest is forgotten, so that an endless task stays bounded.
const REMEMBERED: usize = 32;
/// Links of a source chain that are looked at.
const CHAIN: usize = 16;

/// The errors of one request that were reported.
///
/// One failure tends to be seen several times on its way up: logged, wrapped, returned, mapped to a response. The first
/// sighting is reported, the others are counted. Two distinct failures with equal texts merge.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<VecDeque<Fingerprint>>);

impl Seen {
    /// Whether this is the first sighting of the error.
    pub(crate) fn first(&self, error: &Fingerprint) -> bool {
        let mut seen = self.lock();
        if knows(&seen, error) {
            return false;
        }
        if seen.len() == REMEMBERED {
            seen.pop_front();
        }
        seen.push_back(error.clone());
        true
    }

    /// Whether the error was sighted before.
    pub(crate) fn knows(&self, error: &Fingerprint) -> bool {
        knows(&self.lock(), error)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Fingerprint>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn knows(seen: &VecDeque<Fingerprint>, error: &Fingerprint) -> bool {
    seen.iter().any(|earlier| earlier.is_same(error))
}

/// By what two sightings of one error are recognised as the same.
#[derive(Debug, Clone)]
pub(crate) enum Fingerprint {
    /// An error value: its own text, that of its root cause, and every text that a log line may show of it.
    Value { outermost: u64, root: u64, texts: Vec<u64> },
    /// Only a text is known, as in `error!(error = %e)`.
    Text(u64),
    /// Only what `Display` and `Debug` show of the error is known.
    Shown([u64; 2]),
}

impl Fingerprint {
    pub(crate) fn of(error: &dyn Error) -> Self {
        let outermost = hash(format_args!("{error}"));
        let mut root = outermost;
        let mut texts = Vec::new();
        let chain = std::iter::successors(Some(error), |&error| error.source());
        for link in chain.take(CHAIN) {
            root = hash(format_args!("{link}"));
            texts.push(root);
            texts.push(hash(format_args!("{link:?}")));
        }
        Self::Value { outermost, root, texts }
    }

    pub(crate) fn of_text(text: &str) -> Self {
        Self::Text(hash(format_args!("{text}")))
    }

    pub(crate) fn of_shown(error: &(impl fmt::Display + fmt::Debug + ?Sized)) -> Self {
        Self::Shown([hash(format_args!("{error}")), hash(format_args!("{error:?}"))])
    }

    fn texts(&self) -> &[u64] {
        match self {
            Self::Value { texts, .. } => texts,
            Self::Text(text) => std::slice::from_ref(text),
            Self::Shown(texts) => texts,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            // One wraps the other. Unlike failures with a like cause, such as "timed out", do not.
            (
                Self::Value { outermost, root, texts },
                Self::Value { outermost: other, root: other_root, texts: other_texts },
            ) => root == other_root && (other_texts.contains(outermost) || texts.contains(other)),
            _ => self.texts().iter().any(|text| other.texts().contains(text)),
        }
    }
}

/// Hashes the first line of what the arguments would print, without keeping it. The rest, a backtrace say, may be
/// long, and costly to make.
fn hash(text: fmt::Arguments<'_>) -> u64 {
    /// More is not looked at.
    const LIMIT: usize = 4 * 1024;

    struct Sink {
        hasher: DefaultHasher,
        room: usize,
    }
    impl Write for Sink {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            let line = part.split('\n').next().unwrap_or_default();
            let taken = &line.as_bytes()[..line.len().min(self.room)];
            self.hasher.write(taken);
            self.room -= taken.len();
            // An error stops the formatting.
            if taken.len() == part.len() { Ok(()) } else { Err(fmt::Error) }
        }
    }
    let mut sink = Sink { hasher: DefaultHasher::new(), room: LIMIT };
    let _ = sink.write_fmt(text);
    sink.hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Link(&'static str, Option<Box<Link>>);

    impl fmt::Display for Link {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Link {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|source| source as _)
        }
    }

    fn chain(texts: &[&'static str]) -> Link {
        let (first, rest) = texts.split_first().unwrap();
        Link(first, (!rest.is_empty()).then(|| Box::new(chain(rest))))
    }

    #[test]
    fn sightings_of_one_error_are_recognised() {
        let error = chain(&["checkout failed", "payment declined", "card expired"]);
        let same: &[Fingerprint] = &[
            Fingerprint::of(&error),
            Fingerprint::of(&chain(&["card expired"])),
            Fingerprint::of(&chain(&["wrapped", "checkout failed", "payment declined", "card expired"])),
            Fingerprint::of_text("checkout failed"),
            Fingerprint::of_text("payment declined"),
            Fingerprint::of_text(&format!("{error:?}")),
            Fingerprint::of_shown(&error),
        ];
        for (n, sighting) in same.iter().enumerate() {
            let seen = Seen::default();
            assert!(seen.first(&Fingerprint::of(&error)));
            assert!(!seen.first(sighting), "sighting {n} after the value");
            let seen = Seen::default();
            assert!(seen.first(sighting));
            assert!(!seen.first(&Fingerprint::of(&error)), "the value after sighting {n}");
        }
    }

    #[test]
    fn errors_with_another_root_are_distinct() {
        let seen = Seen::default();
        assert!(seen.first(&Fingerprint::of(&chain(&["request failed", "timeout"]))));
        assert!(seen.first(&Fingerprint::of(&chain(&["request failed", "refused"]))));
        assert!(seen.first(&Fingerprint::of_text("something else")));
    }

    #[test]
    fn memory_is_bounded() {
        let seen = Seen::default();
        for n in 0..1000 {
            assert!(seen.first(&Fingerprint::of_text(&n.to_string())));
        }
        assert_eq!(seen.0.lock().unwrap().len(), REMEMBERED);
    }
}
