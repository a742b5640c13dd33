//! What an error costs the thread that reports it, and what it costs while nobody fails.
//!
//! ```text
//! cargo bench -p benches --bench errors
//! ```

#![expect(clippy::expect_used, reason = "there is nobody to hand an error to")]

use std::{hint::black_box, io};

use divan::Bencher;
use highlight::{
    Client, Config, ConsumeError, ErrorAction, RequestContext, consume_error, in_span, try_in_span,
};

fn main() {
    divan::main();
}

/// Frames between the start of the thread and the error: those of a handler in a web framework, roughly.
const DEPTH: usize = 40;

/// Nobody listens at the endpoint, so that the worker has little to do beside what is measured.
fn client(configure: impl FnOnce(Config) -> Config) -> Client {
    let config = Config::new("1").endpoint("http://127.0.0.1:9").console(false);
    Client::new(configure(config)).expect("the configuration is valid")
}

fn request() -> RequestContext {
    "session/request".parse().unwrap_or_default()
}

#[inline(never)]
fn deep<T>(depth: usize, f: impl FnOnce() -> T) -> T {
    if depth == 0 { f() } else { black_box(deep(depth - 1, f)) }
}

/// Reports an error in a request of its own, deep down.
fn report(bencher: Bencher<'_, '_>, client: &Client) {
    let error = io::Error::other("no answer");
    client.in_scope(|| {
        deep(DEPTH, || {
            bencher
                .with_inputs(request)
                .bench_local_values(|request| request.in_scope(|| consume_error(black_box(&error))));
        });
    });
}

/// Fewer than the stacks that are taken at once.
#[divan::bench(sample_count = 90, sample_size = 1)]
fn failing_with_stack(bencher: Bencher<'_, '_>) {
    report(bencher, &client(|config| config));
}

#[divan::bench]
fn failing_without_stack(bencher: Bencher<'_, '_>) {
    report(bencher, &client(|config| config.stack_traces(false)));
}

#[divan::bench]
fn failing_ignored_by_rule(bencher: Bencher<'_, '_>) {
    report(bencher, &client(|config| config.error_rule(|_| ErrorAction::Ignore)));
}

#[divan::bench]
fn failing_reported_before(bencher: Bencher<'_, '_>) {
    let error = io::Error::other("no answer");
    client(|config| config).in_scope(|| {
        request().in_scope(|| {
            consume_error(&error);
            bencher.bench_local(|| consume_error(black_box(&error)));
        });
    });
}

#[divan::bench]
fn failing_disabled(bencher: Bencher<'_, '_>) {
    report(bencher, &client(|config| config.enabled(false)));
}

fn work() -> io::Result<u64> {
    black_box(Ok(1))
}

fn measure<T>(bencher: Bencher<'_, '_>, f: impl Fn() -> T) {
    client(|config| config).in_scope(|| request().in_scope(|| bencher.bench_local(f)));
}

#[divan::bench]
fn succeeding_bare(bencher: Bencher<'_, '_>) {
    measure(bencher, work);
}

#[divan::bench]
fn succeeding_result_consume_error(bencher: Bencher<'_, '_>) {
    measure(bencher, || work().consume_error());
}

#[divan::bench]
fn succeeding_span(bencher: Bencher<'_, '_>) {
    measure(bencher, || in_span("work", |_| work()));
}

#[divan::bench]
fn succeeding_try_span(bencher: Bencher<'_, '_>) {
    measure(bencher, || try_in_span("work", |_| work()));
}
