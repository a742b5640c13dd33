//! What leaves the process, byte by byte: a corpus of secrets in every place where one can stand, and the hook.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's panic is its verdict")]

mod before_send;
mod corpus;
mod http;
mod places;
mod stage;
mod wire;
