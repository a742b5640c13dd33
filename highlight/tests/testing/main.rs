//! What `highlight::testing` shows of code under test.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod captures;
mod failures;
mod records;
mod span_ext;
mod subscribers;
mod tree;
