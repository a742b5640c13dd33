//! A project's dependencies, features and profile: what of them bites.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use highlight::diagnosis::Finding;
use serde_json::Value;

use super::{features, graph::Graph, profile, versions};

pub(super) fn check(path: &Path) -> Vec<Finding> {
    match metadata(path) {
        Ok(metadata) => {
            let graph = Graph::of(&metadata);
            let root = metadata["workspace_root"].as_str().unwrap_or_default();
            let mut findings = versions::check(&graph);
            findings.extend(features::check(&graph));
            findings.push(profile::check(&Path::new(root).join("Cargo.toml")));
            findings
        }
        Err(reason) => vec![Finding::problem(
            "dependencies",
            format!("cargo cannot read {}: {reason}", path.display()),
            "name a `Cargo.toml` that cargo can build",
        )],
    }
}

/// What cargo knows of the project, without the network if that is possible. The lock file is only written if there is none.
fn metadata(path: &Path) -> Result<Value, String> {
    cargo_metadata(path, &["--offline"]).or_else(|_| cargo_metadata(path, &[]))
}

fn cargo_metadata(path: &Path, more: &[&str]) -> Result<Value, String> {
    let mut command = cargo();
    command.args(["metadata", "--format-version", "1", "--manifest-path"]).arg(path).args(more);
    if let Some(host) = host() {
        // Packages of other platforms need not be there.
        command.args(["--filter-platform", &host]);
    }
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        let reason = errors.lines().find(|line| line.starts_with("error")).unwrap_or("error");
        return Err(reason.trim_start_matches("error: ").to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

fn host() -> Option<String> {
    let output = cargo().arg("-vV").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.stdin(Stdio::null());
    command
}
