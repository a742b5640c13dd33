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

const STEPS: &[Step] = &[
    ("serving: read the headers", SERVING, &["highlight::propagation::parse_headers"]),
    ("serving: start the server span, its carrier", SERVING, &["highlight::http::server::ServerSpan::start"]),
    (
        "serving: make the child span",
        SERVING,
        &[
            "<highlight::bridge::span_layer::SpanLayer<S> as tracing_subscriber::layer::Layer<S>>::on_new_span",
        ],
    ),
    (
        "serving: enter and leave the child span",
        SERVING,
        &[
            "<highlight::bridge::span_layer::SpanLayer<S> as tracing_subscriber::layer::Layer<S>>::on_enter",
            "<highlight::bridge::span_layer::SpanLayer<S> as tracing_subscriber::layer::Layer<S>>::on_exit",
        ],
    ),
    (
        "serving: close the child span",
        SERVING,
        &["<highlight::bridge::span_layer::SpanLayer<S> as tracing_subscriber::layer::Layer<S>>::on_close"],
    ),
    (
        "serving: the registry's part of closing spans",
        SERVING,
        &["<tracing_subscriber::registry::sharded::CloseGuard as core::ops::drop::Drop>::drop"],
    ),
    ("serving: the log line", SERVING, &["tracing_core::event::Event::dispatch"]),
    ("serving: end the server span", SERVING, &["highlight::http::server::ServerSpan::end"]),
    ("  in it: record the duration", SERVING, &["highlight::http::series::Durations::record"]),
    (
        "  in these: stamp the ended spans",
        SERVING,
        &["<highlight::stamp::Stamp as opentelemetry_sdk::trace::span_processor::SpanProcessor>::on_end"],
    ),
    ("  in these: put three items into the queue", SERVING, &["highlight::pipeline::queue::Queue::push"]),
    ("exporting: encode two spans", EXPORTING, &["highlight::encode::Encoder::spans"]),
    ("exporting: encode a log line", EXPORTING, &["highlight::encode::Encoder::logs"]),
    ("  in these: redact", EXPORTING, &["highlight::redact::Redactor::clean"]),
    ("exporting: compress", EXPORTING, &["highlight::pipeline::gzip::Gzip::compress"]),
    ("exporting: send", EXPORTING, &["ureq::agent::Agent::run_via_middleware"]),
];

/// Prints the steps, or of another program all functions above 1 % of its thread.
pub(crate) fn print(program: Option<&str>) -> Result<ExitCode, Missing> {
    let threads = callgrind::functions(Program::named(program.unwrap_or("traced")), &benches::receiver())?;
    if program.is_some() {
        for (thread, functions) in ["serving", "exporting"].into_iter().zip(threads) {
            let least = functions.values().max().map_or(0, |most| most / 100);
            let mut functions: Vec<_> = functions.into_iter().filter(|(_, cost)| *cost > least).collect();
            functions.sort_by_key(|(_, cost)| -cost);
            functions.iter().for_each(|(name, cost)| println!("{cost:>8} {thread}: {name}"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    for (step, thread, functions) in STEPS {
        let cost = |name: &&str| threads.get(*thread).and_then(|functions| functions.get(*name));
        match functions.iter().map(cost).sum::<Option<i64>>() {
            Some(cost) => println!("{step:<48} {cost:>8}"),
            // Renamed, or inlined by now.
            None => println!("{step:<48} {:>8}", "unknown"),
        }
    }
    Ok(ExitCode::SUCCESS)
}
