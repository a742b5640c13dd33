//! Metrics, for plots.

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::{super::time::Timestamp, QueryError, Reader, from_json};
use crate::model::Attributes;

/// What a metric's points are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum MetricKind {
    /// A value that goes up and down.
    Gauge,
    /// A sum.
    Sum,
    /// A histogram with explicit bounds.
    Histogram,
    /// A summary.
    Summary,
}

impl MetricKind {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Sum => "sum",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }

    fn of(text: &str) -> Self {
        [Self::Sum, Self::Histogram, Self::Summary]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .unwrap_or(Self::Gauge)
    }
}

/// A metric that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MetricName {
    /// The instrument's name.
    pub name: String,
    /// What its points are.
    pub kind: MetricKind,
    /// The instrument's unit.
    pub unit: String,
    /// The instrument's description.
    pub description: String,
    /// How many combinations of service and attributes it has.
    pub series: u64,
}

/// Which points of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricQuery {
    /// The instrument's name.
    pub name: String,
    /// Only since then. Default: all.
    pub since: Option<Timestamp>,
    /// The newest so many points of each series: 1 to 2,000. Default: 500.
    pub points: usize,
}

impl MetricQuery {
    /// The newest points of the metric of this name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), since: None, points: 500 }
    }
}

/// The points of one combination of service and attributes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Series {
    /// The service.
    pub service: String,
    /// What its points are.
    pub kind: MetricKind,
    /// The instrument's unit.
    pub unit: String,
    /// The attributes of its points.
    pub attributes: Attributes,
    /// Its points by time.
    pub points: Vec<Point>,
}

/// A data point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Point {
    /// The time of receipt, as the server stores it (C§9).
    pub time: Timestamp,
    /// The number; of a histogram or summary, the sum.
    pub value: f64,
    /// Of a histogram or summary, the number of measurements.
    pub count: Option<u64>,
    /// The rest of a histogram or summary.
    pub detail: Option<PointDetail>,
}

/// What a histogram or a summary has beside count and sum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PointDetail {
    /// Of a histogram.
    Histogram {
        /// The upper bounds of all buckets but the last.
        bounds: Vec<f64>,
        /// Measurements in each bucket.
        buckets: Vec<u64>,
        /// The smallest, where sent.
        min: Option<f64>,
        /// The largest, where sent.
        max: Option<f64>,
    },
    /// Of a summary.
    Summary {
        /// Pairs of quantile and value.
        quantiles: Vec<(f64, f64)>,
    },
}

impl Reader {
    /// The metrics seen, by name; at most 1,000.
    pub fn metrics(&self) -> Result<Vec<MetricName>, QueryError> {
        let sql = "SELECT name, kind, unit, max(description), count(*) FROM series
             GROUP BY name, kind, unit ORDER BY name, kind, unit LIMIT 1000";
        self.with(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let make = |row: &rusqlite::Row<'_>| {
                Ok(MetricName {
                    name: row.get(0)?,
                    kind: MetricKind::of(&row.get::<_, String>(1)?),
                    unit: row.get(2)?,
                    description: row.get(3)?,
                    series: row.get(4)?,
                })
            };
            statement.query_map([], make)?.collect()
        })
    }

    /// The series of a metric, the last to grow first; at most 50.
    pub fn metric(&self, query: &MetricQuery) -> Result<Vec<Series>, QueryError> {
        let sql = "SELECT id, kind, unit, attributes,
             coalesce((SELECT name FROM services WHERE id = series.service), '')
             FROM series WHERE name = ?1 ORDER BY last_seq DESC LIMIT 50";
        self.with(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([&query.name])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(Series {
                    service: row.get(4)?,
                    kind: MetricKind::of(&row.get::<_, String>(1)?),
                    unit: row.get(2)?,
                    attributes: from_json(&row.get::<_, String>(3)?),
                    points: points(connection, row.get(0)?, query)?,
                });
            }
            Ok(found)
        })
    }
}

fn points(connection: &Connection, series: i64, query: &MetricQuery) -> rusqlite::Result<Vec<Point>> {
    const MOST: usize = 2_000;
    let sql = "SELECT time, value, count, detail FROM points WHERE series = ?1 AND time >= ?2
         ORDER BY time DESC, seq DESC LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let make = |row: &rusqlite::Row<'_>| {
        Ok(Point {
            time: row.get(0)?,
            value: row.get(1)?,
            count: row.get(2)?,
            detail: row.get::<_, Option<String>>(3)?.and_then(|text| serde_json::from_str(&text).ok()),
        })
    };
    let parameters = params![series, query.since.unwrap_or_default(), query.points.clamp(1, MOST)];
    let mut found: Vec<Point> = statement.query_map(parameters, make)?.collect::<Result<_, _>>()?;
    found.reverse();
    Ok(found)
}
