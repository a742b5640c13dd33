//! Numbers as people read them.

use std::time::Duration;

use maud::{Markup, html};

use crate::{archive::Timestamp, timeline};

/// A time of day. The browser turns it into its own zone, and shows the date in the title.
pub(super) fn time(time: Timestamp) -> Markup {
    let text = iso(time);
    html! { time datetime=(text) title=(text) { (text[11..23]) } }
}

/// As RFC 3339 has it, in UTC, to the millisecond.
pub(super) fn iso(time: Timestamp) -> String {
    let millis = time.nanos().div_euclid(1_000_000);
    let (days, of_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", of_day % 1_000)
}

/// The date so many days after 1970-01-01, counted in years that begin in March.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

/// Nanoseconds, with a unit.
pub(super) fn nanos(nanos: i64) -> String {
    timeline::duration(Duration::from_nanos(u64::try_from(nanos).unwrap_or(0)))
}

/// A number with at most three digits behind the point.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if value.abs() >= 1e9 { format!("{value:.3e}") } else { text.to_owned() }
}

/// A part of a whole in percent, as an attribute of a drawing.
#[expect(clippy::cast_precision_loss, reason = "a drawing has a thousand pixels")]
pub(super) fn percent(part: i64, whole: i64) -> f64 {
    if whole <= 0 { 0.0 } else { (part as f64 / whole as f64 * 100.0).clamp(0.0, 100.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_795_653_655, "2026-11-26T00:40:55.000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(iso(Timestamp::from_nanos(seconds * 1_000_000_000)), text);
        }
    }

    #[test]
    fn numbers_are_short() {
        for (value, text) in [(0.0, "0"), (2.5, "2.5"), (100.0, "100"), (0.1239, "0.124"), (5e12, "5.000e12")]
        {
            assert_eq!(number(value), text);
        }
    }
}
