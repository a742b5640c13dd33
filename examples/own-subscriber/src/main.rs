//! A program that builds its own `tracing` subscriber, and gives it Highlight's layer.
//!
//! ```text
//! cargo run -p highlight-local -- --timeline     # in another terminal: stands in for a Highlight server
//! RUST_LOG=warn cargo run -p example-own-subscriber
//! ```
//!
//! The terminal shows the warning alone. The receiver has it all, as its timeline shows with ctrl-c:
//!
//! ```text
//! session my-sessi…                         1 request
//! └─ import                                                         200 µs  request my-request
//!    ├─ importer  import                    ████████████████████    200 µs
//!    ├─ INFO  importer  exported; shown unless RUST_LOG=warn  rows=3
//!    └─ WARN  importer  exported and shown  row=2
//! ```

use std::{env, error::Error};

use highlight::{Config, parse_headers};
use tracing::{debug, info, info_span, warn};
use tracing_subscriber::{filter::Targets, fmt, prelude::*};

fn main() -> Result<(), Box<dyn Error>> {
    // What the terminal shows. On its layer alone: on the registry it would decide what is exported, too.
    let shown: Targets = env::var("RUST_LOG").as_deref().unwrap_or("info").parse()?;

    tracing_subscriber::registry().with(fmt::layer().with_filter(shown)).with(highlight::layer()).init();

    // What is exported: `info` and above, unless `Config::level`, `Config::filter` or their variables say otherwise.
    // `init` finds the layer, and installs no subscriber.
    let _highlight = highlight::init(Config::new("1").service_name("importer"))?;

    let headers = [("x-highlight-request", "my-session/my-request")];
    parse_headers(&headers).in_scope(|| info_span!("import").in_scope(import));
    Ok(())
}

fn import() {
    debug!("neither exported nor shown, by default");
    info!(rows = 3, "exported; shown unless RUST_LOG=warn");
    warn!(row = 2, "exported and shown");
}
