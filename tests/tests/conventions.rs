//! Every name that leaves is one of OpenTelemetry's semantic conventions, or one of ours for a reason.
//!
//! The list is not ours: it is read from the source of the crate `opentelemetry-semantic-conventions`, which is generated from the
//! registry of the conventions. What leaves is recorded from all frameworks, with everything that the SDK can add. The outcome is
//! `docs/conventions.md`:
//!
//! ```text
//! UPDATE_DOCS=1 cargo test -p conformance --test conventions      # writes it
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs, panic,
    time::Duration,
};

use anyhow::{Context, Result};
use conformance::{
    Framework,
    framework::{Setup, frameworks},
    handler::{Declined, EXPECTED_PANIC, Reply, handler},
    wire::Request,
    workspace::{host, metadata, root},
};
use highlight::{
    Client, Config, Level, RequestContext, Span, User, consume_error,
    http::{ClientRequest, ClientSpan, GrpcHeaders, Recording, ServerOptions},
    messaging::Message,
    set_user,
};
use highlight_local::{Receiver, opentelemetry_proto::tonic::common::v1 as otlp};
use tracing_error::InstrumentResult;
use tracing_subscriber::prelude::*;

/// Names of ours, and names that the conventions have given up: why they leave all the same.
const OURS: &[(&str, &str)] = &[
    ("deployment.environment", "the server reads no other name (C§3.2)"),
    (
        "error.message",
        "what an error says that is under a title or is a plain log line: `exception.message` would be an error of its own",
    ),
    ("error.span_trace", "the `tracing` spans that an error passed through; there is no convention"),
    ("exception.cause_types", "the types of the causes; there is no convention"),
    ("exception.causes", "the texts of the causes; there is no convention"),
    ("exception.structured_stacktrace", "frames with their source lines, which the successor shows (C§6.3)"),
    ("highlight.project_id", "what the server looks for (C§3.2)"),
    ("highlight.session_id", "what the server looks for (C§3.2)"),
    ("highlight.trace_id", "what the server looks for (C§3.2)"),
    ("http.request.body", "a body that `Recording` names; the conventions know its size alone"),
    ("http.response.body", "likewise"),
    ("log.target", "the target of `tracing` and `log`; there is no convention"),
];

