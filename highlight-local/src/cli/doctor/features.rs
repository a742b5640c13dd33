//! Features that take telemetry out of the program while it is compiled: Cargo unites them, so any package can turn one on.

use highlight::diagnosis::Finding;

use super::graph::{Graph, Package};

/// Below INFO, which is what the SDK records by default, nobody misses anything unless the level is lowered.
const HIDING: [&str; 3] = ["off", "error", "warn"];

pub(super) fn check(graph: &Graph) -> Vec<Finding> {
    let levels = ["tracing", "log"].into_iter().flat_map(|name| graph.named(name)).flat_map(level_features);
    let mut findings: Vec<_> = levels.collect();
    findings.extend(graph.named("tracing").filter(|package| package.features.contains("log-always")).map(|package| {
        Finding::warning(
            "features",
            format!("{} has the feature `log-always`: each of its events is a record of `log` too, and stored twice", package.shown()),
            "take it out (`cargo tree -e features -i tracing` shows who asks for it)",
        )
    }));
    if findings.is_empty() {
        findings.push(Finding::ok("features", "none that takes out or doubles anything"));
    }
    findings
}

fn level_features(package: &Package) -> impl Iterator<Item = Finding> {
    package.features.iter().filter_map(|feature| {
        let (builds, level) = match feature.strip_prefix("release_max_level_") {
            Some(level) => ("release builds", level),
            None => ("all builds", feature.strip_prefix("max_level_")?),
        };
        let shown = package.shown();
        let remedy =
            format!("take it out (`cargo tree -e features -i {}` shows who asks for it)", package.name);
        let what = format!("{shown} has the feature `{feature}`: {builds} leave out what is below {level}");
        if HIDING.contains(&level) {
            return Some(Finding::problem("features", what, remedy));
        }
        let is_all = level == "trace";
        (!is_all)
            .then(|| Finding::warning("features", format!("{what}, whatever HIGHLIGHT_LEVEL says"), remedy))
    })
}

#[cfg(test)]
mod tests {
    use highlight::diagnosis::Verdict;

    use super::*;
    use crate::cli::doctor::graph::tests::graph;

    #[test]
    fn levels_that_are_compiled_out_are_judged_by_what_they_hide() {
        for (package, verdict, words) in [
            ("tracing 0.1.44 std", Verdict::Ok, "none"),
            ("tracing 0.1.44 max_level_trace", Verdict::Ok, "none"),
            ("tracing 0.1.44 max_level_debug", Verdict::Warning, "all builds"),
            ("tracing 0.1.44 release_max_level_info", Verdict::Warning, "release builds"),
            (
                "tracing 0.1.44 release_max_level_warn",
                Verdict::Problem,
                "release builds leave out what is below warn",
            ),
            ("log 0.4.29 max_level_off", Verdict::Problem, "log 0.4.29"),
            ("tracing 0.1.44 log,log-always", Verdict::Warning, "twice"),
            ("other 1.0.0 max_level_off", Verdict::Ok, "none"),
        ] {
            let findings = check(&graph(&["app 1.0.0", &format!("{package} <- app 1.0.0")]));
            assert_eq!(findings.len(), 1, "{findings:?}");
            assert_eq!(findings[0].verdict(), verdict, "{findings:?}");
            assert!(findings[0].message().contains(words), "{findings:?}");
        }
    }
}
