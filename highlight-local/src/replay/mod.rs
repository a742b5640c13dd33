//! What the browser client records: the session as rrweb events, and what it says about it.
//!
//! The client sends GraphQL to its `backendUrl` (C§1.1). With that pointed at
//! `http://localhost:4318/public` and [`recordings`](crate::ReceiverBuilder::recordings) given, it
//! is answered as far as it asks, and its sessions are kept:
//!
//! ```
//! use highlight_local::{Receiver, replay::{RecordingLimits, Recordings}};
//!
//! let recordings = Recordings::new(RecordingLimits::default());
//! let receiver = Receiver::builder().address(0).recordings(recordings.clone()).start()?;
//! // ... a page with the client in it is used, then:
//! for session in recordings.sessions() {
//!     // The id is the one in the `x-highlight-request` of the session's requests.
//!     println!("{} by {:?}: {} events", session.session_id, session.user, session.events);
//!     for chunk in recordings.chunks(&session.session_id) {
//!         let _json: String = chunk.json()?; // {"events": [...], "resources": [...], ...}
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Inputs are masked in the browser, as the client is configured; here nothing is added or removed.
//! Memory is bounded ([`RecordingLimits`]); the oldest session goes first.

mod graphql;
mod payload;
mod recording;
mod sessions;

pub(crate) use graphql::answer;
pub use recording::{Chunk, Recording, RecordingSink};
pub use sessions::{RecordingLimits, Recordings};

#[cfg(test)]
mod tests;
