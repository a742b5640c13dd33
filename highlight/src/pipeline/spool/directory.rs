//! The directory, and who has which of its files.
//!
//! An owner keeps a lock file open and locked by the operating system for as long as it lives: whatever ends it, `kill -9`
//! included, ends the lock, also across containers that share the directory (a fork that outlives it keeps the lock for as long as it runs). Who gets the lock of another owner knows that it is
//! gone, and renames its files to its own; a rename is atomic, so each file has one owner at any time.
//!
//! A file is written under another name and renamed when it is whole. It is not synced: it survives the process, but a machine that
//! loses power may lose or cut the latest ones, which their checksum shows.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use super::name::{Found, Name, Owner, UNFINISHED, parse};

#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    owner: Owner,
    /// Its lock, since it was first needed.
    lock: Option<File>,
    /// Simulates a disk without room.
    #[cfg(test)]
    pub(super) full: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Directory {
    pub(super) fn new(path: PathBuf, owner: Owner) -> Self {
        Self {
            path,
            owner,
            lock: None,
            #[cfg(test)]
            full: std::sync::Arc::default(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn owner(&self) -> Owner {
        self.owner
    }

    fn at(&self, name: &impl ToString) -> PathBuf {
        self.path.join(name.to_string())
    }

    /// Makes the directory, if there is none, and this owner known in it.
    fn open(&mut self) -> io::Result<()> {
        if self.lock.is_some() {
            return Ok(());
        }
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(&self.path)?;
        // Nobody may find it before it is locked.
        let unfinished = self.at(&format_args!("{}{UNFINISHED}", self.owner));
        let _ = fs::remove_file(&unfinished);
        let lock = private(OpenOptions::new().write(true).create_new(true), &unfinished)?;
        if !try_lock(&lock)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        fs::rename(&unfinished, self.at(&self.owner))?;
        self.lock = Some(lock);
        Ok(())
    }

    /// Writes a file, all of it or none.
    pub(super) fn write(&mut self, name: Name, bytes: &[u8]) -> io::Result<()> {
        match self.try_write(name, bytes) {
            // Somebody has removed the directory.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.lock = None;
                self.try_write(name, bytes)
            }
            written => written,
        }
    }

    fn try_write(&mut self, name: Name, bytes: &[u8]) -> io::Result<()> {
        self.open()?;
        let unfinished = self.at(&format_args!("{name}{UNFINISHED}"));
        let mut file = private(OpenOptions::new().write(true).create_new(true), &unfinished)?;
        let written = self.fill(&mut file, bytes).and_then(|()| {
            drop(file);
            fs::rename(&unfinished, self.at(&name))
        });
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "the tests' disk can be full"))]
    fn fill(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        if self.full.load(std::sync::atomic::Ordering::Relaxed) {
            file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write_all(bytes)
    }

    /// Reads a file of at most this size.
    pub(super) fn read(&self, name: Name, limit: u64) -> io::Result<Vec<u8>> {
        let file = private(OpenOptions::new().read(true), &self.at(&name))?;
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn remove(&self, name: Name) -> io::Result<()> {
        fs::remove_file(self.at(&name))
    }

    /// Makes the files of owners that are gone this one's, oldest first; says what they are called now, and their size.
    pub(super) fn adopt(&mut self, mut sequence: impl FnMut() -> u64) -> io::Result<Vec<(Name, u64)>> {
        self.open()?;
        let mut gone: HashMap<Owner, Option<File>> = HashMap::new();
        let owners = self.list()?.into_iter().map(|(found, _)| match found {
            Found::Batch(name) => name.owner,
            Found::Unfinished(owner) | Found::Lock(owner) => owner,
        });
        for owner in owners.collect::<HashSet<_>>() {
            if owner == self.owner {
                continue;
            }
            match private(OpenOptions::new().write(true), &self.at(&owner)) {
                Ok(lock) if try_lock(&lock)? => drop(gone.insert(owner, Some(lock))),
                // Somebody has removed the lock alone: a live owner would not let that happen.
                Err(error) if error.kind() == io::ErrorKind::NotFound => drop(gone.insert(owner, None)),
                _ => {}
            }
        }
        // Again: until now they might have written more.
        let mut batches = Vec::new();
        for (found, size) in self.list()? {
            match found {
                Found::Batch(name) if gone.contains_key(&name.owner) => batches.push((name, size)),
                _ => {}
            }
        }
        batches.sort_unstable_by_key(|(name, _)| *name);
        let mut adopted = Vec::new();
        for (old, size) in batches {
            let new = Name { owner: self.owner, sequence: sequence(), ..old };
            match fs::rename(self.at(&old), self.at(&new)) {
                Ok(()) => adopted.push((new, size)),
                // Another was faster, or the directory cannot be written: then it is left to others.
                Err(_) => drop(gone.remove(&old.owner)),
            }
        }
        self.bury(&gone);
        Ok(adopted)
    }

    /// Removes what is left of owners that are gone and have nothing any more.
    fn bury(&self, gone: &HashMap<Owner, Option<File>>) {
        let Ok(entries) = fs::read_dir(&self.path) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            match name.to_str().and_then(parse) {
                Some(Found::Unfinished(owner) | Found::Lock(owner)) if gone.contains_key(&owner) => {
                    let _ = fs::remove_file(entry.path());
                }
                _ => {}
            }
        }
    }

    /// The files of ours, with their size. Links and other files are none.
    fn list(&self) -> io::Result<Vec<(Found, u64)>> {
        let mut list = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let Some(found) = entry.file_name().to_str().and_then(parse) else { continue };
            // Of the entry itself: this follows no link.
            match entry.metadata() {
                Ok(metadata) if metadata.is_file() => list.push((found, metadata.len())),
                _ => {}
            }
        }
        Ok(list)
    }

    /// The owner leaves; what it has is for the next.
    pub(super) fn close(&mut self, empty: bool) {
        if self.lock.is_some() && empty {
            let _ = fs::remove_file(self.at(&self.owner));
        }
        self.lock = None;
    }
}

/// Opens a file for nobody else to read, and never what a link points to.
fn private(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;

        use rustix::fs::OFlags;

        options.mode(0o600);
        options.custom_flags(i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default());
    }
    #[cfg(windows)]
    if path.extension().is_some_and(|extension| extension != "batch") {
        // Open is locked, until the process ends; it may be renamed and removed (FILE_SHARE_DELETE).
        std::os::windows::fs::OpenOptionsExt::share_mode(options, 4);
    }
    options.open(path)
}

/// Locks for as long as the file stays open; `false` if another has it.
#[cfg(unix)]
fn try_lock(file: &File) -> io::Result<bool> {
    use rustix::{
        fs::{FlockOperation, flock},
        io::Errno,
    };

    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// On Windows, who has it open has it locked.
#[cfg(not(unix))]
fn try_lock(_: &File) -> io::Result<bool> {
    Ok(cfg!(windows))
}
