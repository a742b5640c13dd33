//! A long run at a load that the queue can hold: memory stays flat, and the books agree with the receiver to the last item.
//!
//! ```text
//! cargo run --release -p conformance --bin soak -- --minutes 10
//! ```
//!
//! Exits with 1 if an item is unaccounted for, or memory grew. The receiver is a process of its own, so that its memory is not
//! counted.

#![expect(clippy::print_stdout, reason = "printing is what it does")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, ExitCode, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use axum::{Router, body::Bytes, extract::Path, http::StatusCode, routing};
use clap::Parser;
use flate2::read::GzDecoder;
use highlight::{Client, Config, KeyValue, Level, RequestContext, Stats, metrics};
use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    metrics::v1::{Metric, metric::Data},
};
use prost::Message;

#[derive(Parser)]
struct Args {
    /// How long it runs.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// Spans, logs and errors in a second.
    #[arg(long, default_value_t = 20_000)]
    rate: u64,
    /// Be the receiver.
    #[arg(long, hide = true)]
    sink: bool,
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    if args.sink {
        receive()?;
        return Ok(ExitCode::SUCCESS);
    }
    let sink = Sink::start()?;
    let client = Client::new(Config::new("1").service_name("soak").endpoint(sink.endpoint.as_str()))?;
    let memory = load(&client, Duration::from_secs_f64(args.minutes * 60.0), args.rate);
    client.shutdown(Duration::from_secs(60))?;

    let stats = client.stats();
    let received = sink.count()?;
    let books =
        stats.produced.abs_diff(stats.exported + stats.dropped.total() + stats.queued + stats.spooled);
    println!("{}", line(&stats));
    println!(
        "received {received}; balance error: {books} in the books, {} against the receiver",
        stats.exported.abs_diff(received)
    );
    let flat = is_flat(&memory);
    println!("memory is {}", if flat { "flat" } else { "not flat" });
    Ok(ExitCode::from(u8::from(books != 0 || stats.exported != received || !flat)))
}

/// Records at this rate for this long; says how much memory that took at which time, in KiB.
fn load(client: &Client, time: Duration, rate: u64) -> Vec<u64> {
    const TICK: Duration = Duration::from_millis(10);
    let report_every = (time / 12).min(Duration::from_secs(30));
    let start = Instant::now();
    let mut memory = Vec::new();
    let mut recorded = 0;
    for tick in 1.. {
        let elapsed = start.elapsed();
        if elapsed >= report_every * u32::try_from(memory.len() + 1).unwrap_or(u32::MAX) {
            memory.push(resident());
            println!("{:>5.0} s  {:>8} KiB  {}", elapsed.as_secs_f64(), resident(), line(&client.stats()));
        }
        if elapsed >= time {
            break;
        }
        while recorded < rate * tick / 100 {
            record(client, recorded);
            recorded += 10;
        }
        thread::sleep((TICK * tick.try_into().unwrap_or(u32::MAX)).saturating_sub(start.elapsed()));
    }
    memory
}

/// A request: ten items.
fn record(client: &Client, number: u64) {
    let context: RequestContext =
        format!("session{}/request{number}", number % 100).parse().unwrap_or_default();
    client.in_scope(|| {
        context.in_scope(|| {
            highlight::in_span("GET /orders/{id}", |span| {
                span.set_attribute("url.path", format!("/orders/{number}"));
                for _ in 0..5 {
                    highlight::in_span("query", |span| span.set_attribute("db.system.name", "postgresql"));
                }
                for line in 0..3 {
                    highlight::log(Level::Info, "order loaded", [KeyValue::new("line", line)]);
                }
                metrics::record_incr("orders", []);
                highlight::consume_error(&std::fmt::Error);
            });
        });
    });
}

fn line(stats: &Stats) -> String {
    format!(
        "produced {}, exported {}, queued {}, dropped {}",
        stats.produced,
        stats.exported,
        stats.queued,
        stats.dropped.total()
    )
}

/// Memory of this process in KiB; 0 where the system does not say.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")).and_then(|kib| kib.trim().parse().ok()).unwrap_or(0)
}

/// The second half needs no more than the first did, but for what an allocator may keep.
fn is_flat(memory: &[u64]) -> bool {
    const SLACK: u64 = 8 * 1024;
    let (first, second) = memory.split_at(memory.len() / 2);
    let most = |part: &[u64]| part.iter().copied().max().unwrap_or(0);
    most(second) <= most(first) + SLACK
}

/// The receiver, as this program sees it.
struct Sink {
    child: Child,
    endpoint: String,
}

impl Sink {
    fn start() -> Result<Self> {
        let mut child =
            Command::new(std::env::current_exe()?).arg("--sink").stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut address)?;
        Ok(Self { child, endpoint: format!("http://{}", address.trim()) })
    }

    fn count(&self) -> Result<u64> {
        let address = self.endpoint.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address)?;
        write!(stream, "GET /count HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.lines().last().context("no answer")?.parse()?)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Counts what arrives, and keeps nothing.
fn receive() -> Result<()> {
    let count = Arc::new(AtomicU64::new(0));
    let asked = Arc::clone(&count);
    let app = Router::new()
        .route("/count", routing::get(async move || asked.load(Ordering::SeqCst).to_string()))
        .route(
            "/v1/{signal}",
            routing::post(async move |Path(signal): Path<String>, body: Bytes| match items(&signal, &body) {
                Ok(items) => {
                    count.fetch_add(items, Ordering::SeqCst);
                    StatusCode::OK
                }
                Err(_) => StatusCode::BAD_REQUEST,
            }),
        )
        .layer(axum::extract::DefaultBodyLimit::disable());
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        axum::serve(listener, app).await?;
        Ok(())
    })
}

/// Spans, log records or data points in a request.
fn items(signal: &str, body: &[u8]) -> Result<u64> {
    let mut bytes = Vec::new();
    GzDecoder::new(body).read_to_end(&mut bytes)?;
    let items: usize = match signal {
        "traces" => {
            let request = ExportTraceServiceRequest::decode(bytes.as_slice())?;
            let scopes = request.resource_spans.iter().flat_map(|spans| &spans.scope_spans);
            scopes.map(|scope| scope.spans.len()).sum()
        }
        "logs" => {
            let request = ExportLogsServiceRequest::decode(bytes.as_slice())?;
            let scopes = request.resource_logs.iter().flat_map(|logs| &logs.scope_logs);
            scopes.map(|scope| scope.log_records.len()).sum()
        }
        _ => {
            let request = ExportMetricsServiceRequest::decode(bytes.as_slice())?;
            let scopes = request.resource_metrics.iter().flat_map(|metrics| &metrics.scope_metrics);
            scopes.flat_map(|scope| &scope.metrics).map(points).sum()
        }
    };
    Ok(items as u64)
}

fn points(metric: &Metric) -> usize {
    match &metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        _ => 0,
    }
}
