//! The semantics of a server span.

use anyhow::{Result, ensure};
use highlight::http::ServerOptions;
use highlight_local::model::MetricValue;

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    handler::{EXPECTED_PANIC, Reply},
    stored::attribute,
    wire::Request,
};

pub(super) fn rows() -> Vec<Scenario> {
    [
        Scenario::new("attributes", attributes),
        Scenario::new("status_404", |cell| status(cell, 404, "Unset")),
        Scenario::new("status_503", |cell| status(cell, 503, "Error")),
        Scenario::new("no_content", |cell| status(cell, 204, "Unset")),
        Scenario::new("head", head),
        Scenario::new("unknown_method", unknown_method),
        Scenario::new("preflight", preflight),
        Scenario::new("excluded", excluded),
        Scenario::new("exclude_panics", exclude_panics),
        Scenario::new("failures_logged", failures_logged),
        Scenario::new("duration_metric", duration_metric),
    ]
    .into_iter()
    .map(Scenario::http_only)
    .collect()
}

async fn attributes(cell: Cell) -> Result<()> {
    let request =
        Request::from_browser(SESSION, REQUEST).header("user-agent", "suite/1").target("/orders/7?size=2");
    let (_, stored) = cell.answer_to(&request, |_| async { Reply::ok() }).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let span = stored.request_span()?;
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("url.path", "/orders/7"),
        ("url.query", "size=2"),
        ("url.scheme", "http"),
        ("server.address", "127.0.0.1"),
        ("network.protocol.version", "1.1"),
        ("user_agent.original", "suite/1"),
    ] {
        let found = attribute(&span.attributes, key)?;
        ensure!(found == value, "{key} is {found:?}");
    }
    ensure!(span.attributes.contains_key("server.port"));
    // The span is named after the route, where the framework knows it.
    let route = stored.framework.request_span().strip_prefix("GET ");
    ensure!(span.attributes.get("http.route").map(String::as_str) == route);
    ensure!(!span.attributes.contains_key("error.type") && !span.attributes.contains_key("client.address"));
    Ok(())
}

async fn status(cell: Cell, status: u16, of_span: &str) -> Result<()> {
    let (answer, stored) = cell.answer(move |_| async move { Ok(Reply::status(status)) }).await?;
    ensure!(answer.status == status);
    stored.belongs_to(SESSION, REQUEST)?;
    stored.no_error()?;
    ensure!(stored.rows.logs.is_empty(), "nothing was logged");
    let span = stored.request_span()?;
    ensure!(span.status_code == of_span, "status {}", span.status_code);
    ensure!(attribute(&span.attributes, "http.response.status_code")? == status.to_string());
    ensure!(span.attributes.contains_key("error.type") == (status >= 500));
    Ok(())
}

async fn head(cell: Cell) -> Result<()> {
    let request = Request::from_browser(SESSION, REQUEST).method("HEAD");
    let (answer, stored) = cell.answer_to(&request, |_| async { Reply::ok() }).await?;
    ensure!(answer.status == 200 && answer.body.is_empty());
    stored.belongs_to(SESSION, REQUEST)?;
    let [span] = &stored.rows.spans[..] else { anyhow::bail!("{} spans", stored.rows.spans.len()) };
    ensure!(span.name.starts_with("HEAD") && span.status_code == "Unset", "{span:#?}");
    Ok(())
}

async fn unknown_method(cell: Cell) -> Result<()> {
    let request = Request::from_browser(SESSION, REQUEST).method("BREW");
    let (_, stored) = cell.answer_to(&request, |_| async { Reply::ok() }).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let [span] = &stored.rows.spans[..] else { anyhow::bail!("{} spans", stored.rows.spans.len()) };
    ensure!(span.name.starts_with("HTTP"), "{:?}", span.name);
    ensure!(attribute(&span.attributes, "http.request.method")? == "_OTHER");
    ensure!(attribute(&span.attributes, "http.request.method_original")? == "BREW");
    Ok(())
}

/// The browser asks whether it may; that is no request.
async fn preflight(cell: Cell) -> Result<()> {
    let request = Request::new().method("OPTIONS").header("access-control-request-method", "POST");
    let (answer, stored) = cell.answer_to(&request, |_| async { Reply::ok() }).await?;
    ensure!(answer.status == 200);
    ensure!(stored.rows.spans.is_empty() && stored.rows.metrics.is_empty());
    Ok(())
}

async fn excluded(cell: Cell) -> Result<()> {
    let options = ServerOptions::default().exclude(|request| request.path == "/orders/7");
    let (_, stored) = cell
        .options(options)
        .answer(|_| async {
            tracing::info!("probed");
            Reply::ok()
        })
        .await?;
    ensure!(stored.rows.spans.is_empty() && stored.rows.metrics.is_empty());
    let log = stored.log("probed")?;
    ensure!((log.origin.session_id.as_str(), log.trace_id.as_str()) == (SESSION, REQUEST));
    Ok(())
}

/// What the program says of requests fails; the request does not.
async fn exclude_panics(cell: Cell) -> Result<()> {
    #[expect(clippy::panic, reason = "that is the scenario")]
    let options = ServerOptions::default().exclude(|_| panic!("{EXPECTED_PANIC}"));
    let (answer, stored) = cell.options(options).answer(|_| async { Reply::ok() }).await?;
    ensure!(answer.status == 200);
    stored.belongs_to(SESSION, REQUEST)?;
    ensure!(stored.request_span()?.status_code == "Unset");
    stored.no_error()
}

async fn failures_logged(cell: Cell) -> Result<()> {
    let options = ServerOptions::default().log_failures(true);
    let (_, stored) = cell.options(options).answer(|_| async { Ok(Reply::status(404)) }).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let [log] = &stored.rows.logs[..] else { anyhow::bail!("{} log rows", stored.rows.logs.len()) };
    ensure!(log.level == "warn" && log.message.contains("404"), "{log:#?}");
    Ok(())
}

async fn duration_metric(cell: Cell) -> Result<()> {
    let (_, stored) = cell.answer(|_| async { Reply::ok() }).await?;
    let points =
        |name: &str| stored.rows.metrics.iter().filter(|metric| metric.name == name).collect::<Vec<_>>();
    let [duration] = points("http.server.request.duration")[..] else { anyhow::bail!("no duration") };
    ensure!(duration.unit == "s");
    ensure!(attribute(&duration.attributes, "http.response.status_code")? == "200");
    let [active] = points("http.server.active_requests")[..] else { anyhow::bail!("no active requests") };
    ensure!(active.value == MetricValue::Number(0.0), "the request has ended: {:?}", active.value);
    for metric in [duration, active] {
        ensure!(metric.origin.session_id.is_empty(), "sessions would multiply the series");
    }
    Ok(())
}
