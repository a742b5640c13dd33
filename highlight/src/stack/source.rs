//! The lines of source code around a frame.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::{self, File},
    io::Read,
    path::Path,
    sync::{Mutex, PoisonError},
};

/// Lines before and after the frame's own (C§6.3).
const AROUND: usize = 5;
/// Longer lines are cut (C§6.3).
const LINE_LIMIT: usize = 1000;
/// Larger files are generated, or no source code.
const FILE_LIMIT: u64 = 1024 * 1024;
/// What all files that are kept may hold together.
const CACHE_LIMIT: usize = 4 * 1024 * 1024;
/// How many are kept, those that cannot be read among them.
const CACHE_FILES: usize = 256;

/// The files that were read. Only the worker reads.
#[derive(Debug, Default)]
pub(super) struct Sources(Mutex<Cache>);

#[derive(Debug, Default)]
struct Cache {
    /// `None` of what cannot be read: it is not tried again and again.
    files: HashMap<String, Option<String>>,
    bytes: usize,
}

/// A line and its surroundings, each of them without its last line break.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) before: String,
    pub(super) line: String,
    pub(super) after: String,
}

impl Sources {
    /// The surroundings of a line, from 1; `None` if the file is not there, is not text, is too large, or has no such line.
    ///
    /// Only Rust's files are read: a stack that was printed is text, which may come from elsewhere and name any file.
    pub(super) fn around(&self, file: &str, line: u32) -> Option<Lines> {
        if Path::new(file).extension() != Some(OsStr::new("rs")) {
            return None;
        }
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines_around(cache.read(file)?, line)
    }
}

impl Cache {
    fn read(&mut self, file: &str) -> Option<&str> {
        if !self.files.contains_key(file) {
            if self.bytes > CACHE_LIMIT || self.files.len() >= CACHE_FILES {
                *self = Self::default();
            }
            let text = read(file);
            self.bytes += text.as_ref().map_or(0, String::len);
            self.files.insert(file.to_owned(), text);
        }
        self.files.get(file)?.as_deref()
    }
}

fn read(file: &str) -> Option<String> {
    // Asked before it is opened: that of a pipe waits for somebody who writes.
    let metadata = fs::metadata(file).ok()?;
    if !metadata.is_file() || metadata.len() > FILE_LIMIT {
        return None;
    }
    let mut text = String::new();
    File::open(file).ok()?.take(FILE_LIMIT).read_to_string(&mut text).ok()?;
    Some(text)
}

fn lines_around(text: &str, line: u32) -> Option<Lines> {
    let at = usize::try_from(line).ok()?.checked_sub(1)?;
    let first = at.saturating_sub(AROUND);
    let mut lines = text.lines().skip(first).map(cut);
    let before: Vec<_> = lines.by_ref().take(at - first).collect();
    let line = lines.next()?;
    let after: Vec<_> = lines.take(AROUND).collect();
    Some(Lines { before: before.join("\n"), line: line.to_owned(), after: after.join("\n") })
}

fn cut(line: &str) -> &str {
    let end = (0..=LINE_LIMIT.min(line.len())).rev().find(|&end| line.is_char_boundary(end));
    &line[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(before: &str, line: &str, after: &str) -> Lines {
        Lines { before: before.into(), line: line.into(), after: after.into() }
    }

    #[test]
    fn five_lines_on_either_side() {
        let text = (1..=20).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
        for (line, expected) in [
            (0, None),
            (1, Some(lines("", "1", "2\n3\n4\n5\n6"))),
            (3, Some(lines("1\n2", "3", "4\n5\n6\n7\n8"))),
            (10, Some(lines("5\n6\n7\n8\n9", "10", "11\n12\n13\n14\n15"))),
            (20, Some(lines("15\n16\n17\n18\n19", "20", ""))),
            (21, None),
            (u32::MAX, None),
        ] {
            assert_eq!(lines_around(&text, line), expected, "{line}");
        }
    }

    #[test]
    fn long_lines_are_cut_between_characters() {
        let cut = lines_around(&"ä".repeat(LINE_LIMIT), 1).unwrap().line;
        assert_eq!(cut, "ä".repeat(LINE_LIMIT / 2));
        let odd = format!("x{}", "ä".repeat(LINE_LIMIT));
        assert_eq!(lines_around(&odd, 1).unwrap().line.len(), LINE_LIMIT - 1);
    }

    #[test]
    fn what_is_no_source_file_has_no_lines() {
        let sources = Sources::default();
        for file in ["/", "/no/such/file.rs", ""] {
            assert_eq!(sources.around(file, 1), None, "{file}");
        }
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/src/stack/source.rs");
        assert_eq!(sources.around(here, 1).unwrap().line, "//! The lines of source code around a frame.");
    }

    #[test]
    fn what_has_another_name_is_not_read() {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        assert!(read(manifest).is_some(), "it is there");
        for file in [manifest, "/etc/passwd", "/app/.env", "/app/.rs"] {
            assert_eq!(Sources::default().around(file, 1), None, "{file}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn nobody_waits_at_a_pipe() {
        let pipe = std::env::temp_dir().join(format!("highlight-{}-pipe.rs", std::process::id()));
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.is_ok_and(|status| status.success()), "mkfifo is part of POSIX");
        let (sender, receiver) = std::sync::mpsc::channel();
        let file = pipe.to_string_lossy().into_owned();
        std::thread::spawn(move || sender.send(Sources::default().around(&file, 1)));
        let found = receiver.recv_timeout(std::time::Duration::from_secs(30));
        fs::remove_file(&pipe).unwrap();
        assert_eq!(found, Ok(None));
    }

    #[test]
    fn memory_is_bounded() {
        let mut cache = Cache::default();
        for n in 0..2 * CACHE_FILES {
            assert_eq!(cache.read(&format!("/no/such/{n}")), None);
            assert!(cache.files.len() <= CACHE_FILES);
        }
        cache.bytes = CACHE_LIMIT + 1;
        assert_eq!(cache.read("/no/such/file"), None);
        assert_eq!((cache.files.len(), cache.bytes), (1, 0));
    }
}
