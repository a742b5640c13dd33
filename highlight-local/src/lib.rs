//! A local stand-in for a Highlight server.
//!
//! It receives OTLP over HTTP, turns it into **what the server would store**, and shows it. The
//! real server answers 200 to everything, also to what it then drops or changes; here each such
//! loss becomes a note that names its reason. For development, demos and tests.
//!
//! As a program:
//!
//! ```text
//! $ cargo run -p highlight-local -- --timeline
//! highlight-local listens on http://127.0.0.1:4318
//! send to it with HIGHLIGHT_OTLP_ENDPOINT=http://localhost:4318
//! $ cargo run -p highlight-local -- run -- cargo run -p shop # a command, and only its telemetry
//! $ cargo run -p highlight-local -- doctor # why does nothing arrive?
//! ```
//!
//! In a test or a program of your own:
//!
//! ```
//! use std::time::Duration;
//! use highlight_local::{Receiver, Timeline};
//!
//! let receiver = Receiver::start(0)?; // 0 takes a free port
//! let endpoint = receiver.endpoint(); // what the sender is configured with
//! # assert!(endpoint.starts_with("http://127.0.0.1:"));
//!
//! // ... run what sends, then wait for what should arrive:
//! let store = receiver.store();
//! let arrived = store.wait_until(Duration::from_millis(1), |seen| seen.errors.len() == 1);
//! assert!(!arrived, "nothing was sent in this example");
//!
//! let seen = store.snapshot();
//! assert!(seen.dropped.is_empty() && seen.changed.is_empty());
//! assert_eq!(Timeline::new(&seen).to_string(), "nothing received yet\n");
//! # Ok::<(), highlight_local::StartError>(())
//! ```
//!
//! # What it is like
//!
//! Rules marked `C§n` come from the contract: what was found by reading the server's source.
//! The receiver plays the OpenTelemetry Collector and the backend behind it, as they are deployed:
//!
//! - `POST /v1/traces`, `/v1/logs`, `/v1/metrics`, protobuf or JSON, gzip or plain, at most 20 MiB;
//!   with the feature `grpc` the three `Export` calls too, with the same limits. Anything else gets
//!   an answer that says what is wrong.
//! - Pages of any origin may send, and read nothing: no path that takes telemetry gives any away.
//! - A sender that dawdles, sits there or sends nonsense costs only itself: connections, bodies and
//!   waiting are bounded ([`ReceiverBuilder`]).
//! - Project ids are accepted by shape: a 32-bit number or a verbose id (Highlight), or a key
//!   like `sdk-…` or a UUID (the successor).
//! - What depends on a project's settings is left out: quotas, sampling, filters, grouping.
//! - Memory is bounded ([`StoreLimits`]); the oldest rows go first.
//!
//! # Parts
//!
//! | module | what it does |
//! |---|---|
//! | [`Receiver`] | HTTP and gRPC, on a thread of its own |
//! | `Forward` | passes on to a real server what is received (feature `forward`) |
//! | [`replay`] | what the browser client records |
//! | [`model`], [`note`] | the rows, and the losses |
//! | [`Store`] | the rows in memory; queries and waiting |
//! | [`Timeline`] | the rows on paper |
//! | `archive`, `api`, `viewer` | the rows in a database, as JSON and as pages over HTTP (feature `viewer`) |
//!
//! The last three, and what is hidden here, are public for the program of this crate: they change with it, whatever the version says.
//!
//! `C§n` is paragraph n of `docs/contract.md` in the repository.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "viewer")]
pub mod api;
#[cfg(feature = "viewer")]
pub mod archive;
mod chain;
#[cfg_attr(not(feature = "forward"), path = "forward_off.rs")]
mod forward;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
mod ingest;
pub mod model;
pub mod note;
mod receiver;
pub mod replay;
mod row;
mod stack;
mod store;
#[doc(hidden)]
pub mod terminal;
mod timeline;
mod tree;
#[cfg(feature = "viewer")]
pub mod viewer;

/// The decoded OTLP messages that [`Store::raw_traces`] and its like return.
pub use opentelemetry_proto;

#[cfg(feature = "forward")]
pub use forward::{Forward, ForwardError, ForwardState, ForwardStats};
#[cfg(feature = "grpc")]
pub use receiver::DEFAULT_GRPC_PORT;
pub use receiver::{DEFAULT_PORT, Listen, Receiver, ReceiverBuilder, StartError};
pub use row::Row;
pub use store::{Position, RequestInfo, Snapshot, Store, StoreLimits};
pub use timeline::{LiveLine, Timeline};
