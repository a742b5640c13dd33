//! Records with a spool, or delivers what is in it. `tests/spool.rs` runs each case in a process of its own, and kills some.

#![expect(clippy::print_stdout, reason = "printing is what it does")]

use std::{
    error::Error,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use highlight::{Config, Highlight, Level, Stats};

const RECORDS: u64 = 5;
const HANG: Duration = Duration::from_secs(60);

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1).as_deref() {
        Some("records") => records(),
        Some("delivers") => delivers(),
        case => Err(format!("no case {case:?}").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Endpoint and directory come from the environment.
fn init() -> Result<Highlight, Box<dyn Error>> {
    Ok(highlight::init(Config::new("1").service_name("spool").signals(highlight::Signals::LOGS))?)
}

fn until(guard: &Highlight, condition: impl Fn(&Stats) -> bool) -> Result<Stats, Box<dyn Error>> {
    let start = Instant::now();
    loop {
        let stats = guard.stats();
        if condition(&stats) {
            return Ok(stats);
        }
        if start.elapsed() > HANG {
            return Err(format!("{stats:?}").into());
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Records, says when all of it is on disk, or has gone nowhere, and waits to be killed.
fn records() -> Outcome {
    let guard = init()?;
    for number in 0..RECORDS {
        highlight::log(Level::Info, format!("record {number}"), []);
        until(&guard, |stats| stats.queued == 0)?;
    }
    let Stats { produced, spooled, .. } = guard.stats();
    println!("produced {produced}, spooled {spooled}");
    thread::sleep(HANG);
    Ok(())
}

/// Ends when nothing is left to deliver.
fn delivers() -> Outcome {
    let guard = init()?;
    guard.flush(HANG)?;
    let Stats { produced, exported, spooled, .. } = guard.stats();
    println!("produced {produced}, exported {exported}, spooled {spooled}");
    Ok(())
}
