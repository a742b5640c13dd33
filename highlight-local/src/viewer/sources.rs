//! The lines of the source around a frame's.
//!
//! Which file a frame names, its sender decides. So nothing is opened but regular files with the extension of a
//! source file that are, with all links resolved, below one of the roots.

use std::{
    env, fs,
    io::Read,
    path::{Component, Path, PathBuf},
};

/// The directories that source files may be read from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    roots: Vec<PathBuf>,
}

/// Some lines of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snippet {
    /// The line that they are around.
    pub(super) line: u32,
    /// Each with its number.
    pub(super) lines: Vec<(u32, String)>,
}

/// Larger files are hardly written by hand.
const MOST_BYTES: u64 = 1 << 20;
const MOST_COLUMNS: usize = 300;
/// Lines before and after.
const AROUND: u32 = 4;
const EXTENSIONS: [&str; 36] = [
    "rs", "js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "vue", "svelte", "py", "rb", "go", "java", "kt",
    "kts", "scala", "groovy", "clj", "c", "h", "cc", "cpp", "cxx", "hpp", "cs", "fs", "php", "swift", "m",
    "dart", "ex", "exs", "erl", "lua", "zig",
];

impl Sources {
    /// Source files below these directories. One that does not exist is left out.
    pub fn below<P: AsRef<Path>>(directories: impl IntoIterator<Item = P>) -> Self {
        let roots = directories.into_iter().filter_map(|root| fs::canonicalize(root).ok()).collect();
        Self { roots }
    }

    /// Those of the workspace that the current directory is in: the outermost directory with a `Cargo.toml`; without
    /// one, the current directory.
    #[must_use]
    pub fn from_workspace() -> Self {
        let Ok(current) = env::current_dir() else { return Self::default() };
        let outermost = current.ancestors().filter(|directory| directory.join("Cargo.toml").is_file()).last();
        Self::below([outermost.unwrap_or(&current)])
    }

    /// The lines around a frame's; `None` where the file is not one of ours, or not that long.
    pub(super) fn around(&self, file: &str, line: u32) -> Option<Snippet> {
        let text = self.read(file)?;
        let first = line.saturating_sub(AROUND).max(1);
        let lines: Vec<(u32, String)> = (1_u32..)
            .zip(text.lines())
            .skip_while(|(number, _)| *number < first)
            .take_while(|(number, _)| *number <= line.saturating_add(AROUND))
            .map(|(number, text)| (number, text.chars().take(MOST_COLUMNS).collect()))
            .collect();
        lines.iter().any(|(number, _)| *number == line).then_some(Snippet { line, lines })
    }

    fn read(&self, file: &str) -> Option<String> {
        let path = self.find(file)?;
        let mut text = String::new();
        let opened = fs::File::open(path).ok()?;
        // It may have grown since it was looked at.
        opened.take(MOST_BYTES).read_to_string(&mut text).ok()?;
        Some(text)
    }

    fn find(&self, file: &str) -> Option<PathBuf> {
        let named = Path::new(file.strip_prefix("file://").unwrap_or(file));
        if !is_plain(named) {
            return None;
        }
        // The server's form of a stack has a slash before relative paths too (C§6.3).
        let below_root = named.strip_prefix("/").unwrap_or(named);
        let candidates = self.roots.iter().flat_map(|root| [(root, named), (root, below_root)]);
        candidates.into_iter().find_map(|(root, named)| {
            // An absolute path replaces the root, and is refused below unless it is under it.
            let path = fs::canonicalize(root.join(named)).ok()?;
            let inside = path.strip_prefix(root).ok()?;
            // Again: a link may lead to another kind of file.
            let is_source = is_plain(inside) && has_no_hidden_part(inside);
            let is_fit = fs::metadata(&path).is_ok_and(|found| found.is_file() && found.len() <= MOST_BYTES);
            (is_source && is_fit).then_some(path)
        })
    }
}

/// Names a source file, without steps upwards.
fn is_plain(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
        && path.components().all(|part| !matches!(part, Component::ParentDir))
}

