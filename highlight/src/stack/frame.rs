//! One frame, and what kind of code it is.

use super::Place;

/// A function, and the file and line where they are known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) function: &'a str,
    pub(super) place: Option<(&'a str, u32)>,
}

/// Functions that start processes and threads.
const STARTING: [&str; 10] = [
    "main",
    "_main",
    "_start",
    "start",
    "start_thread",
    "thread_start",
    "_pthread_start",
    "clone",
    "clone3",
    "__clone",
];

/// Crates, with all their parts, that run tasks, serve requests, hand them from layer to layer, and make and log errors.
const PLUMBING: [&str; 20] = [
    "actix",
    "anyhow",
    "axum",
    "backtrace",
    "color",
    "eyre",
    "futures",
    "h2",
    "highlight",
    "http",
    "hyper",
    "log",
    "mio",
    "opentelemetry",
    "reqwest",
    "test",
    "tokio",
    "tonic",
    "tower",
    "tracing",
];

/// Crates named so and no others: without a file, a program's own `http_gateway` must not be taken for a part of `http`.
const PLUMBING_PARTS: [&str; 24] = [
    "actix_http",
    "actix_rt",
    "actix_server",
    "actix_service",
    "actix_web",
    "axum_core",
    "color_eyre",
    "futures_core",
    "futures_util",
    "highlight_actix",
    "highlight_axum",
    "highlight_reqwest",
    "highlight_tower",
    "hyper_util",
    "opentelemetry_appender_log",
    "opentelemetry_appender_tracing",
    "reqwest_middleware",
    "tower_http",
    "tower_layer",
    "tower_service",
    "tracing_core",
    "tracing_log",
    "tracing_opentelemetry",
    "tracing_subscriber",
];

impl Frame<'_> {
    /// Whether the frame tells nothing about an error: the standard library, runtimes and frameworks, and what
    /// errors are made, logged and reported with.
    pub(super) fn is_plumbing(&self) -> bool {
        match self.place {
            Some((file, _)) => {
                below_std(file).is_some()
                    || is_ours(file)
                    || self.is_packaged_plumbing()
                    || self.is_named_plumbing()
            }
            None => {
                matches!(self.crate_name(), "std" | "core" | "alloc" | "__rustc")
                    || self.function.starts_with("rust_")
                    || self.is_named_plumbing()
            }
        }
    }

    fn is_named_plumbing(&self) -> bool {
        let name = self.crate_name();
        PLUMBING.contains(&name)
            || PLUMBING_PARTS.contains(&name)
            || STARTING.contains(&self.function)
            || self.function.starts_with("__libc_start")
            || self.function.starts_with("__rust_")
    }

    /// Whether the file is of a package in Cargo's registry that belongs to the plumbing: `futures-util` is a part of `futures`.
    fn is_packaged_plumbing(&self) -> bool {
        let package = self.place.and_then(|(file, _)| below_registry(file)?.split('/').next());
        let family = package.and_then(|package| package.split(['-', '_']).next());
        family.is_some_and(|family| PLUMBING.contains(&family))
    }

    /// The crate of the function, or of the type that it is a method of, or of the trait if the type is a parameter.
    fn crate_name(&self) -> &str {
        let path = self.function.trim_start_matches(['<', '&', '*', '(', '[']);
        let Some((first, _)) = path.split_once("::") else { return "" };
        // `F as axum`, `dyn core`, `poll<alloc`.
        first.rsplit([' ', '<', '&', '(']).next().unwrap_or(first)
    }

    /// Whether the frame is of the program's own code, and not of a library's.
    pub(super) fn is_application(&self) -> bool {
        self.place.is_some_and(|(file, _)| below_std(file).or_else(|| below_registry(file)).is_none())
    }

    pub(super) fn is_at(&self, place: &Place) -> bool {
        self.is_in(place) && self.place.is_some_and(|(_, line)| line == place.line)
    }

    /// Whether the frame lies in the place's file. One path may be absolute, the other relative to the
    /// workspace, the package or the current directory.
    pub(super) fn is_in(&self, place: &Place) -> bool {
        let Some((own, _)) = self.place else { return false };
        let ends_with = |long: &str, short: &str| {
            long.strip_suffix(short).is_some_and(|front| front.is_empty() || front.ends_with(['/', '\\']))
        };
        ends_with(own, &place.file) || ends_with(&place.file, own)
    }
}

/// Whether the file belongs to a crate of this family. Where the compiler keeps little debug information, inlined
/// functions have a file but no path in their name.
pub(super) fn is_ours(file: &str) -> bool {
    const SOURCES: [&str; 5] = [
        "highlight/src/",
        "highlight-tower/src/",
        "highlight-axum/src/",
        "highlight-actix/src/",
        "highlight-reqwest/src/",
    ];
    // In Cargo's registry the directories have other names, and the package tells.
    let Some(root) = file!().strip_suffix("highlight/src/stack/frame.rs") else { return false };
    SOURCES.iter().any(|sources| match file.strip_prefix(root) {
        Some(below) if below.starts_with(sources) => true,
        // A relative root is the workspace's, which the frame's absolute path goes through.
        _ => root.is_empty() && file.rsplit_once(sources).is_some_and(|(front, _)| front.ends_with('/')),
    })
}

/// The rest of the path of a file of the standard library: `core/src/option.rs`.
pub(super) fn below_std(file: &str) -> Option<&str> {
    let compiled = file.strip_prefix("/rustc/").and_then(|rest| rest.split_once("/library/"));
    let installed = || file.split_once("/rustlib/src/rust/library/");
    compiled.or_else(installed).map(|(_, rest)| rest)
}

/// The rest of the path of a file that Cargo has fetched: `serde-1.0.229/src/de.rs`.
pub(super) fn below_registry(file: &str) -> Option<&str> {
    let published = || file.split_once("/registry/src/")?.1.split_once('/').map(|(_index, rest)| rest);
    let checked_out = || file.split_once("/git/checkouts/").map(|(_, rest)| rest);
    published().or_else(checked_out)
}
