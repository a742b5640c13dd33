//! What redaction costs where nothing is secret: batches of ordinary logs and spans, delivered with and without it.
//!
//! ```sh
//! cargo bench -p benches --bench redact
//! ```
//!
//! Timed is `flush`: encoding, redaction where it is on, compression and a loopback receiver that answers at once. The two clients take turns, so
//! that a busy machine slows both, and the median of the ratios is told. The time per item is that of the faster half.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "it measures and prints")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use benches::receiver;
use highlight::{Client, Compression, Config, KeyValue, Level, RequestContext};

const ITEMS: u32 = 8_000;
const ROUNDS: usize = 41;

fn main() {
    // `cargo test --benches` asks for one round.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { ROUNDS } else { 1 };
    for (name, record) in [("log", log as fn(u32)), ("span", span), ("error", error)] {
        for compression in [Compression::None, Compression::Gzip] {
            compare(name, record, compression, rounds);
        }
    }
}

/// A line as services write it: 60 characters, four attributes.
fn log(n: u32) {
    let attributes = [
        KeyValue::new("order.id", n),
        KeyValue::new("customer.tier", "gold"),
        KeyValue::new("code.file.path", "src/orders/checkout.rs"),
        KeyValue::new("elapsed", "12.5ms"),
    ];
    highlight::log(
        Level::Info,
        format!("order {n} was paid by card and is on its way to warehouse 7"),
        attributes,
    );
}

/// A server's span: eleven attributes, as the layers record it.
fn span(n: u32) {
    highlight::in_span("POST /orders/{id}/payments", |span| {
        for (key, value) in [
            ("http.request.method", "POST"),
            ("url.scheme", "https"),
            ("url.query", "page=2&size=50&sort=created"),
            ("server.address", "shop.example.com"),
            ("network.protocol.version", "1.1"),
            (
                "user_agent.original",
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
            ),
            ("http.route", "/orders/{id}/payments"),
        ] {
            span.set_attribute(key, value);
        }
        span.set_attribute("url.path", format!("/orders/{n}/payments"));
        span.set_attribute("server.port", 443);
        span.set_attribute("http.response.status_code", 200);
        span.set_attribute("http.request.body.size", n);
    });
}

/// An error of which there is a text and no stack.
fn error(n: u32) {
    highlight::ErrorReport::new(&format!(
        "payment {n} failed: the gateway at 10.0.0.7:8443 closed the connection"
    ))
    .attribute("order.id", n)
    .consume();
}

fn compare(name: &str, record: fn(u32), compression: Compression, rounds: usize) {
    let endpoint = receiver();
    let client = |redact| {
        let config = Config::new("1").endpoint(endpoint.as_str()).redact(redact).stack_traces(false);
        let config = config.compression(compression);
        // Nothing leaves before the flush.
        Client::new(config.export_interval(Duration::from_secs(3600))).unwrap()
    };
    let (without, with) = (client(false), client(true));
    let mut ratios = Vec::new();
    let (mut times_without, mut times_with) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let (a, b) = if round % 2 == 0 {
            let a = deliver(&without, record);
            (a, deliver(&with, record))
        } else {
            let b = deliver(&with, record);
            (deliver(&without, record), b)
        };
        ratios.push(b / a);
        times_without.push(a);
        times_with.push(b);
    }
    println!(
        "{name:<6} {compression:?}: {:.0} ns without, {:.0} ns with redaction; ratio {:.3}",
        quartile(&mut times_without),
        quartile(&mut times_with),
        median(&mut ratios),
    );
}

/// Nanoseconds for each item.
fn deliver(client: &Client, record: fn(u32)) -> f64 {
    let context: RequestContext = "session1/request001".parse().unwrap();
    client.in_scope(|| context.in_scope(|| (0..ITEMS).for_each(|n| black_box(record)(n))));
    let started = Instant::now();
    client.flush(Duration::from_secs(60)).unwrap();
    started.elapsed().as_secs_f64() * 1e9 / f64::from(ITEMS)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn quartile(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 4]
}
