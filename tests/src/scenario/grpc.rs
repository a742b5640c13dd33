//! The semantics of a gRPC server's span, where those of HTTP do not apply.

use anyhow::{Context, Result, bail, ensure};
use highlight::http::ServerOptions;
use highlight_local::model::Span;
use highlight_tower::HighlightClientLayer;
use http::uri::PathAndQuery;
use tonic::{IntoRequest, Status, Streaming, client::Grpc, transport::Endpoint};
use tonic_prost::ProstCodec;
use tower::ServiceBuilder;

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SERVICE, SESSION, W3C},
    framework::{Need, Neighbour},
    handler::{Arrival, Declined, EXPECTED_PANIC, Reply, Step},
    stored::{Stored, attribute, is_child},
    wire::{Request, grpc::status_of},
};

/// The statuses and whether they are the server's failures.
const STATUSES: [(u16, &str, bool); 17] = [
    (0, "OK", false),
    (1, "CANCELLED", false),
    (2, "UNKNOWN", true),
    (3, "INVALID_ARGUMENT", false),
    (4, "DEADLINE_EXCEEDED", true),
    (5, "NOT_FOUND", false),
    (6, "ALREADY_EXISTS", false),
    (7, "PERMISSION_DENIED", false),
    (8, "RESOURCE_EXHAUSTED", false),
    (9, "FAILED_PRECONDITION", false),
    (10, "ABORTED", false),
    (11, "OUT_OF_RANGE", false),
    (12, "UNIMPLEMENTED", true),
    (13, "INTERNAL", true),
    (14, "UNAVAILABLE", true),
    (15, "DATA_LOSS", true),
    (16, "UNAUTHENTICATED", false),
];

pub(super) fn rows() -> Vec<Scenario> {
    let statuses = STATUSES.iter().map(|&(code, name, fails)| {
        let row = format!("grpc::status_{}", name.to_lowercase());
        Scenario::new(row, move |cell| status(cell, code, name, fails))
    });
    let others = [
        Scenario::new("grpc::attributes", attributes),
        Scenario::new("grpc::status_in_trailers", status_in_trailers),
        Scenario::new("grpc::no_status", no_status),
        Scenario::new("grpc::unknown_method", unknown_method),
        Scenario::new("grpc::excluded", excluded),
        Scenario::new("grpc::refusals_logged", |cell| {
            failures_logged(cell, 5, "warn", "shop.Orders/Get answered NOT_FOUND")
        }),
        Scenario::new("grpc::failures_logged", |cell| {
            failures_logged(cell, 14, "error", "shop.Orders/Get answered UNAVAILABLE")
        }),
        Scenario::new("grpc::duration_metric", duration_metric),
        Scenario::new("grpc::deadline", deadline),
        Scenario::new("grpc::two_hops", two_hops),
        Scenario::new("grpc::two_hops_refused", two_hops_refused),
        Scenario::new("grpc::two_hops_failing", two_hops_failing),
        Scenario::new("grpc::two_hops_no_status", two_hops_no_status),
        Scenario::new("grpc::stream_given_up", stream_given_up),
        Scenario::new("grpc::nobody_there", nobody_there),
    ];
    statuses.chain(others).map(|row| row.needs(Need::Grpc)).collect()
}

async fn attributes(cell: Cell) -> Result<()> {
    let request = Request::from_browser(SESSION, REQUEST).header("user-agent", "suite/1");
    let (answer, stored) = cell.answer_to(&request, |_| async { Reply::ok() }).await?;
    ensure!(answer.status == 200 && answer.body == "ok");
    stored.belongs_to(SESSION, REQUEST)?;
    let span = stored.request_span()?;
    ensure!(span.status_code == "Unset");
    for (key, value) in [
        ("rpc.system.name", "grpc"),
        ("rpc.method", "shop.Orders/Get"),
        ("rpc.response.status_code", "OK"),
        ("server.address", "127.0.0.1"),
        ("network.protocol.version", "2"),
        ("user_agent.original", "suite/1"),
    ] {
        let found = attribute(&span.attributes, key)?;
        ensure!(found == value, "{key} is {found:?}");
    }
    ensure!(span.attributes.contains_key("server.port"));
    let others = span.attributes.keys().find(|key| key.starts_with("http.") || key.starts_with("url."));
    ensure!(others.is_none() && !span.attributes.contains_key("error.type"), "{:#?}", span.attributes);
    Ok(())
}

