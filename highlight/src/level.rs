//! Severity of a log record.

use std::{fmt, str::FromStr};

/// The severity of a log record or an error.
///
/// The server reads severity from the record's text only (C§7.2), so these six are exactly the
/// names it knows; anything else would be stored as `info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Finest detail.
    Trace,
    /// Detail for developers.
    Debug,
    /// What a service normally says.
    Info,
    /// Something to look at.
    Warn,
    /// Something failed.
    Error,
    /// The process or a task ended because of it; what panics are reported as.
    Fatal,
}

impl Level {
    const ALL: [Self; 6] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// The level's name as the server spells it: lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

impl Level {
    /// The nearest level that `tracing` has.
    pub(crate) const fn to_tracing(self) -> tracing::Level {
        match self {
            Self::Trace => tracing::Level::TRACE,
            Self::Debug => tracing::Level::DEBUG,
            Self::Info => tracing::Level::INFO,
            Self::Warn => tracing::Level::WARN,
            Self::Error | Self::Fatal => tracing::Level::ERROR,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Reads a level's [name](Level::as_str), in any case.
impl FromStr for Level {
    type Err = ParseLevelError;

    fn from_str(name: &str) -> Result<Self, ParseLevelError> {
        let named = |level: &Self| level.as_str().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(named).ok_or(ParseLevelError(()))
    }
}

/// Why a text names no [`Level`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such level: write `trace`, `debug`, `info`, `warn`, `error` or `fatal`")]
pub struct ParseLevelError(());

impl From<tracing::Level> for Level {
    fn from(level: tracing::Level) -> Self {
        match level {
            tracing::Level::TRACE => Self::Trace,
            tracing::Level::DEBUG => Self::Debug,
            tracing::Level::INFO => Self::Info,
            tracing::Level::WARN => Self::Warn,
            tracing::Level::ERROR => Self::Error,
        }
    }
}

impl From<log::Level> for Level {
    fn from(level: log::Level) -> Self {
        match level {
            log::Level::Trace => Self::Trace,
            log::Level::Debug => Self::Debug,
            log::Level::Info => Self::Info,
            log::Level::Warn => Self::Warn,
            log::Level::Error => Self::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_reads_back_what_it_displays() {
        for level in Level::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
            assert_eq!(level.as_str().to_uppercase().parse(), Ok(level));
        }
        for name in ["", "warning", "off", " info"] {
            assert_eq!(name.parse::<Level>(), Err(ParseLevelError(())), "{name}");
        }
        assert_eq!(format!("[{:<5}]", Level::Info), "[info ]");
    }
}
