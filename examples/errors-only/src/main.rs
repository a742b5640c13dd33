//! Errors and panics leave the process, and nothing else: no log line, no span, no metric.
//!
//! ```text
//! cargo run -p highlight-local -- --timeline     # in another terminal: stands in for a Highlight server
//! cargo run -p example-errors-only
//! ```
//!
//! The terminal shows all of it. The receiver has, with ctrl-c, the timeline of what has left:
//!
//! ```text
//! session my-sessi…                         1 request, 1 error
//! └─ (no spans)                                                       0 µs  request my-request
//!    └─ ERROR shop  the card was declined  (std::io::error::Error)
//!             example_errors_only::check_out  /examples/errors-only/src/main.rs:40
//!             example_errors_only::main       /examples/errors-only/src/main.rs:29
//! ```

use std::{error::Error, io};

use highlight::{Config, Signals, parse_headers};
use tracing::{error, info};

fn main() -> Result<(), Box<dyn Error>> {
    // Or, without touching the code, `HIGHLIGHT_SIGNALS=errors`.
    let config = Config::new("1").service_name("shop").signals(Signals::ERRORS);
    let highlight = highlight::init(config)?;

    let headers = [("x-highlight-request", "my-session/my-request")];
    parse_headers(&headers).in_scope(check_out);

    info!("items that leave: {}", highlight.stats().produced);
    Ok(())
}

fn check_out() {
    highlight::in_span("look at the cart", |_| info!(card.number = "4242 4242 4242 4242", "stays here"));
    error!("so does this: a log line without an error");
    if let Err(declined) = pay() {
        // All that the server gets: this error with its causes and its stack, its session and its request.
        highlight::consume_error(&declined);
    }
}

fn pay() -> io::Result<()> {
    Err(io::Error::other("the card was declined"))
}