/// A status that is the server's failure fails the span, and is no error by itself.
fn has_status(span: &Span, name: &str, fails: bool, description: &str) -> Result<()> {
    ensure!(attribute(&span.attributes, "rpc.response.status_code")? == name);
    let expected = if fails { ("Error", description) } else { ("Unset", "") };
    let found = (span.status_code, span.status_message.as_str());
    ensure!(found == expected, "{found:?}");
    ensure!(span.attributes.get("error.type").map(String::as_str) == fails.then_some(name));
    Ok(())
}

/// Answered at once, in the headers.
async fn status(cell: Cell, code: u16, name: &str, fails: bool) -> Result<()> {
    let reply = move || Reply { status: if code == 0 { 200 } else { code }, ..Reply::text("") };
    let (answer, stored) = cell.answer(move |_| async move { Ok(reply()) }).await?;
    ensure!(answer.status == status_of(code));
    stored.belongs_to(SESSION, REQUEST)?;
    stored.no_error()?;
    ensure!(stored.rows.logs.is_empty(), "nothing was logged");
    // Of a method that is said not to exist, the name is not believed.
    let span = stored.span(if name == "UNIMPLEMENTED" { "grpc" } else { "shop.Orders/Get" })?;
    has_status(span, name, fails, "(as it was told)")
}

/// A stream that fails half-way has its status in the trailers. What was reported says more than that.
async fn status_in_trailers(cell: Cell) -> Result<()> {
    let (answer, stored) = cell
        .answer(|_| async {
            let mut steps = [Step::Data("one "), Step::Data("two "), Step::Fail].into_iter();
            Ok(Reply::streaming(move || steps.next().unwrap_or(Step::End)))
        })
        .await?;
    ensure!(answer.status == 500 && answer.body == "one two ");
    stored.belongs_to(SESSION, REQUEST)?;
    stored.error()?;
    has_status(stored.request_span()?, "INTERNAL", true, Declined::MESSAGE)
}

/// Middleware that answers without a status: clients make one of HTTP's.
async fn no_status(cell: Cell) -> Result<()> {
    let (answer, stored) = cell.neighbour(Neighbour::CatchesPanics).answer(panicking).await?;
    ensure!(answer.status == 500, "HTTP's: {}", answer.status);
    stored.belongs_to(SESSION, REQUEST)?;
    stored.error()?;
    let span = stored.request_span()?;
    ensure!(span.status_code == "Error");
    ensure!(attribute(&span.attributes, "rpc.response.status_code")? == "UNKNOWN");
    Ok(())
}

#[expect(clippy::panic, reason = "that is the scenario")]
async fn panicking(_: Arrival) -> Result<Reply, Declined> {
    panic!("{EXPECTED_PANIC}")
}

/// What a client makes up is in no name and in no label.
async fn unknown_method(cell: Cell) -> Result<()> {
    let request = Request::from_browser(SESSION, REQUEST).method("MadeUp");
    let (answer, stored) = cell.answer_to(&request, |_| async { Reply::ok() }).await?;
    ensure!(answer.status == 12);
    stored.belongs_to(SESSION, REQUEST)?;
    let span = stored.span("grpc")?;
    has_status(span, "UNIMPLEMENTED", true, "")?;
    ensure!(attribute(&span.attributes, "rpc.method")? == "_OTHER");
    ensure!(attribute(&span.attributes, "rpc.method_original")? == "shop.Orders/MadeUp");
    let [duration] = &stored.rows.metrics[..] else { bail!("{} metrics", stored.rows.metrics.len()) };
    ensure!(attribute(&duration.attributes, "rpc.method")? == "_OTHER");
    Ok(())
}

async fn excluded(cell: Cell) -> Result<()> {
    let options = ServerOptions::default().exclude(|request| request.path == "/shop.Orders/Get");
    let (_, stored) = cell
        .options(options)
        .answer(|_| async {
            tracing::info!("probed");
            Ok(Reply::status(13))
        })
        .await?;
    ensure!(stored.rows.spans.is_empty() && stored.rows.metrics.is_empty());
    let log = stored.log("probed")?;
    ensure!((log.origin.session_id.as_str(), log.trace_id.as_str()) == (SESSION, REQUEST));
    Ok(())
}

