//! The cells once more, on the subscriber that `init` installs where there is no console.

#[path = "cells.rs"]
#[expect(dead_code, reason = "its `main` is another's")]
mod cells;

use highlight::{Config, testing};
use libtest_mimic::Arguments;

fn main() {
    // The first capture installs it, and it stays; so does the logger.
    drop(testing::capture_with(Config::new("1").panic_hook(false)));
    let mut arguments = Arguments::from_args();
    // What that logger makes of it is another thing: `init.rs`.
    arguments.skip.push("spelling::log_error_with_kv".to_owned());
    cells::run(&arguments);
}