#[test]
fn names_are_those_of_the_conventions() {
    let official = official().expect("the list can be read");
    assert!(official.len() > 500, "only {} names were read", official.len());
    let emitted = emitted().expect("everything is recorded");
    for place in ["resource", "span", "log", "error", "metric", "a metric"] {
        assert!(emitted.values().any(|places| places.contains(place)), "no {place} left");
    }
    let mut page = String::from(PREAMBLE);
    let mut wrong = Vec::new();
    for (name, places) in &emitted {
        let reason = OURS.iter().find(|(of, _)| of == name).map(|(_, reason)| *reason);
        let status = match (lookup(&official, name), reason) {
            (Some(Status::Deprecated), None) => {
                wrong.push(format!("{name} ({places:?}) is deprecated"));
                continue;
            }
            (None, None) => {
                wrong.push(format!("{name} ({places:?}) is no name of the conventions"));
                continue;
            }
            (Some(Status::Stable | Status::Development), Some(_)) => {
                wrong.push(format!("{name} is one of the conventions, and needs no reason"));
                continue;
            }
            (Some(Status::Stable), None) => "stable".to_owned(),
            (Some(Status::Development), None) => "in development".to_owned(),
            (Some(Status::Deprecated), Some(reason)) => format!("deprecated; {reason}"),
            (None, Some(reason)) => format!("ours; {reason}"),
        };
        let places: Vec<_> = places.iter().copied().collect();
        writeln!(page, "| `{name}` | {} | {status} |", places.join(", ")).expect("a text grows");
    }
    let unused = OURS.iter().filter(|(name, _)| !emitted.contains_key(*name));
    wrong.extend(unused.map(|(name, _)| format!("{name} has a reason, but does not leave")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let path = root().join("docs/conventions.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, page).expect("the page can be written");
    } else {
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(page == written, "write it anew: UPDATE_DOCS=1 cargo test -p conformance --test conventions");
    }
}

const PREAMBLE: &str = "# Names

Every attribute and metric that the SDK itself sends, with where it is and what OpenTelemetry's semantic conventions say of it: written and
checked by `tests/tests/conventions.rs`, which compares what was received with the list that the crate
`opentelemetry-semantic-conventions` is generated from. What a program adds has the names that it gives. One kind of record is
not among them: the report of what was lost, with its `highlight.dropped.<reason>`.

| name | in | conventions |
|---|---|---|
";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Stable,
    Development,
    Deprecated,
}

/// The names of attributes and metrics, from the constants of the crate.
fn official() -> Result<BTreeMap<String, Status>> {
    let metadata = metadata(&host()?)?;
    let mut packages = metadata.packages.iter();
    let package = packages.find(|package| package.name == "opentelemetry-semantic-conventions");
    let source = package.context("it is a dependency")?.manifest_path.with_file_name("src");
    let mut names = BTreeMap::new();
    for file in ["attribute.rs", "metric.rs"] {
        let text = fs::read_to_string(source.join(file))?;
        // Between two constants: the value of the one, then documentation and markers of the other.
        let mut status = Status::Stable;
        for part in text.split("pub const ") {
            let is_constant = part.starts_with(|first: char| first.is_ascii_uppercase());
            if is_constant && let Some(name) = part.split('"').nth(1) {
                names.insert(name.to_owned(), status);
            }
            let markers = part.rsplit("\n\n").next().unwrap_or_default();
            let has = |marker: &str| markers.lines().any(|line| line.starts_with(marker));
            status = match (has("#[deprecated"), has("#[cfg(feature = \"semconv_experimental\")]")) {
                (true, _) => Status::Deprecated,
                (false, true) => Status::Development,
                (false, false) => Status::Stable,
            };
        }
    }
    Ok(names)
}

/// A name of the list, or one below a template of it, such as `http.request.header.<key>`.
fn lookup(official: &BTreeMap<String, Status>, name: &str) -> Option<Status> {
    let template = || {
        let (template, _) = name.rsplit_once('.')?;
        ["http.request.header", "http.response.header"].contains(&template).then(|| official.get(template))?
    };
    official.get(name).or_else(template).copied()
}

/// The names that leave, and where they are.
fn emitted() -> Result<BTreeMap<String, BTreeSet<&'static str>>> {
    tracing::subscriber::set_global_default(
        tracing_subscriber::registry().with(tracing_error::ErrorLayer::default()).with(highlight::layer()),
    )?;
    tracing_log::LogTracer::init()?;
    // The panics that are to be recorded need not be read.
    panic::set_hook(Box::new(|_| {}));
    highlight::install_panic_hook();

    let receiver = Receiver::builder().keep_raw(true).start()?;
    let config = Config::new("1").endpoint(receiver.endpoint()).service_name("shop");
    let config = config.service_version("1.0").environment("test").source_context(true);
    let client = Client::new(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        for framework in frameworks() {
            requests(framework, &client).await?;
        }
        client.flush_async(Duration::from_secs(60)).await?;
        anyhow::Ok(())
    })?;
    drop(panic::take_hook());
    Ok(names(&receiver))
}

/// A request that works, one that fails, one that panics, and one of no known method.
async fn requests(framework: &'static dyn Framework, client: &Client) -> Result<()> {
    let recording = Recording::new().request_bodies("*").response_bodies("*");
    let recording = recording.request_header("x-tenant").response_header("x-price");
    let options = ServerOptions::default().client_address(true).log_failures(true).record(recording);
    let handler = handler(|arrival| async move {
        work();
        match arrival.path.as_str() {
            "/orders/8" => Err(Declined::new()),
            #[expect(clippy::panic, reason = "that is what is recorded")]
            "/orders/9" => panic!("{EXPECTED_PANIC}"),
            _ => Ok(Reply::text("ok").header("x-price", "42")),
        }
    });
    let service =
        framework.serve(Setup { client: client.clone(), handler, options, neighbour: None }).await?;
    for (method, target) in
        [("POST", "/orders/7?size=2"), ("GET", "/orders/8"), ("GET", "/orders/9"), ("BREW", "/orders/7")]
    {
        let request = Request::from_browser("session1", "request001").method(method).target(target);
        let request =
            request.header("x-tenant", "a").header("user-agent", "test").header("content-type", "text/plain");
        let request = request.header("x-forwarded-for", "203.0.113.7");
        // A panic ends the connection of some.
        let _ = service.send(&if method == "POST" { request.body("hello") } else { request }).await;
    }
    service.stop().await
}

