//! What a request costs, in instructions and allocations: counts that repeat, where times do not.
//!
//! ```sh
//! cargo run --release -p benches --bin budget            # compares with the budget; not 0 if something is over it
//! cargo run --release -p benches --bin budget -- steps   # where those of a traced request go
//! cargo run --release -p benches --bin budget -- steps "sampled out"   # all functions of another
//! ```
//!
//! Each program runs under callgrind with two numbers of requests. The difference is what the requests cost, without the start and the
//! end of the process; the thread that serves and the one that exports are told apart. A receiver in the parent answers at once.

#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a command")]

mod callgrind;
mod limits;
mod program;
mod steps;

use std::{collections::HashMap, process::ExitCode};

use callgrind::Missing;
use limits::LIMITS;
use program::Program;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => check(),
        ["steps"] => steps::print(None),
        ["steps", name] => steps::print(Some(name)),
        [program::SERVE, name, requests, endpoint] => {
            Program::named(name).serve(requests.parse().unwrap(), endpoint);
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            eprintln!("usage: budget [steps [PROGRAM]]");
            return ExitCode::from(2);
        }
    };
    done.unwrap_or_else(|Missing(why)| {
        eprintln!("budget: valgrind is needed, and cannot be run: {why}");
        ExitCode::from(2)
    })
}

fn check() -> Result<ExitCode, Missing> {
    let endpoint = benches::receiver();
    println!(
        "{:<30} {:>14} {:>14} {:>12}",
        "a request, over its baseline", "serving", "exporting", "allocations"
    );
    let mut costs = HashMap::new();
    let mut over = Vec::new();
    // Baselines come before what stands on them.
    for limit in LIMITS {
        let Program { name, .. } = limit.program;
        let measured = callgrind::measure(limit.program, &endpoint)?;
        costs.insert(name, measured);
        let baseline = limit.program.baseline().map(|baseline| costs[baseline.name]).unwrap_or_default();
        let cost = measured.over(&baseline);
        println!("{name:<30} {:>14} {:>14} {:>12.1}", cost.request, cost.exporter, cost.allocations);
        over.extend(limit.exceeded_by(&cost));
    }
    for line in &over {
        eprintln!("over budget: {line}");
    }
    Ok(if over.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
