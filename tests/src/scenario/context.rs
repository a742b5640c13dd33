//! The request is current wherever its handler runs.

use std::{thread, time::Duration};

use anyhow::{Result, ensure};
use highlight::{Level, RequestContext, log};

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    framework::Need,
    handler::Reply,
    stored::attribute,
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("handler", handler),
        Scenario::new("log_function", log_function),
        Scenario::new("after_yield", after_yield),
        Scenario::new("after_sleep", after_sleep),
        Scenario::new("across_threads", across_threads).needs(Need::SharedRuntime),
        Scenario::new("current_context", current_context),
        Scenario::new("events_are_not_on_spans", events_are_not_on_spans),
    ]
}

async fn handler(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            tracing::info!(order = 7, gift = true, "in the handler");
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    stored.no_error()?;
    let span = stored.request_span()?;
    ensure!(span.parent_span_id.is_empty(), "the request's span is a root");
    ensure!(span.status_code == "Unset", "status {}", span.status_code);
    let log = stored.log("in the handler")?;
    ensure!(log.level == "info" && log.span_id == span.span_id);
    ensure!(attribute(&log.attributes, "order")? == "7");
    ensure!(attribute(&log.attributes, "gift")? == "true", "booleans are kept");
    ensure!(attribute(&log.attributes, "code.file.path")?.ends_with("scenario/context.rs"));
    Ok(())
}

async fn log_function(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            log(Level::Warn, "stock is low", [highlight::KeyValue::new("left", 2)]);
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let log = stored.log("stock is low")?;
    ensure!(log.level == "warn" && attribute(&log.attributes, "left")? == "2");
    ensure!(attribute(&log.attributes, "code.file.path")?.ends_with("scenario/context.rs"));
    Ok(())
}

async fn after_yield(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            tracing::info!("before");
            tokio::task::yield_now().await;
            tracing::info!("after");
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    ensure!(stored.log("before")?.span_id == stored.log("after")?.span_id);
    Ok(())
}

async fn after_sleep(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            tokio::time::sleep(Duration::from_millis(2)).await;
            tracing::info!("after");
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    stored.log("after").map(drop)
}

async fn across_threads(cell: Cell) -> Result<()> {
    /// Which of the two workers goes on is a matter of chance: this often it is not always the same one.
    const TRIES: usize = 10_000;

    let (answer, stored) = cell
        .answer(|_| async {
            let first = thread::current().id();
            let mut tries = 0;
            while thread::current().id() == first && tries < TRIES {
                // Woken from outside the workers, by whichever of them is free.
                let _ = tokio::task::spawn_blocking(|| ()).await;
                tries += 1;
            }
            tracing::info!("on another thread");
            Ok(Reply::text((thread::current().id() != first).to_string()))
        })
        .await?;
    ensure!(answer.body == "true", "the handler never moved to another thread");
    stored.belongs_to(SESSION, REQUEST)?;
    stored.log("on another thread").map(drop)
}

async fn current_context(cell: Cell) -> Result<()> {
    let (answer, stored) =
        cell.answer(|_| async { Ok(Reply::text(RequestContext::current().to_string())) }).await?;
    ensure!(answer.body == format!("{SESSION}/{REQUEST}"));
    stored.belongs_to(SESSION, REQUEST)
}

/// What is logged is stored once, as a log row.
async fn events_are_not_on_spans(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let span = tracing::info_span!("work").entered();
            tracing::info!("once");
            tracing::error!(error = "declined", "twice?");
            drop(span);
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    stored.log("once")?;
    stored.error()?;
    for span in &stored.rows.spans {
        ensure!(span.events.is_empty(), "{:?} has {:#?}", span.name, span.events);
    }
    Ok(())
}
