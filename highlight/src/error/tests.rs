use std::{
    error::Error,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use super::{record::with_causes, *};
use crate::stack::Place;

#[derive(Debug)]
struct Wrapped(std::num::ParseIntError);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wrapped")
    }
}

impl Error for Wrapped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn a_disabled_client_asks_an_error_for_nothing() {
    struct Asked(Arc<AtomicU32>);
    impl fmt::Display for Asked {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fetch_add(1, Ordering::Relaxed);
            f.write_str("asked")
        }
    }
    impl fmt::Debug for Asked {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            fmt::Display::fmt(self, f)
        }
    }
    impl Error for Asked {}
    let error = Asked(Arc::default());
    for enabled in [false, true] {
        let config = crate::Config::new("1").enabled(enabled).endpoint("http://127.0.0.1:9");
        let client = crate::Client::new(config).unwrap();
        let quiet = tracing::subscriber::NoSubscriber::default();
        tracing::subscriber::with_default(quiet, || client.in_scope(|| consume_error(&error)));
        assert_eq!(error.0.load(Ordering::Relaxed) > 0, enabled);
    }
}

#[test]
fn everything_that_can_be_reported_has_its_type_and_causes() {
    let wrapped = || Wrapped("x".parse::<u8>().unwrap_err());
    let full = "highlight::error::tests::Wrapped";
    let typed = wrapped();
    let shared: std::sync::Arc<dyn Error + Send + Sync> = std::sync::Arc::new(wrapped());
    let boxed: Box<dyn Error + Send + Sync> = Box::new(wrapped());
    let local: Box<dyn Error> = Box::new(wrapped());
    let text: Box<dyn Error> = "text".into();
    let cause = "core::num::error::ParseIntError";
    let erased: &dyn Error = &typed;
    for (report, type_name, message, causes) in [
        (ErrorReport::new(&typed), Some(full), "wrapped", &[cause][..]),
        (ErrorReport::new(erased), Some("Wrapped"), "wrapped", &[cause]),
        (ErrorReport::new(&*boxed), Some("Wrapped"), "wrapped", &[cause]),
        (ErrorReport::new(&boxed), Some("Wrapped"), "wrapped", &[cause]),
        (ErrorReport::new(&local), Some("Wrapped"), "wrapped", &[cause]),
        (ErrorReport::new(&*shared), Some("Wrapped"), "wrapped", &[cause]),
        (ErrorReport::new(&text), None, "text", &[]),
        (ErrorReport::new("text"), None, "text", &[]),
        (ErrorReport::new(&"text"), None, "text", &[]),
        (ErrorReport::new(&"text".to_owned()), None, "text", &[]),
        #[cfg(feature = "anyhow")]
        (ErrorReport::new(&anyhow::Error::new(wrapped())), Some("Wrapped"), "wrapped", &[cause]),
        #[cfg(feature = "eyre")]
        (ErrorReport::new(&eyre::Report::new(wrapped())), Some("Wrapped"), "wrapped", &[cause]),
    ] {
        assert_eq!(report.type_name.as_deref(), type_name, "{report:?}");
        assert_eq!(report.message, message);
        assert_eq!(report.cause_types, causes, "{report:?}");
        assert_eq!(report.causes.len(), causes.len());
    }
}

#[test]
fn the_place_is_the_callers() {
    let report = ErrorReport::new(&std::fmt::Error);
    assert_eq!(report.place, Some(Place { file: file!().into(), line: line!() - 1 }));
}

#[test]
fn causes_are_said_once() {
    let causes = ["declined: card expired".to_owned(), "card expired".to_owned()];
    assert_eq!(with_causes("checkout failed", &causes), "checkout failed: declined: card expired");
}
