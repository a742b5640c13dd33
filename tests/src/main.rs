//! Prints the table of verdicts; fails if a cell does. `cargo run -p conformance [part of a row's name]`

#![expect(clippy::print_stdout, reason = "printing is what it does")]

use std::process::ExitCode;

use conformance::{Framework, Scenario, Verdict, frameworks, scenarios};

const NAME_WIDTH: usize = 44;
const CELL_WIDTH: usize = 8;

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    print_row("", &frameworks().map(Framework::name));
    let mut failures = Vec::new();
    for scenario in scenarios().iter().filter(|scenario| scenario.name().contains(&wanted)) {
        let verdicts = frameworks().map(|framework| judge(scenario, framework, &mut failures));
        print_row(scenario.name(), &verdicts);
    }
    println!("\n{} cells fail", failures.len());
    for failure in &failures {
        println!("\n{failure}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn judge(scenario: &Scenario, framework: &'static dyn Framework, failures: &mut Vec<String>) -> &'static str {
    match scenario.run(framework) {
        Verdict::NotApplicable => "-",
        Verdict::Passed => "ok",
        Verdict::Failed(error) => {
            failures.push(format!("{}::{}: {error:#}", framework.name(), scenario.name()));
            "FAILS"
        }
    }
}

fn print_row(name: &str, cells: &[&str]) {
    print!("{name:<NAME_WIDTH$}");
    for cell in cells {
        print!("{cell:<CELL_WIDTH$}");
    }
    println!();
}
