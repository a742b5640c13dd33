//! A million records in the archive of `highlight-local`: how fast they go in, how fast views read them.
//!
//! ```text
//! cargo bench -p benches --bench archive
//! ```
//!
//! The figures are in `docs/archive.md`.

#![expect(clippy::expect_used, reason = "there is nobody to hand an error to")]
#![expect(clippy::print_stdout, reason = "the rate of the filling is a figure, too")]

use std::{
    path::PathBuf,
    sync::LazyLock,
    time::{Duration, Instant, SystemTime},
};

use divan::{Bencher, black_box};
use highlight_local::{
    Row, Store, StoreLimits,
    archive::{Archive, ErrorQuery, LogQuery, NoteQuery, Page, Paged, Reader, Retention, SessionQuery},
    model::{Attributes, ErrorObject, Frame, Level, Log, Origin, Shape, Source, Span},
};

fn main() {
    LazyLock::force(&FILLED);
    divan::main();
    // Half a gigabyte; what is still open of it is freed with the process.
    if let Err(error) = std::fs::remove_dir_all(folder()) {
        println!("{} is left behind: {error}", folder().display());
    }
}

const RECORDS: usize = 1_000_000;
/// One request: a server span, two below it, five logs; each tenth has an error instead of a log.
const PER_REQUEST: usize = 8;
const REQUESTS_PER_SESSION: usize = 20;

/// Filled once.
static FILLED: LazyLock<Reader> = LazyLock::new(|| {
    let file = folder().join("archive");
    let store = Store::new(StoreLimits { rows: 50_000, ..StoreLimits::default() });
    let retention = Retention { bytes: u64::MAX, ..Retention::default() };
    let archive = Archive::file(&file).retention(retention).start(&store).expect("the folder is writable");
    let begin = Instant::now();
    let mut added = 0_u32;
    for request in 0..RECORDS / PER_REQUEST {
        let rows = rows_of(request);
        added += u32::try_from(rows.len()).unwrap_or(u32::MAX);
        store.add(rows);
        if request % 2_000 == 0 {
            // No faster than it writes, so that nothing is lost.
            archive.settle();
        }
    }
    archive.settle();
    let took = begin.elapsed();
    store.add((0..10_000).map(|number| Row::from(big_trace_span(number))));
    archive.settle();
    let reader = archive.reader();
    let seen = reader.overview().expect("it can be read");
    assert_eq!((seen.missed, seen.failed, seen.expired), (0, 0, 0));
    let rate = f64::from(added) / took.as_secs_f64();
    println!(
        "{added} records in {took:.1?}: {rate:.0} a second, {} bytes each",
        seen.bytes / u64::from(added)
    );
    drop(archive);
    Reader::open(&file).expect("it was just written")
});

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("highlight-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the folder for temporary files is writable");
    folder
}

fn origin(request: usize, service: &str) -> Origin {
    Origin {
        project: "1".to_owned(),
        session_id: format!("session-{:022}", request / REQUESTS_PER_SESSION),
        request_id: format!("{request:032x}"),
        service: service.to_owned(),
        version: "1.0.0".to_owned(),
        environment: "bench".to_owned(),
    }
}

fn time(request: usize) -> SystemTime {
    SystemTime::now() - Duration::from_secs(3_600) + Duration::from_millis(request as u64 * 10)
}