async fn failures_logged(cell: Cell, code: u16, level: &str, text: &str) -> Result<()> {
    let options = ServerOptions::default().log_failures(true);
    let (_, stored) = cell.options(options).answer(move |_| async move { Ok(Reply::status(code)) }).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let log = stored.log(text)?;
    ensure!(log.level == level && stored.rows.logs.len() == 1, "{log:#?}");
    Ok(())
}

/// In place of the metrics of HTTP.
async fn duration_metric(cell: Cell) -> Result<()> {
    let (_, stored) = cell.answer(|_| async { Ok(Reply::status(14)) }).await?;
    let [duration] = &stored.rows.metrics[..] else { bail!("{} metrics", stored.rows.metrics.len()) };
    ensure!((duration.name.as_str(), duration.unit.as_str()) == ("rpc.server.call.duration", "s"));
    for (key, value) in [
        ("error.type", "UNAVAILABLE"),
        ("rpc.method", "shop.Orders/Get"),
        ("rpc.response.status_code", "UNAVAILABLE"),
        ("rpc.system.name", "grpc"),
    ] {
        ensure!(attribute(&duration.attributes, key)? == value, "{key}");
    }
    ensure!(!duration.attributes.keys().any(|key| key.starts_with("http.")));
    ensure!(duration.origin.session_id.is_empty(), "sessions would multiply the series");
    Ok(())
}

/// tonic drops the handler when the time that the client gave has passed.
async fn deadline(cell: Cell) -> Result<()> {
    let request = Request::from_browser(SESSION, REQUEST).header("grpc-timeout", "50m");
    let (answer, stored) = cell
        .answer_to(&request, |_| async {
            tracing::info!("begun");
            std::future::pending().await
        })
        .await?;
    ensure!(answer.status != 200, "it was answered");
    stored.belongs_to(SESSION, REQUEST)?;
    stored.no_error()?;
    let span = stored.request_span()?;
    ensure!(span.status_code == "Error" && !span.status_message.is_empty());
    ensure!(attribute(&span.attributes, "error.type")? == "DEADLINE_EXCEEDED");
    ensure!(attribute(&span.attributes, "rpc.response.status_code")? == "DEADLINE_EXCEEDED");
    Ok(())
}

/// What tonic-build would make of the service, for the caller's side: through our layer, which knows the host.
async fn call(service: &http::Uri) -> Result<Streaming<String>, Status> {
    let unavailable = |error: &dyn std::error::Error| Status::unavailable(error.to_string());
    let channel = Endpoint::from(service.clone()).connect_lazy();
    let layer = HighlightClientLayer::new().with_target(service.clone());
    let mut client = Grpc::new(ServiceBuilder::new().layer(layer).service(channel));
    client.ready().await.map_err(|error| unavailable(&error))?;
    let get = PathAndQuery::from_static("/shop.Orders/Get");
    let message = "/orders/8".to_owned().into_request();
    Ok(client.server_streaming(message, get, ProstCodec::default()).await?.into_inner())
}

/// A service that asks another, which answers with `last`; the spans of both, and that between.
async fn two_services(mut cell: Cell, last: fn() -> Result<Reply, Declined>) -> Result<(Stored, [Span; 3])> {
    let next = cell
        .serve_as("last", move |_| async move {
            tracing::info!("at the last");
            last()
        })
        .await?;
    let uri = next.uri();
    let first = cell
        .serve(move |_| {
            let uri = uri.clone();
            async move {
                let mut messages = call(&uri).await.map_err(|_| Declined::new());
                if let Ok(messages) = &mut messages {
                    while let Ok(Some(_)) = messages.message().await {}
                }
                Reply::ok()
            }
        })
        .await?;
    first.answer(&Request::from_browser(SESSION, W3C)).await?;
    let stored = cell.stored([first, next]).await?;
    stored.belongs_to(SESSION, W3C)?;
    let of = |service: &str, kind: &str| {
        let mut spans = stored.rows.spans.iter();
        let span = spans.find(|span| span.origin.service == service && span.kind == kind);
        span.map(|span| Span::clone(span)).with_context(|| format!("a {kind} span of {service}"))
    };
    let spans = [of(SERVICE, "Server")?, of(SERVICE, "Client")?, of("last", "Server")?];
    let [first, between, last] = &spans;
    is_child(between, first)?;
    is_child(last, between)?;
    ensure!(between.name == "shop.Orders/Get");
    for (key, value) in
        [("rpc.system.name", "grpc"), ("rpc.method", "shop.Orders/Get"), ("server.address", "127.0.0.1")]
    {
        ensure!(attribute(&between.attributes, key)? == value, "{key}");
    }
    let metric = stored.rows.metrics.iter().find(|metric| metric.name == "rpc.client.call.duration");
    let metric = metric.context("the duration of the call")?;
    ensure!(
        metric.attributes.get("rpc.response.status_code")
            == between.attributes.get("rpc.response.status_code")
    );
    Ok((stored, spans))
}

