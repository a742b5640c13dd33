//! Runs the shop as a user does.

use std::process::Command;

/// The program, undisturbed by the variables of whoever runs the tests.
pub(crate) fn shop() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name == "PORT" || name.starts_with("HIGHLIGHT_") || name.starts_with("OTEL_") {
            command.env_remove(name);
        }
    }
    command
}
