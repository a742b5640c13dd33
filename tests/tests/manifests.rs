//! What the manifests promise: one version, packages that say what they are, and a minimum Rust that the dependencies allow.
//!
//! The last is judged on the graph of this machine's platform; `MSRV_PLATFORM=all` takes every platform's.

#![expect(clippy::expect_used, reason = "a test's panic is its verdict")]

use std::{collections::HashMap, fs};

use cargo_metadata::{DependencyKind, Metadata, semver::VersionReq};
use conformance::workspace::{host, metadata, parts, published, root};

/// What is built in a workspace of its own: its manifest, beside the others.
const ELSEWHERE: [&str; 2] = ["examples/kafka/Cargo.toml", "fuzz/Cargo.toml"];

#[test]
fn all_crates_have_one_version() {
    let workspace = workspace();
    let packages = published(&workspace);
    let version = &packages.first().expect("something is published").version;
    let mut wrong = Vec::new();
    for package in workspace.workspace_packages() {
        if package.version != *version {
            wrong.push(format!("{} is {}", package.name, package.version));
        }
    }
    // What a published crate asks of another: exactly this version or a compatible one, and never nothing.
    let wanted = VersionReq::parse(&format!("^{version}")).expect("a version is a requirement");
    for package in &packages {
        let family = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
        for dependency in family.filter(|dependency| dependency.kind != DependencyKind::Development) {
            if dependency.req != wanted {
                wrong.push(format!("{} asks for {} {}", package.name, dependency.name, dependency.req));
            }
        }
    }
    let line = format!("version = \"{version}\"");
    for path in ELSEWHERE {
        let manifest = fs::read_to_string(root().join(path)).expect("it is there");
        if !manifest.lines().any(|of| of == line) {
            wrong.push(format!("{path} has not {line}"));
        }
    }
    assert!(wrong.is_empty(), "{version} is the version, but\n{}", wrong.join("\n"));
}

#[test]
fn published_crates_say_what_they_are() {
    let workspace = workspace();
    let license = fs::read(root().join("LICENSE")).expect("the licence is there");
    let mut missing = Vec::new();
    for package in published(&workspace) {
        let folder = package.manifest_path.parent().expect("a file is in a folder");
        let all_features = package.metadata.pointer("/docs/rs/all-features");
        let said = [
            ("description", package.description.is_some()),
            ("license", package.license.is_some()),
            ("readme", package.readme.is_some()),
            ("rust-version", package.rust_version.is_some()),
            ("between one and five keywords", (1..=5).contains(&package.keywords.len())),
            ("categories", !package.categories.is_empty()),
            ("[package.metadata.docs.rs] all-features", all_features.is_some_and(|is| is == true)),
            ("the licence as a file", fs::read(folder.join("LICENSE")).is_ok_and(|text| text == license)),
        ];
        missing.extend(
            said.iter().filter(|(_, is_said)| !is_said).map(|(what, _)| format!("{}: {what}", package.name)),
        );
    }
    assert!(missing.is_empty(), "missing:\n{}", missing.join("\n"));
}

/// Of the workspace's own line, a release makes `publish = true`.
#[test]
fn nothing_else_is_published() {
    let workspace = workspace();
    let published: Vec<_> = published(&workspace).iter().map(|package| &package.id).collect();
    for package in workspace.workspace_packages() {
        let line =
            if published.contains(&&package.id) { "publish.workspace = true" } else { "publish = false" };
        let manifest = fs::read_to_string(&package.manifest_path).expect("it is there");
        assert!(manifest.lines().any(|of| of == line), "{} has not {line}", package.name);
    }
}

#[test]
fn no_dependency_asks_for_a_newer_rust() {
    let platform = match std::env::var("MSRV_PLATFORM") {
        Ok(all) if all == "all" => String::new(),
        Ok(platform) => platform,
        Err(_) => host().expect("rustc can be asked"),
    };
    let workspace = metadata(&platform).expect("Cargo describes the workspace");
    let minimum: HashMap<_, _> = workspace
        .packages
        .iter()
        .filter_map(|package| {
            Some(((package.name.clone(), package.version.to_string()), package.rust_version.clone()?))
        })
        .collect();
    let mut newer = Vec::new();
    for package in published(&workspace) {
        let ours = package.rust_version.as_ref().expect("every crate states its minimum Rust");
        for part in parts(&package.name, &platform).expect("Cargo lists the dependencies") {
            if let Some(theirs) = minimum.get(&part).filter(|theirs| *theirs > ours) {
                newer.push(format!(
                    "{} is for Rust {ours}, but {} {} for {theirs}",
                    package.name, part.0, part.1
                ));
            }
        }
    }
    assert!(newer.is_empty(), "{}", newer.join("\n"));
}

fn workspace() -> Metadata {
    metadata(&host().expect("rustc can be asked")).expect("Cargo describes the workspace")
}
