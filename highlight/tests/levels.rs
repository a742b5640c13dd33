//! What a subscriber of the program's own is asked about: a process of its own, because levels are the process's.

use highlight::{Client, Config};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::prelude::*;

#[test]
fn a_line_beyond_what_any_client_takes_costs_what_an_empty_registry_costs() {
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(highlight::layer())).unwrap();
    assert_eq!(LevelFilter::current(), LevelFilter::INFO, "the default, until a client says otherwise");
    let client = |level| Client::new(Config::new("1").endpoint("http://127.0.0.1:9").level(level)).unwrap();

    let quiet = client(LevelFilter::ERROR);
    assert_eq!(LevelFilter::current(), LevelFilter::INFO, "an earlier client may still take more");
    let is_asked = || tracing::event_enabled!(tracing::Level::DEBUG);
    assert!(!quiet.in_scope(is_asked));

    let verbose = client(LevelFilter::DEBUG);
    assert_eq!(LevelFilter::current(), LevelFilter::DEBUG);
    assert!(verbose.in_scope(is_asked));
}
