//! The public surface of each published crate as a list in `docs/api`, and whose types are part of it.
//!
//! ```text
//! cargo run -p conformance --bin api                 # compares, and prints what changed
//! cargo run -p conformance --bin api -- --write      # writes the lists anew
//! ```
//!
//! Exits with 1 if anything changed, and with 3 if it could not look: rustdoc's JSON has a format per version of Rust, and
//! the crate that reads it knows one.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what it does")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, Result, ensure};
use cargo_metadata::Metadata;
use clap::Parser;
use conformance::workspace::{cargo, host, metadata, published, root};
use public_api::{Builder, PublicApi};

const COULD_NOT_LOOK: u8 = 3;

/// Those of the compiler's own traits that a user may depend on; the others come and go with versions of Rust.
const MARKERS: [&str; 3] = ["core::marker::Copy", "core::marker::Send", "core::marker::Sync"];

#[derive(Parser)]
struct Args {
    /// Write the lists, rather than compare with them.
    #[arg(long)]
    write: bool,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let metadata = metadata(&host()?)?;
    document(metadata.target_directory.as_std_path())?;
    let pages = match pages(&metadata) {
        Ok(pages) => pages,
        Err(error) => {
            eprintln!("this toolchain's rustdoc cannot be read (Rust 1.95 can): {error}");
            return Ok(ExitCode::from(COULD_NOT_LOOK));
        }
    };
    let directory = root().join("docs/api");
    if args.write {
        for (name, page) in &pages {
            fs::write(directory.join(name), page).with_context(|| format!("writing {name}"))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let changed = pages.iter().filter(|(name, page)| differs(&directory.join(name), page)).count();
    if changed > 0 {
        println!("{changed} lists differ. If it is meant: cargo run -p conformance --bin api -- --write");
        return Ok(ExitCode::FAILURE);
    }
    println!("{} lists are as they were", pages.len());
    Ok(ExitCode::SUCCESS)
}

/// The files of `docs/api`, by name.
fn pages(metadata: &Metadata) -> Result<BTreeMap<String, String>, public_api::Error> {
    let mut pages = BTreeMap::new();
    let mut foreign = Foreign::default();
    for package in published(metadata) {
        let json = format!("doc/{}.json", package.name.replace('-', "_"));
        let json = metadata.target_directory.join(json);
        let surface = listing(&Builder::from_rustdoc_json(json).omit_blanket_impls(true).build()?);
        for dependency in &package.dependencies {
            foreign.versions.insert(dependency.name.replace('-', "_"), dependency.req.to_string());
        }
        foreign.read(&package.name, &surface);
        pages.insert(format!("{}.txt", package.name), surface);
    }
    pages.insert("README.md".to_owned(), foreign.page());
    Ok(pages)
}

/// Has rustdoc write JSON. The whole workspace, so that what was compiled for its pages serves once more.
fn document(target: &Path) -> Result<()> {
    let mut doc = cargo();
    doc.args(["doc", "--workspace", "--no-deps", "--all-features", "--locked", "--target-dir"]).arg(target);
    doc.env("RUSTDOC", root().join(".ci/rustdoc"));
    doc.env("RUSTDOCFLAGS", "-Z unstable-options --output-format json --cap-lints allow");
    ensure!(doc.status()?.success(), "rustdoc fails");
    Ok(())
}

/// A line per item, without what the compiler derives by itself.
fn listing(surface: &PublicApi) -> String {
    let items = surface.items().map(ToString::to_string);
    let kept = items.filter(|item| !is_noise(item));
    kept.fold(String::new(), |page, item| page + &item + "\n")
}

fn is_noise(item: &str) -> bool {
    let implemented = item.strip_prefix("impl").and_then(|item| item.split_once(" for "));
    implemented.and_then(|(before, _)| before.split(' ').next_back()).is_some_and(|path| {
        let path = path.trim_start_matches('!');
        let is_marker =
            ["core::marker::", "core::panic::unwind_safe::"].iter().any(|of| path.starts_with(of));
        is_marker && !MARKERS.contains(&path)
    })
}

/// The crates that are not ours and have a type, a trait or a function in the surface of one that is.
#[derive(Default)]
struct Foreign {
    /// What is asked for of each dependency.
    versions: BTreeMap<String, String>,
    /// By crate: its items, and our crates that show one.
    seen: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>,
}

impl Foreign {
    fn read(&mut self, package: &str, surface: &str) {
        // A crate as a whole: `pub use highlight::otel::opentelemetry`.
        let used = surface.lines().filter_map(|line| line.strip_prefix("pub use ")?.rsplit("::").next());
        let whole: Vec<_> = used.filter(|name| self.versions.contains_key(*name)).collect();
        for path in surface.lines().flat_map(paths).chain(whole) {
            let (of, _) = path.split_once("::").unwrap_or((path, ""));
            let is_foreign = !["core", "alloc", "std"].contains(&of) && !of.starts_with("highlight");
            if is_foreign {
                let (items, crates) = self.seen.entry(of.to_owned()).or_default();
                items.insert(if path == of { "all of it".to_owned() } else { format!("`{path}`") });
                crates.insert(format!("`{package}`"));
            }
        }
    }

    fn page(&self) -> String {
        let mut page = String::from(PREAMBLE);
        for (name, (items, crates)) in &self.seen {
            let version = self.versions.get(name).map_or("through another crate", String::as_str);
            let join = |of: &BTreeSet<String>| of.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let _ = writeln!(page, "| `{name}` | {version} | {} | {} |", join(crates), join(items));
        }
        page
    }
}

const PREAMBLE: &str = "# The public surface

Each file beside this one lists all public items of a crate, with all its features: what changes in them changes for users.
Written by `cargo run -p conformance --bin api -- --write`, compared by `.ci/run`.

## Types of other crates

A new major version of one of these is a breaking change of the crates that show it. Everything else that we depend on can be
exchanged without anybody noticing.

| crate | version | shown by | items |
|---|---|---|---|
";

/// The paths in a line that begin with a crate's name.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    let paths = words.map(|word| word.trim_matches(':')).filter(|word| word.contains("::"));
    paths.filter(|path| path.starts_with(|first: char| first.is_ascii_lowercase()))
}

/// Whether a list is another one now; prints the lines that went and came.
fn differs(path: &Path, page: &str) -> bool {
    let before = fs::read_to_string(path).unwrap_or_default();
    if before == page {
        return false;
    }
    println!("{}:", path.strip_prefix(root()).unwrap_or(path).display());
    let lines = |page: &str| page.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (before, after) = (lines(&before), lines(page));
    before.difference(&after).for_each(|line| println!("- {line}"));
    after.difference(&before).for_each(|line| println!("+ {line}"));
    true
}
