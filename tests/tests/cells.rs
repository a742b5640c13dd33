//! One test per cell of the table, named `<framework>::<scenario>`.

use std::sync::Arc;

use conformance::{Scenario, Verdict, frameworks, scenarios};
use libtest_mimic::{Arguments, Trial};

fn main() {
    run(&Arguments::from_args());
}

/// Runs them, and does not come back.
pub(crate) fn run(arguments: &Arguments) {
    let scenarios: Vec<_> = scenarios().into_iter().map(Arc::new).collect();
    let mut cells = Vec::new();
    for framework in frameworks() {
        let is_there =
            |scenario: &&Arc<Scenario>| !matches!(scenario.expected(framework), Verdict::NotApplicable(_));
        for scenario in scenarios.iter().filter(is_there) {
            let scenario = Arc::clone(scenario);
            let name = format!("{}::{}", framework.name(), scenario.name());
            cells.push(Trial::test(name, move || match scenario.run(framework) {
                Verdict::Failed(error) => Err(format!("{error:#}").into()),
                Verdict::Passed | Verdict::Impossible(_) | Verdict::NotApplicable(_) => Ok(()),
            }));
        }
    }
    libtest_mimic::run(arguments, cells).exit();
}
