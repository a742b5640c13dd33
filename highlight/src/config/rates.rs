//! Shares of requests: from 0.0 to 1.0.

use std::collections::BTreeMap;

use super::{env::parse_pairs, error::Remedy};
use crate::SpanKind;

const RATE: Remedy = Remedy::Borrowed("use a number from 0.0 to 1.0");

pub(super) fn parse_rate(text: &str) -> Result<f64, Remedy> {
    text.parse().map_err(|_| RATE)
}

pub(super) fn check_rate(rate: f64) -> Result<f64, Remedy> {
    // Not a number is in no range.
    if (0.0..=1.0).contains(&rate) { Ok(rate) } else { Err(RATE) }
}

/// Reads `HIGHLIGHT_SAMPLE_RATE_FOR`: `server=0.5,consumer=0.1`.
pub(super) fn parse_rates(text: &str) -> Result<BTreeMap<SpanKind, f64>, Remedy> {
    parse_pairs(text)?
        .into_iter()
        .map(|(kind, rate)| Ok((parse_kind(&kind)?, parse_rate(&rate).and_then(check_rate)?)))
        .collect()
}

fn parse_kind(text: &str) -> Result<SpanKind, Remedy> {
    SpanKind::ALL
        .into_iter()
        .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
        .ok_or(Remedy::Borrowed("name any of `internal`, `server`, `client`, `producer`, `consumer`"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn kinds_have_rates() {
        let rates = |text| parse_rates(text).map(|rates| rates.into_iter().collect::<Vec<_>>());
        assert_eq!(
            rates(" server=0.5, Consumer = 1"),
            Ok(vec![(SpanKind::Server, 0.5), (SpanKind::Consumer, 1.0)])
        );
        assert_eq!(rates(","), Ok(vec![]));
        assert_eq!(rates("server=1,server=0"), Ok(vec![(SpanKind::Server, 0.0)]));
        for text in ["server", "server=", "server=2", "server=NaN", "servers=1", "=1", "0.5"] {
            assert!(parse_rates(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_rates_or_refused(text in "\\PC{0,40}") {
            for rate in parse_rates(&text).unwrap_or_default().into_values() {
                prop_assert!((0.0..=1.0).contains(&rate));
            }
        }
    }
}
