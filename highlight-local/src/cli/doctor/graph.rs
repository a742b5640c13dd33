//! The packages that become part of the program.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The graph of `cargo metadata`, without what is for tests and build scripts alone.
#[derive(Debug, Default)]
pub(super) struct Graph {
    packages: BTreeMap<String, Package>,
}

/// One package, in one version.
#[derive(Debug, Default)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) is_of_registry: bool,
    pub(super) features: BTreeSet<String>,
    /// `name version` of the packages that depend on it.
    pub(super) users: BTreeSet<String>,
}

impl Package {
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    /// What Cargo keeps apart: types of two versions with different ones are different types.
    pub(super) fn compatibility(&self) -> String {
        let mut parts = self.version.split('.');
        match (parts.next(), parts.next()) {
            (Some("0"), Some(minor)) => format!("0.{minor}"),
            (Some(major), _) => major.to_owned(),
            _ => self.version.clone(),
        }
    }
}

impl Graph {
    pub(super) fn of(metadata: &Value) -> Self {
        let nodes = by_id(&metadata["resolve"]["nodes"]);
        let mut graph = Self::default();
        for (id, package) in by_id(&metadata["packages"]) {
            graph.packages.insert(id.to_owned(), read(package));
        }
        let root = metadata["resolve"]["root"].as_str();
        let mut open: Vec<&str> = match root {
            Some(root) => vec![root],
            // A virtual manifest: all members.
            None => texts(&metadata["workspace_members"]).collect(),
        };
        let mut reached = BTreeSet::new();
        while let Some(id) = open.pop() {
            if !reached.insert(id) {
                continue;
            }
            let Some(node) = nodes.get(id) else { continue };
            let user = graph.packages.get(id).map(Package::shown).unwrap_or_default();
            for dependency in array(&node["deps"]).filter(|dependency| is_normal(dependency)) {
                let Some(id) = dependency["pkg"].as_str() else { continue };
                if let Some(package) = graph.packages.get_mut(id) {
                    package.users.insert(user.clone());
                }
                open.push(id);
            }
            if let Some(package) = graph.packages.get_mut(id) {
                package.features = texts(&node["features"]).map(str::to_owned).collect();
            }
        }
        graph.packages.retain(|id, _| reached.contains(id.as_str()));
        graph
    }

    /// All versions of a package.
    pub(super) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Package> {
        self.packages.values().filter(move |package| package.name == name)
    }
}

fn read(package: &Value) -> Package {
    let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
    Package {
        name: text("name"),
        version: text("version"),
        is_of_registry: text("source").starts_with("registry+"),
        ..Package::default()
    }
}

/// Cargo writes `null` for the kind of an ordinary dependency.
fn is_normal(dependency: &Value) -> bool {
    array(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null())
}

fn by_id(list: &Value) -> BTreeMap<&str, &Value> {
    array(list).filter_map(|entry| Some((entry["id"].as_str()?, entry))).collect()
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    array(value).filter_map(Value::as_str)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// A graph from lines `name version [feature,..] <- name version, ..`; the first is the root. Only `app` and our own version
    /// of `highlight` are not of the registry.
    pub(crate) fn graph(lines: &[&str]) -> Graph {
        let mut packages = Vec::new();
        let mut nodes: BTreeMap<String, (Vec<Value>, Vec<&str>)> = BTreeMap::new();
        for line in lines {
            let (package, users) = line.split_once(" <- ").unwrap_or((line, ""));
            let mut words = package.split(' ');
            let id = format!("{} {}", words.next().unwrap(), words.next().unwrap());
            let features = words.next().map(|list| list.split(',').collect()).unwrap_or_default();
            let (name, version) = id.split_once(' ').unwrap();
            let source = if name == "app" || id == "highlight 0.1.0" { "" } else { "registry+index" };
            packages.push(json!({"id": id, "name": name, "version": version, "source": source}));
            nodes.entry(id.clone()).or_default().1 = features;
            for user in users.split(", ").filter(|user| !user.is_empty()) {
                let dependency = json!({"pkg": id, "dep_kinds": [{"kind": null}]});
                nodes.entry(user.to_owned()).or_default().0.push(dependency);
            }
        }
        let root = packages[0]["id"].clone();
        let nodes: Vec<_> = nodes
            .into_iter()
            .map(|(id, (deps, features))| json!({"id": id, "deps": deps, "features": features}))
            .collect();
        Graph::of(&json!({"packages": packages, "resolve": {"root": root, "nodes": nodes}}))
    }

    #[test]
    fn only_what_becomes_part_of_the_program_counts() {
        let normal = json!([{"kind": null}]);
        let other = json!([{"kind": "dev"}, {"kind": "build"}]);
        let package = |name: &str| json!({"id": name, "name": name, "version": "1.0.0"});
        let graph = Graph::of(&json!({
            "packages": [package("app"), package("used"), package("tested"), package("stray")],
            "resolve": {"root": "app", "nodes": [
                {"id": "app", "deps": [{"pkg": "used", "dep_kinds": normal}, {"pkg": "tested", "dep_kinds": other}], "features": []},
                {"id": "used", "deps": [], "features": ["std"]},
                {"id": "tested", "deps": [{"pkg": "used", "dep_kinds": normal}], "features": []},
            ]},
        }));
        let used: Vec<_> = graph.named("used").collect();
        assert!(used[0].features.contains("std"));
        assert_eq!(used[0].users, BTreeSet::from(["app 1.0.0".to_owned()]));
        assert_eq!(graph.named("tested").count() + graph.named("stray").count(), 0);
    }

    #[test]
    fn a_virtual_manifest_is_all_its_members_and_nonsense_is_none() {
        let metadata = json!({
            "packages": [{"id": "a", "name": "a", "version": "1.0.0"}, {"id": "b", "name": "b", "version": "1.0.0"}],
            "resolve": {"root": null, "nodes": []},
            "workspace_members": ["a", "b"],
        });
        let graph = Graph::of(&metadata);
        assert_eq!(graph.named("a").count() + graph.named("b").count(), 2);
        assert!(Graph::of(&json!({"packages": 7})).packages.is_empty());
    }

    #[test]
    fn versions_are_compatible_by_cargos_rule() {
        for (version, compatibility) in [("0.33.1", "0.33"), ("1.2.3", "1"), ("0.1.44", "0.1"), ("2", "2")] {
            let package = Package { version: version.to_owned(), ..Package::default() };
            assert_eq!(package.compatibility(), compatibility);
        }
    }
}
