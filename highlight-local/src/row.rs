//! One thing in the store.

use std::sync::Arc;

use crate::{
    model::{ErrorObject, Log, Metric, Origin, Span},
    note::{Changed, Dropped},
};

/// A stored row or a note, cheap to clone.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Row {
    /// A span.
    Span(Arc<Span>),
    /// A log row.
    Log(Arc<Log>),
    /// An error.
    Error(Arc<ErrorObject>),
    /// A data point.
    Metric(Arc<Metric>),
    /// Something that was not stored.
    Dropped(Arc<Dropped>),
    /// Something that was stored differently.
    Changed(Arc<Changed>),
}

impl Row {
    /// Project, session, request and service.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Span(span) => &span.origin,
            Self::Log(log) => &log.origin,
            Self::Error(error) => &error.origin,
            Self::Metric(metric) => &metric.origin,
            Self::Dropped(note) => &note.subject.origin,
            Self::Changed(note) => &note.subject.origin,
        }
    }
}

macro_rules! row_from {
    ($($type:ident => $variant:ident),*) => {
        $(impl From<$type> for Row {
            fn from(row: $type) -> Self {
                Self::$variant(Arc::new(row))
            }
        })*
    };
}

row_from!(Span => Span, Log => Log, ErrorObject => Error, Metric => Metric, Dropped => Dropped, Changed => Changed);
