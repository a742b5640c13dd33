//! What the server would store of what the core's functions record. No test touches a global.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's panic is its verdict")]

mod carriers;
mod logger;
mod metrics;
mod sampling;
mod spans;
mod stage;
mod user;
