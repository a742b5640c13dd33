//! Requests on disk: what could not be delivered, until it can be, in this process or a later one.
//!
//! - A request that fails goes to disk at once, and while the endpoint is away so does everything that is due: a process that is
//!   killed loses what it has recorded since, not what it recorded before.
//! - Oldest first, one between two rounds of fresh telemetry, which never waits for more than that one request.
//! - A file is removed when its request is settled. What fails again stays where it is and is not written anew.
//! - Delivery is at least once: a process that is killed after the server's answer and before the removal leaves a request that is
//!   sent again.

mod directory;
mod format;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod name;

use std::{
    collections::{BTreeMap, hash_map::RandomState},
    hash::{BuildHasher, Hasher},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use self::{
    directory::Directory,
    name::{Name, Owner},
};
use super::{deadline, segment::Request};

/// Where, how much and how long.
#[derive(Debug, Clone)]
pub(crate) struct SpoolSettings {
    pub(crate) path: PathBuf,
    /// Bytes of the files, each rounded up to whole blocks.
    pub(crate) max_bytes: u64,
    pub(crate) max_age: Duration,
}

/// What a file takes on most disks, so that the limit also bounds the number of files.
const BLOCK: u64 = 4096;
/// No file of ours is larger: a body, and the heads of its segments.
const MAX_FILE: u64 = 32 << 20;
/// How often to look for what processes that are gone have left.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug)]
pub(super) struct Spool {
    directory: Directory,
    max_bytes: u64,
    max_age: Duration,
    /// By name, so oldest first, with their size.
    files: BTreeMap<Name, u64>,
    bytes: u64,
    sequence: u64,
    look_at: Option<Instant>,
    /// Whether the last write succeeded.
    takes: bool,
}

/// A file whose request is in hand.
#[derive(Debug)]
pub(super) struct Stored {
    name: Name,
    size: u64,
}

impl Stored {
    /// When its request was first written.
    pub(super) fn created(&self) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_millis(self.name.created)).unwrap_or(UNIX_EPOCH)
    }
}

/// What became of the oldest file.
#[derive(Debug)]
pub(super) enum Oldest {
    Request(Request),
    /// It was too old; so many items.
    Expired(u64),
    /// It could not be read, or is not what was written.
    Damaged(u64),
}

impl Spool {
    pub(super) fn new(settings: SpoolSettings) -> Self {
        let owner = Owner(RandomState::new().build_hasher().finish());
        Self {
            directory: Directory::new(settings.path, owner),
            max_bytes: settings.max_bytes,
            max_age: settings.max_age,
            files: BTreeMap::new(),
            bytes: 0,
            sequence: 0,
            look_at: None,
            takes: true,
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether a request can be expected to find room: false from a failed write to the next that succeeds.
    pub(super) fn takes(&self) -> bool {
        self.takes
    }

    /// When to look again; `None` before the first time.
    pub(super) fn look_at(&self) -> Option<Instant> {
        self.look_at
    }

    /// Takes over what processes that are gone have left, now and then; says how many items that is,
    /// `None` if it is too early to look.
    pub(super) fn look(&mut self, now: Instant) -> Option<io::Result<u64>> {
        if self.look_at.is_some_and(|at| now < at) {
            return None;
        }
        self.look_at = Some(deadline::later(now, LOOK_EVERY));
        let sequence = &mut self.sequence;
        let adopted = self.directory.adopt(|| next(sequence));
        self.takes = adopted.is_ok();
        Some(adopted.map(|adopted| {
            let items = adopted.iter().map(|(name, _)| name.items).sum();
            for (name, size) in adopted {
                self.insert(Stored { name, size });
            }
            items
        }))
    }

    /// Writes a request. To make room the oldest ones go: says how many items that cost.
    pub(super) fn put(&mut self, request: &Request, now: SystemTime) -> io::Result<u64> {
        let written = self.write(request, now);
        self.takes = written.is_ok();
        self.insert(written?);
        Ok(self.make_room())
    }

    /// Writes a request that stays in hand.
    pub(super) fn write(&mut self, request: &Request, now: SystemTime) -> io::Result<Stored> {
        let bytes = format::encode(request);
        let size = bytes.len() as u64;
        if blocks(size) > self.max_bytes {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than the spool may be"));
        }
        let name = Name {
            created: millis(now),
            sequence: next(&mut self.sequence),
            owner: self.directory.owner(),
            items: request.items(),
        };
        self.directory.write(name, &bytes)?;
        Ok(Stored { name, size })
    }

    /// Removes the oldest files above the limit; says how many items they held.
    pub(super) fn make_room(&mut self) -> u64 {
        let mut evicted = 0;
        while self.bytes > self.max_bytes {
            let Some(oldest) = self.take() else { break };
            evicted += oldest.name.items;
            self.remove(&oldest);
        }
        evicted
    }

    /// Takes the oldest request in hand: it is to be [removed](Self::remove) or [put back](Self::put_back).
    pub(super) fn oldest(&mut self, now: SystemTime) -> Option<Oldest> {
        let stored = self.take()?;
        let items = stored.name.items;
        let age = millis(now).saturating_sub(stored.name.created);
        if u128::from(age) > self.max_age.as_millis() {
            self.remove(&stored);
            return Some(Oldest::Expired(items));
        }
        let file = self.directory.read(stored.name, MAX_FILE).ok();
        let request = file.and_then(|file| format::decode(&file));
        let Some(request) = request.filter(|request| request.items() == items) else {
            self.remove(&stored);
            return Some(Oldest::Damaged(items));
        };
        Some(Oldest::Request(Request { file: Some(stored), ..request }))
    }

    /// Its request is settled. Where it cannot be removed, a later process will send it again.
    pub(super) fn remove(&self, stored: &Stored) {
        let _ = self.directory.remove(stored.name);
    }

    /// Its request failed again.
    pub(super) fn put_back(&mut self, stored: Stored) {
        self.insert(stored);
    }

    fn insert(&mut self, Stored { name, size }: Stored) {
        self.bytes += blocks(size);
        self.files.insert(name, size);
    }

    fn take(&mut self) -> Option<Stored> {
        let (name, size) = self.files.pop_first()?;
        self.bytes -= blocks(size);
        Some(Stored { name, size })
    }

    #[cfg(test)]
    pub(super) fn full_disk(&self) -> std::sync::Arc<std::sync::atomic::AtomicBool> {
        std::sync::Arc::clone(&self.directory.full)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.directory.close(self.files.is_empty());
    }
}

fn blocks(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK).max(1) * BLOCK
}

fn next(sequence: &mut u64) -> u64 {
    *sequence += 1;
    *sequence
}

/// Since 1970; a clock before that is at its beginning.
fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
