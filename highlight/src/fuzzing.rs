//! The bodies of the fuzz targets in `fuzz`: whatever reads bytes from outside, or makes bytes of what a program says.
//!
//! Each stands beside the code that it tries, and asserts what always holds, not only that nothing panics. `cargo fuzz` runs them for
//! hours; the tests below for a moment, on any toolchain, with their corpus and mutations of it.

pub use crate::{
    encode::fuzzing::{encode, redact},
    pipeline::fuzzing::spool,
    propagation::fuzzing::{baggage, cookie, headers, traceparent},
    stack::fuzzing::stack,
};

#[cfg(test)]
#[path = "../../fuzz/mutate.rs"]
mod mutate;

#[cfg(test)]
mod tests {
    super::mutate::tests! { baggage cookie encode headers redact spool stack traceparent }
}
