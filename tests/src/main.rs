//! Prints the table of verdicts; fails if a cell does. `cargo run -p conformance [part of a row's name | --markdown]`

#![expect(clippy::print_stdout, reason = "printing is what it does")]

use std::process::ExitCode;

use conformance::{Framework, Scenario, Verdict, frameworks, scenarios, table};

const NAME_WIDTH: usize = 44;
const CELL_WIDTH: usize = 8;

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    if wanted == "--markdown" {
        print!("{}", table::markdown());
        return ExitCode::SUCCESS;
    }
    let mut reasons = Vec::new();
    print_row("", &frameworks().map(Framework::name));
    let mut failures = Vec::new();
    let rows: Vec<_> = scenarios().into_iter().filter(|scenario| scenario.name().contains(&wanted)).collect();
    if rows.is_empty() {
        println!("no row is called {wanted:?}");
        return ExitCode::FAILURE;
    }
    for scenario in &rows {
        let verdicts = frameworks().map(|framework| judge(scenario, framework, &mut reasons, &mut failures));
        print_row(scenario.name(), &verdicts);
    }
    for reason in &reasons {
        println!("\n{reason}");
    }
    println!("\n{} cells fail", failures.len());
    for failure in &failures {
        println!("\n{failure}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn judge(
    scenario: &Scenario,
    framework: &'static dyn Framework,
    reasons: &mut Vec<String>,
    failures: &mut Vec<String>,
) -> &'static str {
    let (word, reason) = match scenario.run(framework) {
        Verdict::Passed => return "ok",
        Verdict::Failed(error) => {
            failures.push(format!("{}::{}: {error:#}", framework.name(), scenario.name()));
            return "FAILS";
        }
        Verdict::NotApplicable(reason) => ("-", reason),
        Verdict::Impossible(reason) => ("never", reason),
    };
    let reason = format!("{word} {reason}");
    if !reasons.contains(&reason) {
        reasons.push(reason);
    }
    word
}

fn print_row(name: &str, cells: &[&str]) {
    print!("{name:<NAME_WIDTH$}");
    for cell in cells {
        print!("{cell:<CELL_WIDTH$}");
    }
    println!();
}