async fn two_hops(cell: Cell) -> Result<()> {
    let (stored, [_, between, last]) = two_services(cell, Reply::ok).await?;
    ensure!(stored.log("at the last")?.span_id == last.span_id);
    has_status(&between, "OK", false, "")
}

/// To the caller any status but OK is a failure, and none an error object.
async fn two_hops_refused(cell: Cell) -> Result<()> {
    let (stored, [_, between, last]) = two_services(cell, || Ok(Reply::status(5))).await?;
    stored.no_error()?;
    has_status(&last, "NOT_FOUND", false, "")?;
    has_status(&between, "NOT_FOUND", true, "as it was told")
}

/// The status comes after the first message.
async fn two_hops_failing(cell: Cell) -> Result<()> {
    let stream = || {
        let mut steps = [Step::Data("one"), Step::Fail].into_iter();
        Ok(Reply::streaming(move || steps.next().unwrap_or(Step::End)))
    };
    let (_, [_, between, last]) = two_services(cell, stream).await?;
    has_status(&last, "INTERNAL", true, Declined::MESSAGE)?;
    has_status(&between, "INTERNAL", true, "the order is not to be had")
}

/// What answers in place of the service says nothing of gRPC.
async fn two_hops_no_status(cell: Cell) -> Result<()> {
    #[expect(clippy::panic, reason = "that is the scenario")]
    fn panicking() -> Result<Reply, Declined> {
        panic!("{EXPECTED_PANIC}")
    }
    let (_, [_, between, last]) = two_services(cell.neighbour(Neighbour::CatchesPanics), panicking).await?;
    ensure!(attribute(&last.attributes, "rpc.response.status_code")? == "UNKNOWN");
    has_status(&between, "UNKNOWN", true, "the answer had no grpc-status")
}

/// The caller drops a stream that goes on: both sides know it as cancelled.
async fn stream_given_up(mut cell: Cell) -> Result<()> {
    let next = cell
        .serve_as("last", |_| async {
            let mut steps = [Step::Data("one")].into_iter();
            Ok(Reply::streaming(move || steps.next().unwrap_or(Step::Hang)))
        })
        .await?;
    let uri = next.uri();
    let first = cell
        .serve(move |_| {
            let uri = uri.clone();
            async move {
                let mut messages = call(&uri).await.map_err(|_| Declined::new())?;
                let message = messages.message().await.map_err(|_| Declined::new())?;
                Ok(Reply::text(message.unwrap_or_default()))
            }
        })
        .await?;
    let answer = first.answer(&Request::from_browser(SESSION, W3C)).await?;
    ensure!(answer.body == "one");
    let stored = cell.stored([first, next]).await?;
    stored.belongs_to(SESSION, W3C)?;
    stored.no_error()?;
    for (service, kind) in [(SERVICE, "Client"), ("last", "Server")] {
        let mut spans = stored.rows.spans.iter();
        let span = spans.find(|span| span.origin.service == service && span.kind == kind);
        let span = span.with_context(|| format!("a {kind} span of {service}"))?;
        ensure!(span.status_code == "Error" && attribute(&span.attributes, "error.type")? == "cancelled");
        ensure!(attribute(&span.attributes, "rpc.response.status_code")? == "CANCELLED");
    }
    Ok(())
}

async fn nobody_there(cell: Cell) -> Result<()> {
    let (answer, stored) = cell
        .answer(|_| async {
            let failed = call(&http::Uri::from_static("http://127.0.0.1:1")).await.is_err();
            Ok(Reply::text(failed.to_string()))
        })
        .await?;
    ensure!(answer.body == "true");
    stored.belongs_to(SESSION, REQUEST)?;
    stored.no_error()?;
    let of = |kind: &str| stored.rows.spans.iter().find(|span| span.kind == kind).context("a span");
    let span = of("Client")?;
    is_child(span, of("Server")?)?;
    ensure!(span.status_code == "Error" && !span.status_message.is_empty());
    ensure!(attribute(&span.attributes, "rpc.response.status_code")? == "UNAVAILABLE");
    Ok(())
}
