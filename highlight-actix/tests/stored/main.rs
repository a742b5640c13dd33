//! What the server would store of requests to an actix server.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod bodies;
mod cors;
mod departures;
mod errors;
mod middleware;
mod panics;
mod payloads;
mod routes;
mod service;
mod spans;
mod work;
mod workers;
