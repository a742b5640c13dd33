//! The paths of source files as the reader knows them: from the root of the repository (C§6.3).

use std::{borrow::Cow, sync::OnceLock};

use super::{
    Place,
    frame::{Frame, below_registry, below_std},
};

/// How the paths that the compiler wrote down become the reader's.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paths {
    /// The program's own rules, the longest prefix first.
    prefixes: Vec<(String, String)>,
    /// Where the workspace was when it was compiled, once an error has told.
    root: OnceLock<String>,
}

impl Paths {
    pub(crate) fn new(mut prefixes: Vec<(String, String)>) -> Self {
        prefixes.sort_by_key(|(from, _)| std::cmp::Reverse(from.trim_end_matches('/').len()));
        Self { prefixes, root: OnceLock::new() }
    }

    /// Finds out where the workspace was. In it, the compiler knows the place of a report relative to the workspace's root, and the
    /// frame of that place from the root of the file system.
    pub(super) fn learn(&self, frames: &[Frame<'_>], place: &Place) {
        let relative = is_relative(&place.file) && !place.file.starts_with('.');
        if self.root.get().is_some() || !relative {
            return;
        }
        let root = |frame: &Frame<'_>| {
            let (file, _) =
                frame.place.filter(|(file, _)| below_registry(file).or(below_std(file)).is_none())?;
            let front = file.strip_suffix(&*place.file)?.strip_suffix('/')?;
            (!front.is_empty()).then(|| front.to_owned())
        };
        // The very line, else the file: of a statement with several lines, the frame may have another one.
        let exact = frames.iter().filter(|frame| frame.is_at(place)).find_map(root);
        if let Some(root) = exact.or_else(|| frames.iter().find_map(root)) {
            let _ = self.root.set(root);
        }
    }

    /// The file as the reader knows it.
    pub(super) fn shown<'a>(&self, file: &'a str) -> Cow<'a, str> {
        let remapped = self.prefixes.iter().find_map(|(from, to)| {
            let rest = below(file, from)?;
            let to = to.trim_end_matches('/');
            Some(if rest.is_empty() { to.to_owned() } else { format!("{to}/{rest}") })
        });
        if let Some(file) = remapped {
            return file.into();
        }
        if let Some(file) = below_std(file).or_else(|| below_registry(file)) {
            return file.into();
        }
        let in_workspace = self.root.get().and_then(|root| below(file, root));
        match in_workspace {
            Some(file) => format!("/{file}").into(),
            None if is_relative(file) => format!("/{}", file.strip_prefix("./").unwrap_or(file)).into(),
            None => file.into(),
        }
    }

    /// Where the file was when the program was compiled.
    pub(super) fn compiled<'a>(&self, file: &'a str) -> Cow<'a, str> {
        match self.root.get() {
            Some(root) if is_relative(file) => format!("{root}/{file}").into(),
            _ => file.into(),
        }
    }
}

/// What is left of `file` below the directory.
fn below<'a>(file: &'a str, directory: &str) -> Option<&'a str> {
    let rest = file.strip_prefix(directory.trim_end_matches('/'))?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

fn is_relative(file: &str) -> bool {
    // `<unknown>`, and `C:\`.
    !file.starts_with(['/', '\\', '<']) && !file.contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(prefixes: &[(&str, &str)]) -> Paths {
        Paths::new(prefixes.iter().map(|&(from, to)| (from.to_owned(), to.to_owned())).collect())
    }

    fn frame(file: &str, line: u32) -> Frame<'_> {
        Frame { function: "f", place: Some((file, line)) }
    }

    fn place(file: &'static str, line: u32) -> Place {
        Place { file: file.into(), line }
    }

    #[test]
    fn libraries_are_named_and_the_rest_is_left_alone() {
        let index = "/home/u/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f";
        for (file, shown) in [
            ("/rustc/59807616e1fa2540/library/core/src/option.rs", "core/src/option.rs"),
            ("/home/u/.rustup/toolchains/stable/lib/rustlib/src/rust/library/std/src/io.rs", "std/src/io.rs"),
            (&format!("{index}/serde-1.0.229/src/de.rs"), "serde-1.0.229/src/de.rs"),
            ("/home/u/.cargo/git/checkouts/shop-1a2b/3c4d5e6/src/lib.rs", "shop-1a2b/3c4d5e6/src/lib.rs"),
            ("/build/shop/src/main.rs", "/build/shop/src/main.rs"),
            ("shop/src/main.rs", "/shop/src/main.rs"),
            ("./shop/src/main.rs", "/shop/src/main.rs"),
            ("C:\\shop\\main.rs", "C:\\shop\\main.rs"),
            ("<unknown>", "<unknown>"),
        ] {
            assert_eq!(paths(&[]).shown(file), shown);
        }
    }

    #[test]
    fn the_longest_prefix_of_whole_names_counts() {
        let paths =
            paths(&[("/build/", "/services"), ("/build/shop", "/"), ("generated", "/target/generated/")]);
        for (file, shown) in [
            ("/build/cart/src/main.rs", "/services/cart/src/main.rs"),
            ("/build/shop/src/main.rs", "/src/main.rs"),
            ("/build/shops/src/main.rs", "/services/shops/src/main.rs"),
            ("/builder/src/main.rs", "/builder/src/main.rs"),
            ("generated/a.rs", "/target/generated/a.rs"),
        ] {
            assert_eq!(paths.shown(file), shown);
        }
    }

    #[test]
    fn the_workspace_is_found_out_from_an_error_in_it() {
        let registry = "/home/u/.cargo/registry/src/index-1/dep-1.0.0/src/lib.rs";
        let stack = [frame(registry, 3), frame("/ws/src/lib.rs", 9), frame("/ws/shop/src/main.rs", 1)];
        for (told, root) in [
            (place("src/lib.rs", 9), Some("/ws")),
            // Not the library that has a file of this name.
            (place("src/lib.rs", 3), Some("/ws")),
            (place("shop/src/main.rs", 77), Some("/ws")),
            (place("/ws/src/lib.rs", 9), None),
            (place("other.rs", 9), None),
            (place("ib.rs", 9), None),
        ] {
            let paths = paths(&[]);
            paths.learn(&stack, &told);
            assert_eq!(paths.root.get().map(String::as_str), root, "{told:?}");
        }
        let paths = paths(&[]);
        paths.learn(&stack, &place("src/lib.rs", 9));
        paths.learn(&[frame("/elsewhere/src/lib.rs", 9)], &place("src/lib.rs", 9));
        assert_eq!(paths.shown("/ws/cart/src/main.rs"), "/cart/src/main.rs");
        assert_eq!(paths.shown("/elsewhere/src/lib.rs"), "/elsewhere/src/lib.rs");
        assert_eq!(paths.compiled("shop/src/main.rs"), "/ws/shop/src/main.rs");
        assert_eq!(paths.compiled("/else/main.rs"), "/else/main.rs");
    }
}
