//! What would have been sent, kept for a test to read.

use std::time::Duration;

use super::{
    segment::{Request, Signal},
    sync::{Arc, Mutex, lock},
    transport::{Answer, Failure, Transport},
};

/// One request body per signal; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<[Vec<u8>; Signal::ALL.len()]>>);

impl Memory {
    /// All requests of this signal up to now, as one: bodies one after the other are a body.
    pub(crate) fn body(&self, signal: Signal) -> Vec<u8> {
        lock(&self.0)[signal as usize].clone()
    }
}

impl Transport for Memory {
    fn send(&mut self, request: &Request, _: Option<Duration>) -> Result<Answer, Failure> {
        let body = &mut lock(&self.0)[request.signal as usize];
        for segment in &request.segments {
            body.extend_from_slice(&segment.bytes);
        }
        Ok(Answer { status: 200, retry_after: None, rejected: 0 })
    }
}
