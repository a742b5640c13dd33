//! The program's own say in which errors are reported, and as what.

use std::{borrow::Cow, cell::Cell, error::Error, fmt};

use super::reportable::Subject;
use crate::{Level, callback::Callback};

/// What becomes of an error: the answer of [`Config::error_rule`](crate::Config::error_rule).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorAction {
    /// An error under its own message.
    Report,
    /// An error under this title, which the server groups it by (C§6.4). Its message becomes the attribute `error.message`.
    ///
    /// A title that the report itself gives ([`ErrorReport::title`](crate::ErrorReport::title)) comes first.
    Title(Cow<'static, str>),
    /// A log record of this level in place of an error. The span counts as it would without it.
    Log(Level),
    /// Neither, and other sightings of the same error in the request are none either. The span counts as it would without it, a log line
    /// that shows the error stays a log line, and [`Stats::suppressed`](crate::Stats::suppressed) counts it.
    Ignore,
}

/// An error that is about to be reported: what [`Config::error_rule`](crate::Config::error_rule) decides by.
pub struct ReportedError<'a> {
    pub(super) subject: &'a Subject<'a>,
    pub(super) message: &'a str,
    pub(super) type_name: Option<&'a str>,
}

impl<'a> ReportedError<'a> {
    /// The error itself or, if it is of another type, the first of its causes that is a `T`.
    ///
    /// A text (`error!(error = %e)`) has none. An error that is handed over as `&dyn Error` is seen by its causes alone, since it may borrow;
    /// in a `Box` it is seen itself.
    #[must_use]
    pub fn find<T: Error + 'static>(&self) -> Option<&'a T> {
        self.subject.links().find_map(|link| link.downcast_ref::<T>())
    }

    /// The error's own text, without its causes.
    #[must_use]
    pub fn message(&self) -> &'a str {
        self.message
    }

    /// The name of the error's type, as it is sent in `error.type`.
    #[must_use]
    pub fn type_name(&self) -> Option<&'a str> {
        self.type_name
    }
}

impl fmt::Debug for ReportedError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportedError")
            .field("type_name", &self.type_name)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

type Function = dyn Fn(&ReportedError<'_>) -> ErrorAction + Send + Sync;

/// A program's function, kept from doing harm.
#[derive(Debug, Clone)]
pub(crate) struct ErrorRule(Callback<Function>);

impl ErrorRule {
    pub(crate) fn new(rule: impl Fn(&ReportedError<'_>) -> ErrorAction + Send + Sync + 'static) -> Self {
        thread_local!(static ASKING: Cell<bool> = const { Cell::new(false) });
        Self(Callback::new(
            std::sync::Arc::new(rule),
            &ASKING,
            "the function given to `Config::error_rule` panicked; errors are reported as they are",
        ))
    }

    /// As it is, if the function fails or is what reports.
    pub(super) fn decide(&self, error: &ReportedError<'_>) -> ErrorAction {
        self.0.call(|rule| rule(error)).unwrap_or(ErrorAction::Report)
    }
}
