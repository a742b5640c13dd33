//! The instruments of one client, each made once.
//!
//! The SDK makes an instrument on every request for one and complains about those that differ, so they are kept
//! here, by name. It says nothing about what it refuses, so that is checked here first.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use opentelemetry::{KeyValue, metrics};

use crate::say;

/// Instruments of one client. Each holds some kilobytes, whether or not it is used again.
const MAX_INSTRUMENTS: usize = 512;
const MAX_NAME: usize = 255;
const MAX_UNIT: usize = 63;

/// What is known of an instrument before it exists.
#[derive(Debug, Clone, Copy)]
pub(super) struct Definition<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) unit: &'static str,
    pub(super) description: &'static str,
    /// OpenTelemetry's if `None`.
    pub(super) boundaries: Option<&'static [f64]>,
    pub(super) with_session: bool,
}

impl<'a> Definition<'a> {
    pub(super) const fn new(kind: Kind, name: &'a str) -> Self {
        Self { kind, name, unit: "", description: "", boundaries: None, with_session: false }
    }

    /// The SDK's own rules, and that boundaries are numbers in order.
    fn check(&self) -> Result<(), Refusal> {
        let mut bytes = self.name.bytes();
        let valid_name = bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
            && self.name.len() <= MAX_NAME
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte));
        let valid_unit = self.unit.is_ascii() && self.unit.len() <= MAX_UNIT;
        let boundaries = self.boundaries.unwrap_or_default();
        let valid_boundaries = boundaries.iter().all(|bound| bound.is_finite())
            && boundaries.windows(2).all(|pair| pair[0] < pair[1]);
        match (valid_name, valid_unit, valid_boundaries) {
            (false, _, _) => Err(Refusal::Name),
            (_, false, _) => Err(Refusal::Unit),
            (_, _, false) => Err(Refusal::Boundaries),
            _ => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gauge,
    Counter,
    Histogram,
    UpDownCounter,
}

/// A value on its way to an instrument of its kind.
#[derive(Debug, Clone, Copy)]
pub(super) enum Measurement {
    Gauge(f64),
    Counter(u64),
    Histogram(f64),
    UpDownCounter(i64),
}

/// Why a measurement was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    NotFinite,
    Name,
    Unit,
    Boundaries,
    Kind,
    TooMany,
}

impl Refusal {
    const COUNT: usize = 6;

    const fn remedy(self) -> &'static str {
        match self {
            Self::NotFinite => "the value is not a finite number",
            Self::Name => "a name is a letter, then up to 254 letters, digits and `_ . - /`",
            Self::Unit => "a unit has up to 63 ASCII characters",
            Self::Boundaries => "boundaries are finite numbers in ascending order",
            Self::Kind => "the name is already that of another kind of instrument",
            Self::TooMany => "there are 512 names already: put what varies into attributes",
        }
    }
}

/// The instruments of one client.
#[derive(Debug)]
pub(crate) struct Registry {
    meter: metrics::Meter,
    instruments: RwLock<HashMap<Box<str>, Instrument>>,
    refused: AtomicU64,
    said: [AtomicBool; Refusal::COUNT],
}

#[derive(Debug, Clone)]
enum Instrument {
    Gauge(metrics::Gauge<f64>),
    Counter(metrics::Counter<u64>),
    Histogram(metrics::Histogram<f64>),
    UpDownCounter(metrics::UpDownCounter<i64>),
}

impl Registry {
    pub(crate) fn new(meter: metrics::Meter) -> Self {
        Self { meter, instruments: RwLock::default(), refused: AtomicU64::new(0), said: Default::default() }
    }

    /// Measurements that could not be taken.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) fn record(
        &self,
        definition: &Definition<'_>,
        measurement: Measurement,
        attributes: &[KeyValue],
    ) {
        if let Err(refusal) = self.try_record(definition, measurement, attributes) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            if !self.said[refusal as usize].swap(true, Ordering::Relaxed) {
                say::warn(&format!(
                    "a measurement for the metric {:?} is dropped, and so are all of this sort: {}",
                    definition.name,
                    refusal.remedy()
                ));
            }
        }
    }

    fn try_record(
        &self,
        definition: &Definition<'_>,
        measurement: Measurement,
        attributes: &[KeyValue],
    ) -> Result<(), Refusal> {
        if let Measurement::Gauge(value) | Measurement::Histogram(value) = measurement {
            if !value.is_finite() {
                return Err(Refusal::NotFinite);
            }
        }
        let instruments = self.instruments.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(instrument) = instruments.get(definition.name) {
            return instrument.record(measurement, attributes);
        }
        drop(instruments);
        self.make(definition)?.record(measurement, attributes)
    }

    /// The instrument, made unless another thread was faster.
    fn make(&self, definition: &Definition<'_>) -> Result<Instrument, Refusal> {
        definition.check()?;
        let mut instruments = self.instruments.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(instrument) = instruments.get(definition.name) {
            return Ok(instrument.clone());
        }
        if instruments.len() == MAX_INSTRUMENTS {
            return Err(Refusal::TooMany);
        }
        let instrument = Instrument::new(&self.meter, definition);
        instruments.insert(definition.name.into(), instrument.clone());
        Ok(instrument)
    }
}

