//! Calls over real sockets: what the server would store of them, and what their targets are told.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test's panic is its verdict")]

mod calls;
mod redirects;
mod support;
