//! Bytes by hand, and a client of a few lines: nothing here shares code with a sender or with the
//! receiver's own decoder.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a test's panic is its verdict")]
#![allow(missing_docs, clippy::must_use_candidate)]

pub mod client;
pub mod otlp;
pub mod wire;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use highlight_local::{Receiver, Snapshot};
use wire::Message;

/// Long enough that a test which needs it has hung.
pub const HANG: Duration = Duration::from_secs(60);

/// A receiver on a free port.
pub fn receiver() -> Receiver {
    Receiver::start(0).unwrap()
}

/// Sends one message to a receiver of its own, and returns what it stored.
pub fn stored(path: &str, message: &Message) -> Snapshot {
    let receiver = receiver();
    let answer = client::post(&receiver, path, &message.bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    receiver.store().snapshot()
}

pub fn nanos(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap().as_nanos().try_into().unwrap()
}

pub fn now() -> u64 {
    nanos(SystemTime::now())
}

pub const SECOND: u64 = 1_000_000_000;
pub const DAY: u64 = 86_400 * SECOND;
