//! Nothing of a request goes to hosts that are nobody's business, and nothing private is stored unasked.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::{Result, ensure};
use highlight::{
    http::{Recording, ServerOptions},
    propagation,
};
use highlight_local::model::Span;

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    handler::{Declined, Reply, Step},
    stored::{Stored, attribute},
    wire::Request,
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("foreign_hosts", foreign_hosts),
        Scenario::new("private_hosts", private_hosts),
        Scenario::new("allowed_hosts", allowed_hosts).config(|config| config.propagate_to("*.bank.example")),
        Scenario::new("query_is_redacted", query_is_redacted).http_only(),
        Scenario::new("headers_are_not_stored", headers_are_not_stored).http_only(),
        Scenario::new("bodies_are_not_stored", bodies_are_not_stored).http_only(),
        Scenario::new("named_headers_are_stored", named_headers_are_stored).http_only(),
        Scenario::new("named_bodies_are_stored", named_bodies_are_stored).http_only(),
        Scenario::new("streamed_bodies_are_cut", streamed_bodies_are_cut).http_only(),
        Scenario::new("compressed_bodies_are_a_size", compressed_bodies_are_a_size).http_only(),
        Scenario::new("private_paths_are_not_stored", |cell| {
            private_requests(cell, Recording::never, "/orders/*")
        })
        .http_only(),
        Scenario::new("private_requests_are_not_stored", |cell| {
            private_requests(cell, |recording, _| recording.unless(|request| request.path == "/orders/7"), "")
        })
        .http_only(),
        Scenario::new("secrets_in_texts", secrets_in_texts),
        Scenario::new("the_hook_edits_and_drops", the_hook_edits_and_drops).config(|config| {
            config.before_send(|item| {
                item.remove_attribute("user.email");
                item.text() != "not to be sent"
            })
        }),
    ]
}

