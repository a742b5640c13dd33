//! The workspace as Cargo describes it: its packages, and what a published crate is built from.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::{Metadata, MetadataCommand, Package};

/// The root of the repository.
#[must_use]
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// The packages and their dependencies on one platform, `""` for all of them. Nothing is downloaded that a build has not needed.
pub fn metadata(platform: &str) -> Result<Metadata> {
    let mut options = vec!["--locked".to_owned()];
    if !platform.is_empty() {
        options.extend(["--filter-platform".to_owned(), platform.to_owned()]);
    }
    let mut command = MetadataCommand::new();
    command.current_dir(root()).other_options(options);
    command.exec().context("asking Cargo for the workspace")
}

/// The packages that are to be published: all others are examples, tests and benches.
#[must_use]
pub fn published(metadata: &Metadata) -> Vec<&Package> {
    metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| package.name.starts_with("highlight"))
        .collect()
}

/// The platform that this was compiled on.
pub fn host() -> Result<String> {
    let version = output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say what its host is")
}

/// Everything that is part of a crate with all its features, itself included: name and version.
pub fn parts(package: &str, platform: &str) -> Result<Vec<(String, String)>> {
    let target = if platform.is_empty() { "all" } else { platform };
    let mut tree = cargo();
    tree.args(["tree", "--locked", "--all-features", "-e", "normal,build", "--prefix", "none"]);
    let tree = output(tree.args(["--format", "{p}", "-p", package, "--target", target]))?;
    let parts = tree.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
    });
    let mut parts: Vec<_> = parts.collect();
    parts.sort();
    parts.dedup();
    ensure!(!parts.is_empty(), "{package} has no parts");
    Ok(parts)
}

/// Cargo in the workspace.
#[must_use]
pub fn cargo() -> Command {
    let mut cargo =
        Command::new(std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from));
    cargo.current_dir(root());
    cargo
}

/// What a command prints, if it succeeds.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}
