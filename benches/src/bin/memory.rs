//! What the SDK holds while its endpoint hangs: a million spans end, and the process stays within the queue's bytes and a margin.
//!
//! ```sh
//! cargo run --release -p benches --bin memory
//! ```
//!
//! Ends with 0 if it does. Linux only: the figure is `VmHWM`, the most that was ever resident.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a command")]

use std::{env, fs, process::Command, process::ExitCode, time::Duration};

use highlight::{Client, Config, RequestContext, in_span};

const SPANS: u64 = 1_000_000;

const MIB: u64 = 1 << 20;

/// What `Config::queue_bytes` is by default.
const QUEUE: u64 = 32 * MIB;

/// Beside the queue: the batch under way and its encoded request, what the allocator rounds up and keeps.
const MARGIN: u64 = 8 * MIB;

/// The length of a span's one text: few bytes, so that the number of items bounds the queue, and many, so that their bytes do.
const TEXTS: [usize; 3] = [8, 1_000, 10_000];

fn main() -> ExitCode {
    if let Some(text) = env::args().nth(1) {
        return record(text.parse().unwrap());
    }
    // Each in a process of its own: the most that was resident never falls.
    let within = TEXTS.map(|text| {
        let mut run = Command::new(env::current_exe().unwrap());
        run.arg(text.to_string()).status().unwrap().success()
    });
    ExitCode::from(u8::from(within.contains(&false)))
}

fn record(text: usize) -> ExitCode {
    let config = Config::new("1").endpoint(benches::silent_receiver()).console(false);
    let client = Client::new(config.shutdown_timeout(Duration::ZERO)).unwrap();
    let request: RequestContext = "session1/request001".parse().unwrap();
    let text = "x".repeat(text);
    let before = most_resident();
    client.in_scope(|| {
        request.in_scope(|| {
            for _ in 0..SPANS {
                in_span("work", |span| span.set_attribute("text", text.clone()));
            }
        });
    });
    let grown = most_resident() - before;
    let stats = client.stats();
    println!(
        "{SPANS} spans of {} bytes: {} queued, {} dropped, {}.{} MiB more resident (at most {})",
        text.len(),
        stats.queued,
        stats.dropped.queue_full,
        grown / MIB,
        grown % MIB * 10 / MIB,
        (QUEUE + MARGIN) / MIB,
    );
    let all_there = stats.produced == SPANS && stats.queued + stats.dropped.queue_full == SPANS;
    ExitCode::from(u8::from(grown > QUEUE + MARGIN || !all_there))
}

/// In bytes.
fn most_resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