/// The names of the headers that each host is sent.
async fn sent_to(cell: Cell, hosts: &'static [&'static str]) -> Result<Vec<String>> {
    let (answer, stored) = cell
        .answer(|_| async {
            let sent: Vec<_> = hosts
                .iter()
                .map(|host| {
                    let mut headers = http::HeaderMap::new();
                    let allowed = propagation::inject_for(&http::Uri::from_static(host), &mut headers);
                    let mut names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
                    names.sort_unstable();
                    format!("{allowed} {}", names.join(","))
                })
                .collect();
            Ok::<_, Declined>(Reply::text(sent.join("\n")))
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    Ok(answer.body.lines().map(ToOwned::to_owned).collect())
}

async fn foreign_hosts(cell: Cell) -> Result<()> {
    const HOSTS: &[&str] = &[
        "https://api.bank.example/charges",
        "http://8.8.8.8/",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
        "http://[2001:4860:4860::8888]/",
        "/relative",
    ];
    for (host, sent) in HOSTS.iter().zip(sent_to(cell, HOSTS).await?) {
        ensure!(sent == "false ", "{host} is sent {sent:?}");
    }
    Ok(())
}

async fn private_hosts(cell: Cell) -> Result<()> {
    const HOSTS: &[&str] = &[
        "http://localhost:3000/",
        "http://127.0.0.1/",
        "http://10.1.2.3/",
        "http://stock/",
        "http://stock.shop.svc/",
    ];
    for (host, sent) in HOSTS.iter().zip(sent_to(cell, HOSTS).await?) {
        let names = sent.strip_prefix("true ").unwrap_or_default();
        ensure!(
            names.contains("traceparent") && names.contains("x-highlight-request"),
            "{host} is sent {sent:?}"
        );
    }
    Ok(())
}

async fn allowed_hosts(cell: Cell) -> Result<()> {
    const HOSTS: &[&str] =
        &["https://api.bank.example/charges", "https://bank.example/", "https://bank.example.evil.example/"];
    let sent = sent_to(cell, HOSTS).await?;
    let allowed: Vec<_> = sent.iter().map(|sent| sent.starts_with("true ")).collect();
    ensure!(allowed == [true, false, false], "{sent:?}");
    Ok(())
}

async fn query_is_redacted(cell: Cell) -> Result<()> {
    let request = Request::from_browser(SESSION, REQUEST).target("/orders/7?size=2&token=hunter2");
    let (_, stored) = cell.answer_to(&request, |_| async { Reply::ok() }).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let query = attribute(&stored.request_span()?.attributes, "url.query")?;
    ensure!(query.contains("size=2") && !query.contains("hunter2"), "{query}");
    Ok(())
}

async fn headers_are_not_stored(cell: Cell) -> Result<()> {
    let request = Request::from_browser(SESSION, REQUEST)
        .header("authorization", "Bearer hunter2")
        .header("cookie", "id=hunter2")
        .header("x-forwarded-for", "203.0.113.7");
    let (_, stored) = cell.answer_to(&request, |_| async { Reply::ok() }).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let stored = format!("{:?}", stored.rows);
    ensure!(!stored.contains("hunter2") && !stored.contains("203.0.113.7"), "{stored}");
    Ok(())
}

const JSON: (&str, &str) = ("content-type", "application/json");

fn post(body: &str) -> Request {
    let (name, value) = JSON;
    Request::from_browser(SESSION, REQUEST).method("POST").header(name, value).body(body)
}

fn recording(cell: Cell, recording: Recording) -> Cell {
    cell.options(ServerOptions::default().record(recording))
}

fn bodies() -> Recording {
    Recording::new().request_bodies("/orders/*").response_bodies("*")
}

/// The span of `POST /orders/7`.
fn post_span(stored: &Stored) -> Result<&Span> {
    stored.span(&stored.framework.request_span().replace("GET", "POST"))
}

async fn bodies_are_not_stored(cell: Cell) -> Result<()> {
    let request = post("{\"note\": \"swordfish\"}");
    let (answer, stored) = cell
        .answer_to(&request, |arrival| async move {
            Ok::<_, Declined>(Reply::text(String::from_utf8_lossy(&arrival.body)).header(JSON.0, JSON.1))
        })
        .await?;
    ensure!(answer.body.contains("swordfish"), "the handler has read {:?}", answer.body);
    let stored = format!("{:?}", stored.rows);
    ensure!(!stored.contains("swordfish"), "{stored}");
    Ok(())
}

async fn named_headers_are_stored(cell: Cell) -> Result<()> {
    let names = ["x-tenant", "Authorization", "cookie", "referer"];
    let named = names.into_iter().fold(Recording::new(), Recording::request_header);
    let cell = recording(cell, named.response_header("x-cache").response_header("set-cookie"));
    let request = Request::from_browser(SESSION, REQUEST)
        .header("x-tenant", "acme")
        .header("X-Tenant", "other")
        .header("x-not-named", "swordfish")
        .header("authorization", "Bearer hunter2")
        .header("cookie", "id=hunter2")
        .header("referer", "https://shop.example/?page=2&code=hunter2");
    let (_, stored) = cell
        .answer_to(&request, |_| async {
            Ok::<_, Declined>(
                Reply::text("ok")
                    .header("x-cache", "hit")
                    .header("set-cookie", "id=hunter2")
                    .header("x-other", "swordfish"),
            )
        })
        .await?;
    let attributes = &stored.request_span()?.attributes;
    for (key, value) in [
        ("http.request.header.x-tenant.0", "acme"),
        ("http.request.header.x-tenant.1", "other"),
        ("http.request.header.authorization", "[REDACTED]"),
        ("http.request.header.cookie", "[REDACTED]"),
        ("http.request.header.referer.0", "https://shop.example/?page=2&code=[REDACTED]"),
        ("http.response.header.x-cache.0", "hit"),
        ("http.response.header.set-cookie", "[REDACTED]"),
    ] {
        ensure!(attribute(attributes, key)? == value, "{key} in {attributes:#?}");
    }
    let stored = format!("{:?}", stored.rows);
    ensure!(!stored.contains("swordfish") && !stored.contains("hunter2"), "{stored}");
    Ok(())
}

async fn named_bodies_are_stored(cell: Cell) -> Result<()> {
    let request = post("{\"user\":\"ada\",\"password\":\"hunter2\"}");
    let (answer, stored) = recording(cell, bodies())
        .answer_to(&request, |arrival| async move {
            Ok::<_, Declined>(
                Reply::text(format!("{{\"length\":{}}}", arrival.body.len())).header(JSON.0, JSON.1),
            )
        })
        .await?;
    ensure!(answer.body == "{\"length\":35}", "answered {}", answer.body);
    stored.belongs_to(SESSION, REQUEST)?;
    let attributes = &post_span(&stored)?.attributes;
    for (key, value) in [
        ("http.request.body", "{\"user\":\"ada\",\"password\":\"[REDACTED]\"}"),
        ("http.request.body.size", "35"),
        ("http.response.body", "{\"length\":35}"),
        ("http.response.body.size", "13"),
    ] {
        ensure!(attribute(attributes, key)? == value, "{key} in {attributes:#?}");
    }
    Ok(())
}

/// What is recorded is what passes by: the client has the first part before the second is made.
async fn streamed_bodies_are_cut(cell: Cell) -> Result<()> {
    let released = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&released);
    let cell = recording(cell, bodies().body_limit(10));
    let service = cell
        .serve(move |_| {
            let gate = Arc::clone(&gate);
            let mut parts = 0;
            async move {
                let body = Reply::streaming(move || match parts {
                    0 => {
                        parts = 1;
                        Step::Data("the first ")
                    }
                    1 if gate.load(Ordering::SeqCst) => {
                        parts = 2;
                        Step::Data("the second ")
                    }
                    1 => Step::Data("."),
                    _ => Step::End,
                });
                Ok::<_, Declined>(body.header("content-type", "text/plain; charset=utf-8"))
            }
        })
        .await?;
    let mut pending = service.begin(&Request::from_browser(SESSION, REQUEST)).await?;
    pending.read_until("the first", 1).await?;
    released.store(true, Ordering::SeqCst);
    pending.read_until("the second", 1).await?;
    drop(pending);
    let stored = cell.stored([service]).await?;
    let body = attribute(&stored.request_span()?.attributes, "http.response.body")?;
    ensure!(body == "the first ...", "{body}");
    Ok(())
}

async fn compressed_bodies_are_a_size(cell: Cell) -> Result<()> {
    let request = post("not really gzip").header("content-encoding", "gzip");
    let (_, stored) = recording(cell, bodies())
        .answer_to(&request, |_| async {
            Ok::<_, Declined>(
                Reply::text("neither is this").header(JSON.0, JSON.1).header("content-encoding", "br"),
            )
        })
        .await?;
    let attributes = &post_span(&stored)?.attributes;
    for key in ["http.request.body.size", "http.response.body.size"] {
        ensure!(attribute(attributes, key)? == "15", "{key} in {attributes:#?}");
    }
    let stored = format!("{:?}", stored.rows);
    ensure!(!stored.contains("really") && !stored.contains("neither"), "{stored}");
    Ok(())
}

async fn private_requests(
    cell: Cell,
    private: fn(Recording, &'static str) -> Recording,
    path: &'static str,
) -> Result<()> {
    let named = bodies().request_header("x-tenant").response_header("x-cache");
    let request = post("swordfish")
        .target("/orders/7?q=swordfish")
        .header("x-tenant", "swordfish")
        .header("user-agent", "swordfish");
    let (answer, stored) = recording(cell, private(named, path))
        .answer_to(&request, |arrival| async move {
            Ok::<_, Declined>(
                Reply::text(String::from_utf8_lossy(&arrival.body))
                    .header(JSON.0, JSON.1)
                    .header("x-cache", "swordfish"),
            )
        })
        .await?;
    ensure!(answer.body == "swordfish", "answered {}", answer.body);
    stored.belongs_to(SESSION, REQUEST)?;
    let status = attribute(&post_span(&stored)?.attributes, "http.response.status_code")?;
    ensure!(status == "200");
    let stored = format!("{:?}", stored.rows);
    ensure!(!stored.contains("swordfish"), "{stored}");
    Ok(())
}

async fn secrets_in_texts(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            tracing::info!(
                user.password = "hunter2",
                body = r#"{"apiKey":"hunter2","n":1}"#,
                "login password=hunter2 for ada"
            );
            highlight::ErrorReport::new("upstream refused Bearer hunter2").consume();
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    stored.log("login password=[REDACTED] for ada")?;
    let (error, _) = stored.error()?;
    ensure!(error.event == "upstream refused Bearer [REDACTED]", "{}", error.event);
    let stored = format!("{:?}", stored.rows);
    ensure!(!stored.contains("hunter2"), "{stored}");
    Ok(())
}

async fn the_hook_edits_and_drops(cell: Cell) -> Result<()> {
    let service = cell
        .serve(|_| async {
            highlight::set_user(highlight::User::new().id("7").email("ada@example.com"));
            tracing::info!("not to be sent");
            tracing::info!("sent");
            Reply::ok()
        })
        .await?;
    service.answer(&Request::from_browser(SESSION, REQUEST)).await?;
    let stored = cell.stored([service]).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    ensure!(stored.stats.dropped.before_send == 1, "{:?}", stored.stats);
    let log = stored.log("sent")?;
    ensure!(attribute(&log.attributes, "user.id")? == "7");
    let stored = format!("{:?}", stored.rows);
    ensure!(!stored.contains("not to be sent") && !stored.contains("ada@example.com"), "{stored}");
    Ok(())
}
