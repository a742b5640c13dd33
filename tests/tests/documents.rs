//! The documents beside the tree: what they name is there, and `ARCHITECTURE.md` names every module.
//!
//! Its tables of modules are the first sentences of the modules' own documentation:
//!
//! ```text
//! UPDATE_DOCS=1 cargo test -p conformance --test documents      # writes them
//! ```

#![expect(clippy::expect_used, clippy::panic, reason = "a test's panic is its verdict")]

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

const BEGIN: &str = "<!-- The tables of modules: written by tests/tests/documents.rs. -->\n";
const END: &str = "<!-- End of the tables of modules. -->\n";

#[test]
fn the_tables_of_modules_are_those_of_the_tree() {
    let path = root().join("ARCHITECTURE.md");
    let page = read(&path);
    let (before, rest) = page.split_once(BEGIN).expect("the tables have a beginning");
    let (_, after) = rest.split_once(END).expect("the tables have an end");
    let written = format!("{before}{BEGIN}{}{END}{after}", tables());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, written).expect("the page can be written");
    } else {
        assert!(page == written, "write it anew: UPDATE_DOCS=1 cargo test -p conformance --test documents");
    }
}

#[test]
fn what_the_documents_name_exists() {
    let missing: Vec<_> = documents().iter().flat_map(|document| missing_in(document)).collect();
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace is around this package").to_owned()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What is in a directory, by name.
fn list(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("the directory can be listed").path()).collect();
    paths.sort();
    paths
}

fn tables() -> String {
    let mut tables = String::new();
    for package in packages() {
        let source = root().join(&package).join("src");
        write!(tables, "\n### `{package}`\n\n| module | what it holds |\n|---|---|\n").expect("a text grows");
        for module in modules(&source) {
            let name = module.strip_prefix(&source).expect("it is below").display();
            let purpose = purpose(&module);
            writeln!(tables, "| [`{name}`]({package}/src/{name}) | {purpose} |").expect("a text grows");
        }
    }
    tables + "\n"
}

/// The workspace's members with modules, but for the examples, which the README lists.
fn packages() -> Vec<String> {
    let manifest = read(&root().join("Cargo.toml"));
    let (_, members) = manifest.split_once("members = [").expect("the workspace has members");
    let (members, _) = members.split_once(']').expect("their list ends");
    let members = members.split('"').skip(1).step_by(2).map(str::to_owned);
    members
        .filter(|member| !member.starts_with("examples/") && root().join(member).join("src").is_dir())
        .collect()
}

/// The source files below a directory, without those that are tests; what `mod.rs` says of a folder comes first.
fn modules(directory: &Path) -> Vec<PathBuf> {
    let mut modules = Vec::new();
    for path in list(directory) {
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
        if path.is_dir() && !is_test {
            modules.extend(self::modules(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
            modules.push(path);
        }
    }
    modules.sort_by_key(|path| path.to_string_lossy().replace("mod.rs", "").replace("lib.rs", ""));
    modules
}

/// The first sentence of a module's documentation.
fn purpose(module: &Path) -> String {
    let source = read(module);
    let lines = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let paragraph: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let paragraph = paragraph.join(" ");
    assert!(!paragraph.is_empty(), "{} does not begin with what it is for (`//!`)", module.display());
    let sentence = paragraph.split_once(". ").map_or(&*paragraph, |(first, _)| first);
    without_links(sentence).trim_end_matches(['.', ':']).replace('|', "\\|")
}

/// Links of rustdoc lead nowhere in a page: their text alone.
fn without_links(mut text: &str) -> String {
    let mut plain = String::new();
    while let Some((before, (label, after))) =
        text.split_once('[').and_then(|(before, rest)| Some((before, rest.split_once(']')?)))
    {
        plain.extend([before, label]);
        let target = after.strip_prefix('(').and_then(|target| target.split_once(')'));
        text = target.map_or(after, |(_, after)| after);
    }
    plain + text
}

fn documents() -> Vec<PathBuf> {
    let directories = [root(), root().join("docs"), root().join("fuzz")];
    let files = directories.iter().flat_map(|directory| list(directory));
    files.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

/// The links, and the paths between backticks, that lead nowhere.
fn missing_in(document: &Path) -> Vec<String> {
    let folder = document.parent().expect("a file is in a folder");
    let text = prose(&read(document));
    let mut missing = Vec::new();
    for target in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
        let (path, heading) = target.split_once('#').unwrap_or((target, ""));
        let path = if path.is_empty() { document.to_owned() } else { folder.join(path) };
        let is_there = path.exists() && (heading.is_empty() || headings(&path).iter().any(|h| h == heading));
        if !target.starts_with("https://") && !is_there {
            missing.push(format!("{}: the link to {target}", document.display()));
        }
    }
    for path in text.split('`').skip(1).step_by(2).filter(|text| is_path(text)) {
        if !root().join(path).exists() {
            missing.push(format!("{}: the path {path}", document.display()));
        }
    }
    missing
}

/// A document without its code.
fn prose(document: &str) -> String {
    document.split("```").step_by(2).collect()
}

/// Whether a text between backticks names a file of the repository: it starts with one of its directories. `target` is none of these.
fn is_path(text: &str) -> bool {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    let first = text.split_once('/').map(|(first, _)| first);
    let is_ours = |first: &str| !first.is_empty() && first != "target" && root().join(first).is_dir();
    is_plain && first.is_some_and(is_ours)
}

/// The anchors of a page's headings, as GitHub makes them.
fn headings(page: &Path) -> Vec<String> {
    let text = prose(&read(page));
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| -> String {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}
