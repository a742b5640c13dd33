//! Which kinds of telemetry are sent.

use std::{fmt, ops::BitOr, str::FromStr};

use super::error::Remedy;

/// A set of signals: which kinds of telemetry leave the process.
///
/// ```
/// use highlight::Signals;
///
/// let quiet = Signals::ALL.without(Signals::METRICS);
/// assert!(quiet.contains(Signals::TRACES | Signals::LOGS));
/// assert!(!Signals::ERRORS.contains(Signals::LOGS));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signals(u8);

impl Signals {
    /// Spans.
    pub const TRACES: Self = Self(1);
    /// Log records that are not errors.
    pub const LOGS: Self = Self(1 << 1);
    /// Errors and panics. Alone it is the errors-only preset: no log line and no span leaves the process.
    pub const ERRORS: Self = Self(1 << 2);
    /// Metrics.
    pub const METRICS: Self = Self(1 << 3);
    /// Everything; the default.
    pub const ALL: Self = Self(0b1111);
    /// Nothing.
    pub const NONE: Self = Self(0);

    const NAMED: [(&'static str, Self); 4] = [
        ("traces", Self::TRACES),
        ("logs", Self::LOGS),
        ("errors", Self::ERRORS),
        ("metrics", Self::METRICS),
    ];

    /// These signals and those of `other`; the same as `|`, in constants too.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These signals except those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all signals of `other` are in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Reads `HIGHLIGHT_SIGNALS`: names separated by commas, or `all`, or `none`.
    pub(super) fn parse(text: &str) -> Result<Self, Remedy> {
        text.split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .try_fold(Self::NONE, |signals, name| Ok(signals | Self::named(&name)?))
    }

    fn named(name: &str) -> Result<Self, Remedy> {
        match name {
            "all" => Ok(Self::ALL),
            "none" | "" => Ok(Self::NONE),
            _ => Self::NAMED.iter().find_map(|(known, signal)| (*known == name).then_some(*signal)).ok_or(
                Remedy::Borrowed("list any of `traces`, `logs`, `errors`, `metrics`, or say `all` or `none`"),
            ),
        }
    }
}

/// [`ALL`](Self::ALL).
impl Default for Signals {
    fn default() -> Self {
        Self::ALL
    }
}

/// Reads what [`Display`](fmt::Display) writes, in any case, with spaces around the names.
impl FromStr for Signals {
    type Err = ParseSignalsError;

    fn from_str(text: &str) -> Result<Self, ParseSignalsError> {
        Self::parse(text).map_err(ParseSignalsError)
    }
}

/// Why a text names no [`Signals`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such signal: {0}")]
pub struct ParseSignalsError(Remedy);

impl BitOr for Signals {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.with(other)
    }
}

/// The names as `HIGHLIGHT_SIGNALS` takes them: `errors,logs`, `all`, `none`.
impl fmt::Display for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ALL => f.write_str("all"),
            Self::NONE => f.write_str("none"),
            _ => {
                let mut separator = "";
                for (name, signal) in Self::NAMED {
                    if self.contains(signal) {
                        write!(f, "{separator}{name}")?;
                        separator = ",";
                    }
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signals({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_reads_back_what_it_displays() {
        for bits in 0..=Signals::ALL.0 {
            let signals = Signals(bits);
            assert_eq!(signals.to_string().parse(), Ok(signals));
        }
    }

    #[test]
    fn spelling_is_forgiving_but_unknown_names_are_refused() {
        assert_eq!(Signals::parse(" Errors , LOGS,"), Ok(Signals::ERRORS | Signals::LOGS));
        assert_eq!(Signals::parse("all,traces"), Ok(Signals::ALL), "a name may be listed twice");
        for text in ["error", "errors;logs", "true"] {
            let error = text.parse::<Signals>().unwrap_err().to_string();
            assert!(error.contains("list any of `traces`"), "{text}: {error}");
        }
    }

    #[test]
    fn sets_add_and_subtract() {
        let set = Signals::ALL.without(Signals::METRICS | Signals::TRACES);
        assert_eq!(set, Signals::LOGS | Signals::ERRORS);
        assert!(set.contains(Signals::LOGS));
        assert!(!set.contains(Signals::LOGS | Signals::TRACES));
        assert!(set.contains(Signals::NONE));
        assert_eq!(format!("{set:?}"), "Signals(logs,errors)");
    }
}
