//! Corners that the table of scenarios does not reach, each once found broken.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod context;
mod errors;
mod http;
mod once;
mod service;
