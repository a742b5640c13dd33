//! What it costs: the app, the requests and the receivers that the benches share.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "there is nobody to hand an error to")]

mod app;
mod receiver;

pub use app::{Request, Shape, at_server, bench_requests, request, serve};
pub use receiver::{receiver, silent_receiver};