impl Instrument {
    fn new(meter: &metrics::Meter, definition: &Definition<'_>) -> Self {
        let Definition { unit, description, .. } = *definition;
        let name = definition.name.to_owned();
        match definition.kind {
            Kind::Gauge => {
                Self::Gauge(meter.f64_gauge(name).with_unit(unit).with_description(description).build())
            }
            Kind::Counter => {
                Self::Counter(meter.u64_counter(name).with_unit(unit).with_description(description).build())
            }
            Kind::Histogram => {
                let histogram = meter.f64_histogram(name).with_unit(unit).with_description(description);
                Self::Histogram(match definition.boundaries {
                    Some(boundaries) => histogram.with_boundaries(boundaries.to_vec()).build(),
                    None => histogram.build(),
                })
            }
            Kind::UpDownCounter => Self::UpDownCounter(
                meter.i64_up_down_counter(name).with_unit(unit).with_description(description).build(),
            ),
        }
    }

    fn record(&self, measurement: Measurement, attributes: &[KeyValue]) -> Result<(), Refusal> {
        match (self, measurement) {
            (Self::Gauge(gauge), Measurement::Gauge(value)) => gauge.record(value, attributes),
            (Self::Counter(counter), Measurement::Counter(value)) => counter.add(value, attributes),
            (Self::Histogram(histogram), Measurement::Histogram(value)) => {
                histogram.record(value, attributes);
            }
            (Self::UpDownCounter(counter), Measurement::UpDownCounter(value)) => {
                counter.add(value, attributes);
            }
            _ => return Err(Refusal::Kind),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::metrics::MeterProvider as _;
    use opentelemetry_sdk::metrics::SdkMeterProvider;
    use proptest::prelude::*;

    use super::*;

    fn registry() -> Registry {
        Registry::new(SdkMeterProvider::builder().build().meter("test"))
    }

    fn gauge(name: &str) -> Definition<'_> {
        Definition::new(Kind::Gauge, name)
    }

    fn outcome(registry: &Registry, definition: &Definition<'_>, value: f64) -> Result<(), Refusal> {
        registry.try_record(definition, Measurement::Gauge(value), &[])
    }

    #[test]
    fn what_the_sdk_would_swallow_is_refused() {
        let longest = "a".repeat(255);
        let too_long = "a".repeat(256);
        let table = [
            ("a", Ok(())),
            ("A.b_c-d/e9", Ok(())),
            (longest.as_str(), Ok(())),
            (too_long.as_str(), Err(Refusal::Name)),
            ("", Err(Refusal::Name)),
            ("9a", Err(Refusal::Name)),
            ("a b", Err(Refusal::Name)),
            ("größe", Err(Refusal::Name)),
            ("a\0", Err(Refusal::Name)),
        ];
        let registry = registry();
        for (name, expected) in table {
            assert_eq!(outcome(&registry, &gauge(name), 1.0), expected, "{name:?}");
        }
        let unit = Definition { unit: "é", ..gauge("unit") };
        assert_eq!(outcome(&registry, &unit, 1.0), Err(Refusal::Unit));
        for boundaries in [&[1.0, 1.0][..], &[2.0, 1.0], &[f64::NAN], &[1.0, f64::INFINITY]] {
            let histogram =
                Definition { boundaries: Some(boundaries), ..Definition::new(Kind::Histogram, "boundaries") };
            let outcome = registry.try_record(&histogram, Measurement::Histogram(1.0), &[]);
            assert_eq!(outcome, Err(Refusal::Boundaries), "{boundaries:?}");
        }
    }

    #[test]
    fn numbers_that_are_none_are_refused_and_everything_refused_is_counted() {
        let registry = registry();
        for (n, value) in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].into_iter().enumerate() {
            assert_eq!(outcome(&registry, &gauge("x"), value), Err(Refusal::NotFinite));
            registry.record(&gauge("x"), Measurement::Gauge(value), &[]);
            assert_eq!(registry.refused(), n as u64 + 1);
        }
        registry.record(&gauge("x"), Measurement::Gauge(1.0), &[]);
        registry.record(&gauge("no name"), Measurement::Gauge(1.0), &[]);
        assert_eq!(registry.refused(), 4);
    }

    #[test]
    fn a_name_is_of_one_kind() {
        let registry = registry();
        assert_eq!(outcome(&registry, &gauge("x"), 1.0), Ok(()));
        let counter = Definition::new(Kind::Counter, "x");
        assert_eq!(registry.try_record(&counter, Measurement::Counter(1), &[]), Err(Refusal::Kind));
        assert_eq!(outcome(&registry, &gauge("x"), 2.0), Ok(()), "the first kind still works");
    }

    #[test]
    fn names_are_bounded_and_known_ones_go_on() {
        let registry = registry();
        for n in 0..MAX_INSTRUMENTS {
            assert_eq!(outcome(&registry, &gauge(&format!("n{n}")), 1.0), Ok(()));
        }
        assert_eq!(outcome(&registry, &gauge("one.more"), 1.0), Err(Refusal::TooMany));
        assert_eq!(outcome(&registry, &gauge("n7"), 1.0), Ok(()));
    }

    proptest! {
        #[test]
        fn any_name_is_taken_or_refused(name in "\\PC{0,20}", value in any::<f64>()) {
            let refused = outcome(&registry(), &gauge(&name), value).is_err();
            let valid = name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-/".contains(c));
            prop_assert_eq!(refused, !valid || !value.is_finite());
        }
    }
}
