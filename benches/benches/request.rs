//! What a request costs the thread that serves it, step by step, beside the same app without us.
//!
//! ```sh
//! cargo bench -p benches --bench request
//! ```
//!
//! In process, without a socket; the exporter is live, and sends to a receiver on loopback. The allocations are those of the same thread.
//! Times are of one machine at one moment; `budget` counts instructions, which repeat.

#![expect(clippy::unwrap_used, reason = "there is nobody to hand an error to")]

use std::{hint::black_box, sync::LazyLock, time::Duration};

use axum::Router;
use benches::{Request, Shape, bench_requests, receiver, request};
use divan::{AllocProfiler, Bencher, counter::ItemsCount};
use highlight::{Client, Config, Highlight, RequestContext, in_span, parse_headers};
use highlight_axum::HighlightLayer;
use tower::util::MapRequestLayer;
use tracing::{debug, subscriber};
use tracing_subscriber::{filter::LevelFilter, layer::SubscriberExt};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// As a program starts it: with the subscriber that `init` installs.
static HIGHLIGHT: LazyLock<Highlight> = LazyLock::new(|| highlight::init(config()).unwrap());

fn main() {
    LazyLock::force(&HIGHLIGHT);
    divan::main();
}

fn config() -> Config {
    Config::new("1").endpoint(receiver()).console(false)
}

/// Inputs are made before what is timed: there the queue is emptied when it is a quarter full, so that nothing is lost.
fn settle(client: &Client) {
    if client.stats().queued > QUEUE / 4 {
        client.flush(Duration::from_secs(60)).unwrap();
    }
}

/// What it holds by default.
const QUEUE: u64 = 65_536;

/// Times one request after the other.
fn requests(bencher: Bencher<'_, '_>, app: Router, client: &Client) {
    bench_requests(bencher, app, || settle(client));
    assert_eq!(client.stats().dropped.queue_full, 0);
}

const SAMPLE: u32 = 256;

fn traced(bencher: Bencher<'_, '_>, shape: Shape) {
    requests(bencher, shape.router().layer(HighlightLayer::new()), HIGHLIGHT.client());
}

#[divan::bench_group(sample_size = SAMPLE)]
mod app {
    use super::{
        Bencher, Client, Config, HIGHLIGHT, HighlightLayer, MapRequestLayer, Request, Shape, config,
        requests, traced,
    };

    #[divan::bench]
    fn a_bare(bencher: Bencher<'_, '_>) {
        requests(bencher, Shape::Answer.router(), HIGHLIGHT.client());
    }

    /// What axum takes for any layer.
    #[divan::bench]
    fn a_empty_layer(bencher: Bencher<'_, '_>) {
        let layer = MapRequestLayer::new(|request: Request| request);
        requests(bencher, Shape::Answer.router().layer(layer), HIGHLIGHT.client());
    }

    #[divan::bench]
    fn b_layer(bencher: Bencher<'_, '_>) {
        traced(bencher, Shape::Answer);
    }

    #[divan::bench]
    fn c_child_span(bencher: Bencher<'_, '_>) {
        traced(bencher, Shape::Child);
    }

    #[divan::bench]
    fn d_log_line(bencher: Bencher<'_, '_>) {
        traced(bencher, Shape::Log);
    }

    #[divan::bench]
    fn e_user(bencher: Bencher<'_, '_>) {
        traced(bencher, Shape::User);
    }

    #[divan::bench]
    fn e_metric(bencher: Bencher<'_, '_>) {
        traced(bencher, Shape::Metric);
    }

    #[divan::bench]
    fn e_error(bencher: Bencher<'_, '_>) {
        with_client(bencher, Shape::Error, config().stack_traces(false));
    }

    /// The layer alone: what the handler records would be the process's.
    #[divan::bench]
    fn f_disabled(bencher: Bencher<'_, '_>) {
        with_client(bencher, Shape::Answer, config().enabled(false));
    }

    #[divan::bench]
    fn f_sampled_out(bencher: Bencher<'_, '_>) {
        with_client(bencher, Shape::Log, config().sample_rate(0.0));
    }

    fn with_client(bencher: Bencher<'_, '_>, shape: Shape, config: Config) {
        let client = Client::new(config).unwrap();
        let layer = HighlightLayer::new().with_client(client.clone());
        requests(bencher, shape.router().layer(layer), &client);
    }
}

/// Their time is that of the request and all of its spans.
#[divan::bench(sample_size = 32, args = [1, 3, 10, 30, 100])]
fn spans_of_a_request(bencher: Bencher<'_, '_>, spans: usize) {
    traced(bencher.counter(ItemsCount::new(spans)), Shape::Spans(spans));
}

#[divan::bench(sample_size = SAMPLE, args = [1, 2, 5, 10, 20])]
fn attributes_of_a_span(bencher: Bencher<'_, '_>, attributes: usize) {
    traced(bencher, Shape::Attributes(attributes));
}

/// Two threads that end spans into one queue, beside one.
#[divan::bench(sample_size = SAMPLE, threads = [1, 2])]
fn spans_by_threads(bencher: Bencher<'_, '_>) {
    let client = HIGHLIGHT.client();
    let request: RequestContext = "session1/request001".parse().unwrap();
    bencher.with_inputs(|| settle(client)).bench_values(|()| {
        client.in_scope(|| request.in_scope(|| in_span("work", |_| ())));
    });
    assert_eq!(client.stats().dropped.queue_full, 0);
}

#[divan::bench]
fn headers(bencher: Bencher<'_, '_>) {
    let request = request(1);
    bencher.bench_local(|| parse_headers(black_box(request.headers())));
}

/// In this order: a subscriber without a level of its own, such as the last, leaves the process without one until the next is made.
#[divan::bench_group]
mod rejected_line {
    use super::{Bencher, LevelFilter, SubscriberExt, black_box, debug, subscriber};

    #[divan::bench]
    fn a_by_a_bare_registry(bencher: Bencher<'_, '_>) {
        let registry = tracing_subscriber::registry().with(LevelFilter::INFO);
        subscriber::with_default(registry, || bencher.bench_local(line));
    }

    #[divan::bench]
    fn b_by_what_init_installs(bencher: Bencher<'_, '_>) {
        bencher.bench_local(line);
    }

    #[divan::bench]
    fn c_by_a_layer_in_another(bencher: Bencher<'_, '_>) {
        let registry = tracing_subscriber::registry().with(highlight::layer());
        subscriber::with_default(registry, || bencher.bench_local(line));
    }

    fn line() {
        debug!(user.id = black_box(7), "looked for");
    }
}
