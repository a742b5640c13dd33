//! Lists of captured records, and what tests ask of them.

use std::{fmt, ops::Deref, sync::Arc};

use super::{ErrorObject, Log, Metric, Span, decode::Received};

/// Captured records of one kind: a slice, with assertions that show everything captured when they fail.
///
/// ```
/// # use highlight::{KeyValue, metrics};
/// let telemetry = highlight::testing::capture();
/// telemetry.in_scope(|| {
///     tracing::info!("1 of 2");
///     tracing::info!("2 of 2");
/// });
/// assert_eq!(telemetry.logs().len(), 2);
/// let second = telemetry.logs().filter(|log| log.message.starts_with('2')).one();
/// assert_eq!(second.level, highlight::Level::Info);
/// telemetry.errors().assert_none();
/// ```
#[derive(Clone)]
pub struct Records<T> {
    found: Vec<T>,
    /// What they are, in the singular: `error with message "declined"`.
    what: String,
    received: Arc<Received>,
}

impl<T: Clone> Records<T> {
    pub(super) fn of(kind: &str, received: Arc<Received>, records: fn(&Received) -> &Vec<T>) -> Self {
        Self { found: records(&received).clone(), what: kind.to_owned(), received }
    }
}

impl<T> Records<T> {
    /// The only one.
    ///
    /// # Panics
    ///
    /// With everything captured, if there is none or more than one.
    #[track_caller]
    #[must_use]
    pub fn one(mut self) -> T {
        match (self.found.pop(), self.found.len()) {
            (Some(one), 0) => one,
            (popped, rest) => {
                let found = rest + usize::from(popped.is_some());
                panic!("expected exactly one {}, found {found}\n\n{}", self.what, self.received)
            }
        }
    }

    /// Asserts that there is none.
    ///
    /// # Panics
    ///
    /// With everything captured, if there is one.
    #[track_caller]
    pub fn assert_none(self) {
        let found = self.found.len();
        assert!(found == 0, "expected no {}, found {found}\n\n{}", self.what, self.received);
    }

    /// Those that meet a condition.
    #[must_use]
    pub fn filter(mut self, mut condition: impl FnMut(&T) -> bool) -> Self {
        self.found.retain(|record| condition(record));
        self.what.push_str(" that meets the condition");
        self
    }

    fn with(mut self, property: &str, value: &str, of: impl Fn(&T) -> &str) -> Self {
        self.found.retain(|record| of(record) == value);
        self.what = format!("{} {property} {value:?}", self.what);
        self
    }
}

impl Records<Span> {
    /// Those of this name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        self.with("named", name, |span| &span.name)
    }
}

impl Records<Metric> {
    /// Those of the instrument with this name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        self.with("named", name, |metric| &metric.name)
    }
}

impl Records<Log> {
    /// Those with exactly this text.
    #[must_use]
    pub fn with_message(self, message: &str) -> Self {
        self.with("with message", message, |log| &log.message)
    }
}

impl Records<ErrorObject> {
    /// Those with exactly this message.
    #[must_use]
    pub fn with_message(self, message: &str) -> Self {
        self.with("with message", message, |error| &error.message)
    }
}

impl<T> Deref for Records<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.found
    }
}

impl<T> IntoIterator for Records<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.found.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Records<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.found.iter()
    }
}

impl<T: fmt::Debug> fmt::Debug for Records<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.found.fmt(f)
    }
}
