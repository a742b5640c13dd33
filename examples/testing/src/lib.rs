//! A small service, and tests of what it records.
//!
//! ```text
//! cargo test -p example-testing
//! ```
//!
//! | file | shows |
//! |---|---|
//! | `src/orders.rs`, `src/api.rs` | the code under test: it knows nothing of the tests, and has no global client |
//! | `tests/orders.rs` | a function: its spans, logs, errors and metrics |
//! | `tests/api.rs` | a router, called without a socket: whose session an error is in, and that all of it is one trace |
//! | `tests/privacy.rs` | what the program's own configuration lets through |

mod api;
mod orders;

use highlight::Config;

pub use self::{
    api::router,
    orders::{Order, OrderError, place},
};

/// What `main` would hand to `highlight::init`.
pub fn telemetry() -> Config {
    Config::new("1jdkoe52").service_name("orders").filter("info,example_testing=debug")
}