fn attributes(request: usize) -> Attributes {
    let id = request.to_string();
    let pairs = [
        ("http.request.method", "GET"),
        ("http.route", "/orders/{id}"),
        ("http.response.status_code", "200"),
        ("order.id", &id),
        ("host.name", "laptop"),
        ("process.pid", "4711"),
        ("telemetry.sdk.name", "opentelemetry"),
        ("telemetry.sdk.language", "rust"),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn rows_of(request: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, service) in ["shop", "shop", "payments"].into_iter().enumerate() {
        rows.push(span(request, number, service, format!("{request:032x}")).into());
    }
    for number in 0..5 {
        let cursor = (request * PER_REQUEST + number) as u64;
        let log = log(request, number, cursor);
        if number == 4 && request % 10 == 0 {
            let error = error(&log);
            rows.push(log.into());
            rows.push(error.into());
        } else {
            rows.push(log.into());
        }
    }
    rows
}

fn span(request: usize, number: usize, service: &str, trace_id: String) -> Span {
    Span {
        origin: Origin { request_id: trace_id.clone(), ..origin(request, service) },
        otel_trace_id: trace_id.clone(),
        trace_id,
        span_id: format!("{:016x}", number + 1),
        parent_span_id: if number == 0 { String::new() } else { format!("{:016x}", number.div_ceil(8)) },
        trace_state: String::new(),
        name: format!("GET /orders/{}", number % 50),
        kind: if number == 0 { "Server" } else { "Client" },
        start: time(request) + Duration::from_micros(number as u64),
        duration: Duration::from_micros(40_000 - 3 * number as u64),
        status_code: "Unset",
        status_message: String::new(),
        has_errors: false,
        attributes: attributes(request),
        events: Vec::new(),
        links: Vec::new(),
    }
}

/// Eight children each, so that it is five levels deep.
fn big_trace_span(number: usize) -> Span {
    span(0, number, ["shop", "payments", "stock"][number % 3], "big".to_owned())
}

fn log(request: usize, number: usize, cursor: u64) -> Log {
    const WORDS: [&str; 8] = ["cart", "card", "order", "payment", "stock", "mail", "invoice", "parcel"];
    let (one, other) = (WORDS[(request + number) % 8], WORDS[(request / 8 + number) % 8]);
    let sent_time = time(request) + Duration::from_millis(number as u64);
    Log {
        origin: origin(request, "shop"),
        cursor,
        time: sent_time,
        sent_time,
        level: if number == 4 && request % 10 == 0 { Level::Error } else { Level::Info },
        message: format!("the {one} of order {request} went on to the {other} after {number} tries"),
        trace_id: format!("{request:032x}"),
        otel_trace_id: format!("{request:032x}"),
        span_id: format!("{:016x}", 1),
        attributes: attributes(request),
        source: Source::Backend,
        shape: Shape::LogRecord,
    }
}

fn error(log: &Log) -> ErrorObject {
    let frame = |function: &str| Frame {
        function: Some(function.to_owned()),
        file: Some("src/pay.rs".to_owned()),
        line: Some(88),
        ..Frame::default()
    };
    ErrorObject {
        origin: log.origin.clone(),
        log_cursor: log.cursor,
        level: log.level,
        time: log.sent_time,
        event: format!("card declined ({})", log.cursor % 97),
        sent_type: "CardError".to_owned(),
        stack_text: "\npay::charge\n\tsrc/pay.rs:88\n".to_owned(),
        frames: vec![frame("pay::charge"), frame("main")],
        payload: log.attributes.clone(),
        url: String::new(),
        trace_id: log.trace_id.clone(),
        otel_trace_id: log.otel_trace_id.clone(),
        span_id: log.span_id.clone(),
        source: Source::Backend,
        shape: Shape::LogRecord,
    }
}

fn logs(query: &LogQuery) -> usize {
    page(FILLED.logs(query).expect("it can be read"))
}

fn page<T>(page: Paged<T>) -> usize {
    black_box(page).items.len()
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn first_page_of_logs(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| assert_eq!(logs(&LogQuery::default()), 100));
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn page_in_the_middle_of_logs(bencher: Bencher<'_, '_>) {
    let middle = FILLED.overview().expect("it can be read").newest / 2;
    let query = LogQuery { page: Page { limit: 100, before: Some(middle) }, ..LogQuery::default() };
    bencher.bench_local(|| assert_eq!(logs(&query), 100));
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn logs_of_errors_only(bencher: Bencher<'_, '_>) {
    let query = LogQuery { level: Some(Level::Error), ..LogQuery::default() };
    bencher.bench_local(|| assert_eq!(logs(&query), 100));
}

#[divan::bench(sample_count = 20, sample_size = 1, args = ["card parcel", "98765", "order", "nowhere"])]
fn full_text_search_of_logs(bencher: Bencher<'_, '_>, text: &str) {
    let query = LogQuery { text: Some(text.to_owned()), ..LogQuery::default() };
    bencher.bench_local(|| logs(&query));
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn full_text_search_of_a_service(bencher: Bencher<'_, '_>) {
    let query =
        LogQuery { text: Some("card".to_owned()), service: Some("shop".to_owned()), ..LogQuery::default() };
    bencher.bench_local(|| assert_eq!(logs(&query), 100));
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn first_page_of_sessions(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        assert_eq!(page(FILLED.sessions(&SessionQuery::default()).expect("it can be read")), 100);
    });
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn session_timeline(bencher: Bencher<'_, '_>) {
    let id = origin(50_000, "").session_id;
    bencher.bench_local(|| {
        let timeline = FILLED.session(&id).expect("it can be read").expect("it was written");
        assert_eq!(timeline.requests.len(), REQUESTS_PER_SESSION);
    });
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn trace_of_10_000_spans(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        let trace = FILLED.trace("big").expect("it can be read").expect("it was written");
        assert_eq!(black_box(trace).spans.len(), 10_000);
    });
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn error_groups(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| {
        assert!(page(FILLED.error_groups(&ErrorQuery::default()).expect("it can be read")) > 90);
    });
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn notes(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| page(FILLED.notes(&NoteQuery::default()).expect("it can be read")));
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn overview(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| black_box(FILLED.overview().expect("it can be read")));
}
