//! Nothing of a request goes to hosts that are nobody's business, and nothing private is stored unasked.

use anyhow::{Result, ensure};
use highlight::propagation;

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    handler::Reply,
    stored::attribute,
    wire::Request,
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("foreign_hosts", foreign_hosts),
        Scenario::new("private_hosts", private_hosts),
        Scenario::new("allowed_hosts", allowed_hosts).config(|config| config.propagate_to("*.bank.example")),
        Scenario::new("query_is_redacted", query_is_redacted).http_only(),
        Scenario::new("headers_are_not_stored", headers_are_not_stored).http_only(),
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
            Ok(Reply::text(sent.join("\n")))
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
