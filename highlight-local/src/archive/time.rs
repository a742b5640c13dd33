//! Times as the database and JSON have them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment, to the nanosecond, until the year 2262.
///
/// In JSON it is a number of milliseconds since 1970, with a fraction, as JavaScript's `Date` takes it: exact to
/// a quarter of a microsecond.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const NANOS_PER_MILLI: i64 = 1_000_000;

impl Timestamp {
    /// From nanoseconds since 1970.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Now.
    #[must_use]
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// This long before; not before 1970.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos_of(duration)).max(0))
    }
}

/// A duration in nanoseconds; one of more than 292 years is cut to that.
pub(super) fn nanos_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

impl From<SystemTime> for Timestamp {
    /// Before 1970 is 1970.
    fn from(time: SystemTime) -> Self {
        Self(nanos_of(time.duration_since(UNIX_EPOCH).unwrap_or_default()))
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        UNIX_EPOCH + Duration::from_nanos(u64::try_from(time.0).unwrap_or_default())
    }
}

impl Serialize for Timestamp {
    #[expect(clippy::cast_precision_loss, reason = "whole and fraction apart lose next to nothing")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (whole, fraction) = (self.0 / NANOS_PER_MILLI, self.0 % NANOS_PER_MILLI);
        serializer.serialize_f64(whole as f64 + fraction as f64 / NANOS_PER_MILLI as f64)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    #[expect(clippy::cast_precision_loss, reason = "a million is exact")]
    #[expect(clippy::cast_possible_truncation, reason = "what is too large becomes the largest integer")]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let millis = f64::deserialize(deserializer)?;
        let fraction = (millis.fract() * NANOS_PER_MILLI as f64).round() as i64;
        let whole = (millis.trunc() as i64).saturating_mul(NANOS_PER_MILLI);
        Ok(Self(whole.saturating_add(fraction)))
    }
}

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn json_is_near_and_stays_the_same(nanos in 0..=2_000_000_000_000_000_000_i64) {
            // Not by way of text: what reads numbers from it may be off by the last bit.
            let json = serde_json::to_value(Timestamp(nanos)).unwrap();
            let read: Timestamp = serde_json::from_value(json.clone()).unwrap();
            prop_assert!((read.0 - nanos).abs() <= 250, "{read:?}");
            prop_assert_eq!(serde_json::to_value(read).unwrap(), json);
        }
    }

    #[test]
    fn json_is_what_javascript_calls_a_date() {
        let time = Timestamp::from_nanos(1_795_653_655_412_500_000);
        assert_eq!(serde_json::to_string(&time).unwrap(), "1795653655412.5");
    }
}
