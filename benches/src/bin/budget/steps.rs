//! Where the instructions of a traced request go.

use std::process::ExitCode;

use crate::{
    callgrind::{self, Missing},
    program::Program,
};

/// A step, the thread it is on, and the functions that do it, as callgrind names them. What a function calls is its own cost, too.
type Step = (&'static str, usize, &'static [&'static str]);

const SERVING: usize = 0;
const EXPORTING: usize = 1;

// Called through a vtable, or from too many places to be inlined.
const STEPS: &[Step] = &[
    ("read the headers", SERVING, &["highlight::propagation::parse_headers"]),
    ("start the server span", SERVING, &["highlight::http::server::ServerSpan::start"]),
    ("make the child span", SERVING, &["tracing::span::Span::new"]),
    (
        "enter and leave the child span",
        SERVING,
        &["tracing_core::dispatcher::Dispatch::enter", "tracing_core::dispatcher::Dispatch::exit"],
    ),
    ("close the child span", SERVING, &["tracing_core::dispatcher::Dispatch::try_close"]),
    ("the log line", SERVING, &["tracing_core::event::Event::dispatch"]),
    ("end the server span", SERVING, &["highlight::http::server::ServerSpan::end"]),
    ("  in it: record the duration", SERVING, &["highlight::http::series::Durations::record"]),
    ("  in these: start two spans", SERVING, &["highlight::tracer::Tracer::begin_below"]),
    ("  in these: queue three items", SERVING, &["highlight::pipeline::Pipeline::enter"]),
    (
        "  in these and the app: allocate and free",
        SERVING,
        &["__rustc::__rdl_alloc", "__rustc::__rdl_realloc", "__rustc::__rdl_dealloc"],
    ),
    ("encode two spans", EXPORTING, &["highlight::encode::Encoder::spans"]),
    ("encode a log line", EXPORTING, &["highlight::encode::Encoder::logs"]),
    ("  in these: redact", EXPORTING, &["highlight::redact::Redactor::clean"]),
    ("compress", EXPORTING, &["highlight::pipeline::gzip::Gzip::compress"]),
    ("send", EXPORTING, &["ureq::agent::Agent::run_via_middleware"]),
];

/// Prints the steps, or of another program all functions above 1 % of its thread.
pub(crate) fn print(program: Option<&str>) -> Result<ExitCode, Missing> {
    let threads = callgrind::functions(Program::named(program.unwrap_or("traced")), &benches::receiver())?;
    if program.is_some() {
        for (thread, functions) in ["serving", "exporting"].into_iter().zip(threads) {
            let least = functions.values().max().map_or(0, |most| most / 100);
            let mut functions: Vec<_> = functions.into_iter().filter(|(_, cost)| *cost > least).collect();
            functions.sort_by_key(|(_, cost)| -cost);
            for (name, cost) in functions {
                println!("{cost:>8} {thread}: {name}");
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    for (step, thread, functions) in STEPS {
        let place = if *thread == SERVING { "serving" } else { "exporting" };
        let cost = |name: &&str| threads.get(*thread).and_then(|functions| functions.get(*name));
        match functions.iter().map(cost).sum::<Option<i64>>() {
            Some(cost) => println!("{place:<10} {step:<48} {cost:>8}"),
            // Renamed, or inlined by now.
            None => println!("{place:<10} {step:<48} {:>8}", "unknown"),
        }
    }
    Ok(ExitCode::SUCCESS)
}
