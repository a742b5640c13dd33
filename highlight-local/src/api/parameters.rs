//! The part of an address behind the question mark.

use std::{collections::BTreeMap, fmt::Display, str::FromStr, time::Duration};

use axum::{
    extract::{FromRequestParts, Query},
    http::{StatusCode, request::Parts},
};

use crate::{
    archive::{ErrorQuery, LogQuery, MetricQuery, NoteQuery, Page, RequestQuery, SessionQuery, Timestamp},
    model::Level,
};

/// What is wrong with a request.
pub(crate) type Wrong = (StatusCode, String);

fn wrong(text: impl Display) -> Wrong {
    (StatusCode::BAD_REQUEST, format!("{text}\n"))
}

/// Named texts, each to be taken once.
pub(crate) struct Parameters(BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Wrong;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Wrong> {
        let Query(pairs) = Query::from_request_parts(parts, state).await.map_err(wrong)?;
        Ok(Self(pairs))
    }
}

impl Parameters {
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    pub(crate) fn read<T: FromStr<Err: Display>>(&mut self, name: &str) -> Result<Option<T>, Wrong> {
        let read = |value: String| value.parse().map_err(|error| wrong(format!("{name}={value}: {error}")));
        self.text(name).map(read).transpose()
    }

    pub(crate) fn page(&mut self) -> Result<Page, Wrong> {
        let limit = self.read("limit")?.unwrap_or(Page::default().limit);
        Ok(Page { limit, before: self.read("before")? })
    }

    /// So many minutes before now.
    fn since(&mut self, default: Option<u64>) -> Result<Option<Timestamp>, Wrong> {
        let minutes = self.read::<u64>("minutes")?.or(default);
        Ok(minutes.map(|minutes| Timestamp::now().before(Duration::from_secs(minutes.saturating_mul(60)))))
    }

    /// There must be none left.
    pub(crate) fn none(self) -> Result<(), Wrong> {
        match self.0.keys().next() {
            Some(name) => Err(wrong(format!("there is no parameter {name} here, or it is named twice"))),
            None => Ok(()),
        }
    }

    pub(crate) fn sessions(mut self) -> Result<SessionQuery, Wrong> {
        let query = SessionQuery { page: self.page()?, text: self.text("text") };
        self.none()?;
        Ok(query)
    }

    pub(crate) fn requests(mut self) -> Result<RequestQuery, Wrong> {
        let query = RequestQuery { page: self.page()?, text: self.text("text") };
        self.none()?;
        Ok(query)
    }

    /// The first of the rows to show.
    pub(crate) fn from(mut self) -> Result<usize, Wrong> {
        let from = self.read("from")?.unwrap_or(0);
        self.none()?;
        Ok(from)
    }

    pub(crate) fn logs(mut self) -> Result<LogQuery, Wrong> {
        let query = LogQuery {
            page: self.page()?,
            after: self.read("after")?,
            level: self.read::<Level>("level")?,
            service: self.text("service"),
            session: self.text("session"),
            trace: self.text("trace"),
            text: self.text("text"),
        };
        self.none()?;
        Ok(query)
    }

    pub(crate) fn errors(mut self) -> Result<ErrorQuery, Wrong> {
        let query = ErrorQuery {
            page: self.page()?,
            after: self.read("after")?,
            group: self.read("group")?,
            service: self.text("service"),
            session: self.text("session"),
            trace: self.text("trace"),
            text: self.text("text"),
        };
        self.none()?;
        Ok(query)
    }

    /// Since when, and in how many buckets.
    pub(crate) fn histogram(mut self) -> Result<(Timestamp, usize), Wrong> {
        const DAY: u64 = 24 * 60;
        let since = self.since(Some(DAY))?.unwrap_or_default();
        let buckets = self.read("buckets")?.unwrap_or(60);
        self.none()?;
        Ok((since, buckets))
    }

    pub(crate) fn notes(mut self) -> Result<NoteQuery, Wrong> {
        let query = NoteQuery {
            page: self.page()?,
            dropped: self.read("dropped")?,
            code: self.text("code"),
            service: self.text("service"),
        };
        self.none()?;
        Ok(query)
    }

    pub(crate) fn metric(mut self, name: String) -> Result<MetricQuery, Wrong> {
        let mut query = MetricQuery::new(name);
        query.since = self.since(None)?;
        query.points = self.read("points")?.unwrap_or(query.points);
        self.none()?;
        Ok(query)
    }
}