/// Nothing of `.git`, `.ssh` and the like.
fn has_no_hidden_part(path: &Path) -> bool {
    path.components().all(|part| !part.as_os_str().to_string_lossy().starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn lines_around_a_frame() {
        let root = tempfile::tempdir().unwrap();
        let text = (1..=20).map(|line| format!("line {line}")).collect::<Vec<_>>().join("\n");
        let path = write(root.path(), "shop/src/main.rs", &text);
        let sources = Sources::below([root.path()]);
        for file in ["shop/src/main.rs", "/shop/src/main.rs", "./shop/src/main.rs", path.to_str().unwrap()] {
            let found = sources.around(file, 10).unwrap();
            assert_eq!(found.lines.len(), 9, "{file}");
            assert_eq!(found.lines[4], (10, "line 10".to_owned()));
        }
        assert_eq!(sources.around("shop/src/main.rs", 1).unwrap().lines.len(), 5);
        for line in [0, 21, u32::MAX] {
            assert_eq!(sources.around("shop/src/main.rs", line), None, "{line}");
        }
    }

    #[test]
    fn no_other_file_is_read() {
        let outside = tempfile::tempdir().unwrap();
        let secret = write(outside.path(), "secret.rs", "secret\n");
        let inside = outside.path().join("tree");
        write(&inside, "ok.rs", "fine\n");
        write(&inside, "passwords.txt", "secret\n");
        write(&inside, ".git/hook.rs", "secret\n");
        write(&inside, ".env", "secret\n");
        write(&inside, "noextension", "secret\n");
        write(&inside, "binary.rs", "\u{0}\n");
        fs::write(inside.join("latin.rs"), [b'a', 0xff, b'\n']).unwrap();
        write(&inside, "large.rs", &"x".repeat(usize::try_from(MOST_BYTES).unwrap() + 1));
        fs::create_dir_all(inside.join("directory.rs")).unwrap();
        // A sibling whose name begins like the root's.
        write(outside.path(), "tree-too/a.rs", "secret\n");
        let sources = Sources::below([&inside]);
        assert!(sources.around("ok.rs", 1).is_some());
        let sibling = outside.path().join("tree-too/a.rs");
        for file in [
            "../secret.rs",
            "../tree/ok.rs",
            "x/../ok.rs",
            secret.to_str().unwrap(),
            sibling.to_str().unwrap(),
            "../../../../../../etc/passwd",
            "/etc/passwd",
            "file:///etc/passwd",
            "passwords.txt",
            ".git/hook.rs",
            ".env",
            "noextension",
            "directory.rs",
            "large.rs",
            "latin.rs",
            "missing.rs",
            "ok.rs\0",
            "",
            "/",
            ".",
        ] {
            assert_eq!(sources.around(file, 1), None, "{file:?}");
        }
        assert_eq!(Sources::default().around("ok.rs", 1), None);
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_nowhere_else() {
        use std::os::unix::fs::symlink;

        let outside = tempfile::tempdir().unwrap();
        let secret = write(outside.path(), "secret.rs", "secret\n");
        let root = tempfile::tempdir().unwrap();
        let notes = write(root.path(), "notes.txt", "secret\n");
        let fine = write(root.path(), "fine.rs", "fine\n");
        symlink(&secret, root.path().join("link.rs")).unwrap();
        symlink(outside.path(), root.path().join("directory")).unwrap();
        symlink(&notes, root.path().join("notes.rs")).unwrap();
        symlink(&fine, root.path().join("inside.rs")).unwrap();
        symlink("/dev/zero", root.path().join("zero.rs")).unwrap();
        let sources = Sources::below([root.path()]);
        assert!(sources.around("inside.rs", 1).is_some(), "a link within the root is none of our business");
        for file in ["link.rs", "directory/secret.rs", "notes.rs", "zero.rs"] {
            assert_eq!(sources.around(file, 1), None, "{file}");
        }
    }
}