/// All that a handler can have the SDK record.
fn work() {
    set_user(User::new().id("7").email("a@shop.example").name("A"));
    tracing::info!("a line");
    log::info!("another");
    highlight::log(Level::Info, "a third", []);
    consume_error(&Declined::new());
    tracing::error!(error = &Declined::new() as &dyn std::error::Error, "reported");
    let _ = highlight::try_in_span("work", |_: Span| Err::<(), _>(Declined::new()));
    let orders = Message::new("kafka", "orders-eu")
        .template("orders-{region}")
        .id("1")
        .consumer_group("shipping")
        .partition(3);
    orders.send_span().in_span(|_| ());
    orders.process_span(&RequestContext::current()).in_span(|_| ());
    orders.process_batch_span([&RequestContext::current()]).in_span(|_| ());
    if let Err(traced) = Err::<(), _>(Declined::new()).in_current_span() {
        consume_error(&traced);
    }
    call();
}

/// Calls of other services: one that is answered, one that fails, and a gRPC call.
fn call() {
    let uri = http::Uri::from_static("http://stock:8080/items/7?size=2");
    let mut request = ClientRequest::new("BREW", &uri);
    request.resend_count = 1;
    if let Some(mut span) = ClientSpan::start(&request, None) {
        span.set_response(http::StatusCode::BAD_GATEWAY, http::Version::HTTP_11);
        span.end();
    }
    if let Some(mut span) = ClientSpan::start(&request, None) {
        span.set_failed("timeout", "it took too long");
    }
    let mut headers = http::HeaderMap::new();
    headers.insert("content-type", http::HeaderValue::from_static("application/grpc"));
    let uri = http::Uri::from_static("http://stock:8080/shop.Stock/Get");
    let mut request = ClientRequest::new("POST", &uri);
    request.grpc = GrpcHeaders::from_headers(&headers);
    if let Some(mut span) = ClientSpan::start(&request, None) {
        span.set_response(http::StatusCode::OK, http::Version::HTTP_2);
        headers.insert("grpc-status", http::HeaderValue::from_static("14"));
        span.read_grpc_status(&headers);
        span.end();
    }
}

/// The names in what was received.
fn names(receiver: &Receiver) -> BTreeMap<String, BTreeSet<&'static str>> {
    let store = receiver.store();
    let mut names = BTreeMap::new();
    for request in store.raw_traces() {
        for of in &request.resource_spans {
            add(&mut names, "resource", of.resource.iter().flat_map(|resource| &resource.attributes));
            for span in of.scope_spans.iter().flat_map(|of| &of.spans) {
                add(&mut names, "span", &span.attributes);
                add(&mut names, "link", span.links.iter().flat_map(|link| &link.attributes));
                add(&mut names, "event", span.events.iter().flat_map(|event| &event.attributes));
            }
        }
    }
    for request in store.raw_logs() {
        for of in &request.resource_logs {
            add(&mut names, "resource", of.resource.iter().flat_map(|resource| &resource.attributes));
            for record in of.scope_logs.iter().flat_map(|of| &of.log_records) {
                let is_error =
                    record.attributes.iter().any(|attribute| attribute.key.starts_with("exception."));
                add(&mut names, if is_error { "error" } else { "log" }, &record.attributes);
            }
        }
    }
    for request in store.raw_metrics() {
        for of in &request.resource_metrics {
            add(&mut names, "resource", of.resource.iter().flat_map(|resource| &resource.attributes));
            for metric in of.scope_metrics.iter().flat_map(|of| &of.metrics) {
                names.entry(metric.name.clone()).or_default().insert("a metric");
                add(&mut names, "metric", labels(metric));
            }
        }
    }
    names
}

fn add<'a>(
    names: &mut BTreeMap<String, BTreeSet<&'static str>>,
    place: &'static str,
    attributes: impl IntoIterator<Item = &'a otlp::KeyValue>,
) {
    for attribute in attributes {
        names.entry(attribute.key.clone()).or_default().insert(place);
    }
}

fn labels(metric: &highlight_local::opentelemetry_proto::tonic::metrics::v1::Metric) -> Vec<&otlp::KeyValue> {
    use highlight_local::opentelemetry_proto::tonic::metrics::v1::metric::Data;
    match &metric.data {
        Some(Data::Sum(sum)) => sum.data_points.iter().flat_map(|point| &point.attributes).collect(),
        Some(Data::Gauge(gauge)) => gauge.data_points.iter().flat_map(|point| &point.attributes).collect(),
        Some(Data::Histogram(histogram)) => {
            histogram.data_points.iter().flat_map(|point| &point.attributes).collect()
        }
        _ => Vec::new(),
    }
}
