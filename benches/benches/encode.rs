//! What the worker's part costs: a batch of usual spans, or logs, encoded, cleaned and sent over loopback.
//!
//! ```sh
//! cargo bench -p benches --bench encode
//! ```
//!
//! Items a second tell little on a busy machine. Instructions are repeatable; those of encoding and cleaning alone:
//!
//! ```sh
//! valgrind --tool=callgrind --toggle-collect=highlight::pipeline::worker::Worker::encode \
//!     target/release/deps/encode-* --bench --sample-count 1 --sample-size 1 spans
//! ```

#![expect(clippy::unwrap_used, reason = "there is nobody to hand an error to")]

use std::time::Duration;

use benches::receiver;
use divan::{Bencher, counter::ItemsCount};
use highlight::{Client, Compression, Config, KeyValue, Level, RequestContext, in_span, log};

fn main() {
    divan::main();
}

/// Nearly a full batch, which would leave before the flush.
const ITEMS: u32 = 500;

#[divan::bench]
fn spans(bencher: Bencher<'_, '_>) {
    deliver(bencher, server_span);
}

#[divan::bench]
fn logs(bencher: Bencher<'_, '_>) {
    deliver(bencher, log_line);
}

/// A server's span, as the layers record it.
fn server_span(n: u32) {
    in_span("GET /user/{id}", |span| {
        span.set_attribute("http.request.method", "GET");
        span.set_attribute("http.route", "/user/{id}");
        span.set_attribute("url.path", format!("/user/{n}"));
        span.set_attribute("url.scheme", "http");
        span.set_attribute("server.address", "localhost");
        span.set_attribute("server.port", 8080);
        span.set_attribute("network.protocol.version", "1.1");
        span.set_attribute("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101");
        span.set_attribute("http.request.body.size", n);
        span.set_attribute("http.response.status_code", 200);
    });
}

/// A line as services write it, with two attributes.
fn log_line(n: u32) {
    let attributes = [KeyValue::new("user.id", n), KeyValue::new("customer.tier", "gold")];
    log(Level::Info, "user loaded from the database", attributes);
}

fn deliver(bencher: Bencher<'_, '_>, record: fn(u32)) {
    let config = Config::new("1").endpoint(receiver()).console(false).compression(Compression::None);
    // Nothing leaves before the flush.
    let client = Client::new(config.export_interval(Duration::from_secs(3600))).unwrap();
    let context: RequestContext = "session1/request001".parse().unwrap();
    bencher
        .counter(ItemsCount::new(ITEMS))
        .with_inputs(|| client.in_scope(|| context.in_scope(|| (0..ITEMS).for_each(record))))
        .bench_local_values(|()| client.flush(Duration::from_secs(60)).unwrap());
}
