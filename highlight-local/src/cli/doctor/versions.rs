//! Packages that must be there in one version, because they hold what is shared; and some that must not be there.

use std::collections::{BTreeMap, BTreeSet};

use highlight::diagnosis::{Finding, Verdict};

use super::graph::{Graph, Package};

/// What a second version costs.
const SHARED: [(&str, Verdict, &str); 4] = [
    ("opentelemetry", Verdict::Problem, "its spans and metrics are not seen, and know no request"),
    ("tracing-core", Verdict::Problem, "its spans and events go to another subscriber"),
    ("tracing-opentelemetry", Verdict::Warning, "its `OpenTelemetrySpanExt` does nothing on our spans"),
    ("tracing-subscriber", Verdict::Warning, "its registry does not take `highlight::layer()`"),
];

/// What does the same as this SDK, beside it.
const DOUBLE: [(&str, &str, &str); 2] = [
    (
        "opentelemetry-otlp",
        "a second exporter: with `highlight::init`, what goes to OpenTelemetry's global providers goes to the last that set them",
        "let one export, or give the other providers of its own; if it fails to send, see which HTTP client its features chose",
    ),
    (
        "opentelemetry-appender-tracing",
        "a second way for `tracing` events: beside `highlight::layer()` each is stored twice",
        "take it out, or see that it exports elsewhere",
    ),
];

pub(super) fn check(graph: &Graph) -> Vec<Finding> {
    let mut findings = vec![ours(graph)];
    findings.extend(SHARED.iter().filter_map(|(name, verdict, cost)| second(graph, name, *verdict, cost)));
    for (name, message, remedy) in DOUBLE {
        findings.extend(graph.named(name).map(|package| {
            Finding::warning(
                "dependencies",
                format!("{} ({}): {message}", package.shown(), users(package)),
                remedy,
            )
        }));
    }
    findings
}

/// The registry has another package of our name.
fn ours(graph: &Graph) -> Finding {
    match graph.named("highlight").collect::<Vec<_>>().as_slice() {
        [] => Finding::warning(
            "dependencies",
            "the project does not depend on `highlight`",
            "name the `Cargo.toml` of the service",
        ),
        [package] if package.is_of_registry => Finding::problem(
            "dependencies",
            format!("{} of the registry is a syntax highlighter", package.shown()),
            "depend on this SDK by path or git: see \"The package name\" in its README",
        ),
        [package] => Finding::ok("dependencies", format!("{} ({})", package.shown(), users(package))),
        _ => Finding::problem(
            "dependencies",
            "`highlight` is there more than once: each has its own client and its own idea of the current request",
            "make all packages of the project use one",
        ),
    }
}

/// The versions that are not the one we use.
fn second(graph: &Graph, name: &'static str, verdict: Verdict, cost: &str) -> Option<Finding> {
    let mut versions: BTreeMap<String, Vec<&Package>> = BTreeMap::new();
    for package in graph.named(name) {
        versions.entry(package.compatibility()).or_default().push(package);
    }
    // Without us, the most used is the one that counts.
    let kept = versions
        .iter()
        .max_by_key(|(_, packages)| {
            let users: BTreeSet<_> = packages.iter().flat_map(|package| &package.users).collect();
            (users.iter().any(|user| user.starts_with("highlight ")), users.len())
        })
        .map(|(version, _)| version.clone())?;
    let others: Vec<_> = versions
        .iter()
        .filter(|(version, _)| **version != kept)
        .flat_map(|(_, packages)| packages)
        .map(|package| format!("{} ({})", package.shown(), users(package)))
        .collect();
    if others.is_empty() {
        return None;
    }
    let message = format!("{} beside {name} {kept}: {cost}", others.join(", "));
    let remedy = "update those packages to versions that use the same; `cargo tree -i` shows the way";
    Some(match verdict {
        Verdict::Problem => Finding::problem("dependencies", message, remedy),
        _ => Finding::warning("dependencies", message, remedy),
    })
}

fn users(package: &Package) -> String {
    const SHOWN: usize = 3;
    let users: Vec<_> = package.users.iter().map(String::as_str).take(SHOWN).collect();
    match (users.is_empty(), package.users.len() > SHOWN) {
        (true, _) => "of the project".to_owned(),
        (false, false) => format!("of {}", users.join(", ")),
        (false, true) => format!("of {} and others", users.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::graph::tests::graph;

    fn second_of(lines: &[&str]) -> Option<Finding> {
        check(&graph(lines)).into_iter().find(|finding| finding.message().contains(" beside "))
    }

    #[test]
    fn second_versions_are_found_with_those_who_bring_them() {
        for (name, ours, other, verdict) in [
            ("opentelemetry", "0.33.1", "0.30.0", Verdict::Problem),
            ("tracing-core", "0.1.34", "0.2.0", Verdict::Problem),
            ("tracing-opentelemetry", "0.34.0", "0.31.0", Verdict::Warning),
            ("tracing-subscriber", "0.3.23", "0.2.25", Verdict::Warning),
        ] {
            let found = second_of(&[
                "app 1.0.0",
                "highlight 0.1.0 <- app 1.0.0",
                "db 2.0.0 <- app 1.0.0",
                &format!("{name} {ours} <- highlight 0.1.0"),
                // Used more than ours, and still the other one.
                &format!("{name} {other} <- app 1.0.0, db 2.0.0"),
            ]);
            let found = found.unwrap_or_else(|| panic!("{name}"));
            assert_eq!(found.verdict(), verdict, "{found}");
            assert!(found.message().contains(&format!("{name} {other} (of app 1.0.0, db 2.0.0)")), "{found}");
        }
    }

    #[test]
    fn compatible_versions_and_development_dependencies_are_no_matter() {
        let lines = ["app 1.0.0", "highlight 0.1.0 <- app 1.0.0", "opentelemetry 0.33.1 <- highlight 0.1.0"];
        let findings = check(&graph(&lines));
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].verdict(), Verdict::Ok, "{findings:?}");
    }

    #[test]
    fn whether_it_is_our_highlight_and_one_of_it() {
        let verdict = |lines: &[&str]| check(&graph(lines))[0].verdict();
        assert_eq!(verdict(&["app 1.0.0"]), Verdict::Warning);
        assert_eq!(verdict(&["app 1.0.0", "highlight 1.2.3 <- app 1.0.0"]), Verdict::Problem);
        let two = ["app 1.0.0", "highlight 0.1.0 <- app 1.0.0", "highlight 1.2.3 <- app 1.0.0"];
        assert_eq!(verdict(&two), Verdict::Problem);
    }

    #[test]
    fn what_exports_as_well_is_mentioned() {
        for (name, ..) in DOUBLE {
            let second = format!("{name} 0.33.0 <- app 1.0.0");
            let findings = check(&graph(&["app 1.0.0", "highlight 0.1.0 <- app 1.0.0", &second]));
            assert_eq!(findings[1].verdict(), Verdict::Warning, "{findings:?}");
            assert!(findings[1].message().contains(name), "{findings:?}");
        }
    }
}
