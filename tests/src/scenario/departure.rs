//! The client goes away while the handler works.

use anyhow::{Context, Result, ensure};
use highlight::start_active_span;
use tokio::sync::mpsc;

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    handler::Reply,
    stored::{attribute, is_child},
    wire::Request,
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("client_gone", client_gone),
        Scenario::new("client_gone_inside_span", client_gone_inside_span),
    ]
}

/// Logs when it is dropped.
struct Witness;

impl Drop for Witness {
    fn drop(&mut self) {
        tracing::warn!("given up");
    }
}

async fn client_gone(cell: Cell) -> Result<()> {
    let (enter, mut entered) = mpsc::unbounded_channel();
    let service = cell
        .serve(move |_| {
            let enter = enter.clone();
            async move {
                let _witness = Witness;
                tracing::info!("begun");
                let _ = enter.send(());
                std::future::pending().await
            }
        })
        .await?;
    let pending = service.begin(&Request::from_browser(SESSION, REQUEST)).await?;
    entered.recv().await.context("the handler runs")?;
    pending.leave().await;
    let stored = cell.stored([service]).await?;

    stored.belongs_to(SESSION, REQUEST)?;
    stored.no_error()?;
    let span = stored.request_span()?;
    for text in ["begun", "given up"] {
        ensure!(stored.log(text)?.span_id == span.span_id, "{text}");
    }
    if stored.framework.is_http() {
        ensure!(span.status_code == "Error" && !span.status_message.is_empty());
        ensure!(attribute(&span.attributes, "error.type")? == "cancelled");
        ensure!(!span.attributes.contains_key("http.response.status_code"));
    }
    Ok(())
}

async fn client_gone_inside_span(cell: Cell) -> Result<()> {
    let (enter, mut entered) = mpsc::unbounded_channel();
    let service = cell
        .serve(move |_| {
            let enter = enter.clone();
            start_active_span("charge", async move |_| {
                let _witness = Witness;
                let _ = enter.send(());
                std::future::pending::<()>().await;
                Reply::ok()
            })
        })
        .await?;
    let pending = service.begin(&Request::from_browser(SESSION, REQUEST)).await?;
    entered.recv().await.context("the handler runs")?;
    pending.leave().await;
    let stored = cell.stored([service]).await?;

    stored.belongs_to(SESSION, REQUEST)?;
    let span = stored.span("charge")?;
    is_child(span, stored.request_span()?)?;
    ensure!(stored.log("given up")?.span_id == span.span_id);
    Ok(())
}
