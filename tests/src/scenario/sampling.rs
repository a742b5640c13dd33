//! Spans may be sampled out; errors and logs may not, and keep their ids.

use anyhow::{Result, ensure};
use highlight::{SpanKind, consume_error, in_span, messaging::Message};

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION, W3C},
    handler::{Declined, Reply},
    wire::Request,
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("sampled_out", sampled_out).config(|config| config.sample_rate(0.0)),
        Scenario::new("parent_unsampled_but_untrusted", |cell| unsampled_parent(cell, true)),
        Scenario::new("parent_unsampled_and_trusted", |cell| unsampled_parent(cell, false))
            .config(|config| config.trust_parent_sampling(true)),
        Scenario::new("sampled_by_route", sampled_by_route)
            .http_only()
            .config(|config| config.sampler(|request| (request.path()? == "/orders/8").then_some(0.0))),
        Scenario::new("sampled_by_kind", sampled_by_kind)
            .config(|config| config.sample_rate_for(SpanKind::Consumer, 0.0)),
    ]
}

async fn sampled_out(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            in_span("work", |_| tracing::info!("inside"));
            let _entered = tracing::info_span!("query").entered();
            consume_error(&Declined::new());
            Reply::ok()
        })
        .await?;
    ensure!(stored.rows.spans.is_empty(), "{} spans", stored.rows.spans.len());
    stored.belongs_to(SESSION, REQUEST)?;
    stored.log("inside")?;
    stored.error()?;
    ensure!(stored.stats.dropped.sampled_out == 3, "{:?}", stored.stats.dropped);
    Ok(())
}

async fn unsampled_parent(cell: Cell, kept: bool) -> Result<()> {
    let request =
        Request::from_browser(SESSION, W3C).header("traceparent", format!("00-{W3C}-b7ad6b7169203331-00"));
    let (_, stored) = cell
        .answer_to(&request, |_| async {
            tracing::info!("inside");
            Reply::ok()
        })
        .await?;
    let log = stored.log("inside")?;
    ensure!((log.origin.session_id.as_str(), log.trace_id.as_str()) == (SESSION, W3C));
    ensure!(stored.rows.spans.len() == usize::from(kept), "{} spans", stored.rows.spans.len());
    ensure!(stored.stats.dropped.sampled_out == u64::from(!kept));
    Ok(())
}

async fn sampled_by_route(cell: Cell) -> Result<()> {
    let service = cell
        .serve(|arrival| async move {
            in_span("work", |_| tracing::info!("at {}", arrival.path));
            Reply::ok()
        })
        .await?;
    for path in ["/orders/7", "/orders/8"] {
        service.answer(&Request::from_browser(SESSION, REQUEST).target(path)).await?;
    }
    let stored = cell.stored([service]).await?;
    ensure!(stored.rows.spans.len() == 2 && stored.stats.dropped.sampled_out == 2);
    ensure!(stored.log("at /orders/7")?.span_id == stored.span("work")?.span_id);
    let log = stored.log("at /orders/8")?;
    ensure!((log.origin.session_id.as_str(), log.trace_id.as_str()) == (SESSION, REQUEST));
    Ok(())
}

async fn sampled_by_kind(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let producer = "producer/message".parse().unwrap_or_default();
            Message::new("kafka", "orders").process_span(&producer).in_span(|_| {
                in_span("below", |_| tracing::info!("consumed"));
                consume_error(&Declined::new());
            });
            Reply::ok()
        })
        .await?;
    ensure!(
        stored.rows.spans.len() == 1 && stored.stats.dropped.sampled_out == 2,
        "{:#?}",
        stored.rows.spans
    );
    ensure!(stored.request_span()?.origin.session_id == SESSION);
    let log = stored.log("consumed")?;
    ensure!((log.origin.session_id.as_str(), log.trace_id.as_str()) == ("producer", "message"));
    ensure!(stored.error()?.0.origin.session_id == "producer");
    Ok(())
}
