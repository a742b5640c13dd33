//! Spans of the program's own are children of the request's.

use anyhow::{Result, ensure};
use highlight::{in_span, start_active_span, try_in_span, try_start_active_span};
use tracing::Instrument;

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    handler::{Declined, Reply},
    stored::{attribute, is_child},
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("span_of_tracing", span_of_tracing),
        Scenario::new("start_active_span", active_span),
        Scenario::new("in_span", synchronous_span),
        Scenario::new("try_start_active_span", failing_active_span),
        Scenario::new("try_in_span", failing_synchronous_span),
        Scenario::new("nested_spans", nested_spans),
        Scenario::new("joined_spans", joined_spans),
    ]
}

async fn span_of_tracing(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let work = async {
                tokio::task::yield_now().await;
                tracing::info!("inside");
            };
            work.instrument(tracing::info_span!("query", rows = 3, cached = false)).await;
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let span = stored.span("query")?;
    is_child(span, stored.request_span()?)?;
    ensure!(attribute(&span.attributes, "rows")? == "3");
    ensure!(attribute(&span.attributes, "cached")? == "false", "booleans are kept");
    ensure!(stored.log("inside")?.span_id == span.span_id);
    Ok(())
}

async fn active_span(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            start_active_span("charge", async |span| {
                span.set_attribute("cents", 4200);
                tokio::task::yield_now().await;
                tracing::info!("inside");
            })
            .await;
            tracing::info!("outside");
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let (request, span) = (stored.request_span()?, stored.span("charge")?);
    is_child(span, request)?;
    ensure!(attribute(&span.attributes, "cents")? == "4200");
    ensure!(stored.log("inside")?.span_id == span.span_id);
    ensure!(stored.log("outside")?.span_id == request.span_id);
    Ok(())
}

async fn synchronous_span(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            in_span("sum up", |span| {
                span.set_attribute("items", 3);
                tracing::info!("inside");
            });
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let span = stored.span("sum up")?;
    is_child(span, stored.request_span()?)?;
    ensure!(attribute(&span.attributes, "items")? == "3");
    ensure!(stored.log("inside")?.span_id == span.span_id);
    Ok(())
}

async fn failing_active_span(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let result = try_start_active_span("charge", async |_| {
                tokio::task::yield_now().await;
                Err::<(), _>(Declined::new())
            });
            drop(result.await);
            Reply::ok()
        })
        .await?;
    failed_span(&stored, "charge")
}

async fn failing_synchronous_span(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            drop(try_in_span("charge", |_| Err::<(), _>(Declined::new())));
            Reply::ok()
        })
        .await?;
    failed_span(&stored, "charge")
}

fn failed_span(stored: &crate::stored::Stored, name: &str) -> Result<()> {
    stored.belongs_to(SESSION, REQUEST)?;
    let span = stored.span(name)?;
    let (error, _) = stored.error()?;
    ensure!(error.span_id == span.span_id && error.event == Declined::MESSAGE);
    ensure!((span.status_code, span.status_message.as_str()) == ("Error", Declined::MESSAGE));
    ensure!(stored.request_span()?.status_code == "Unset", "the request itself went well");
    let file = attribute(&error.payload, "code.file.path")?;
    ensure!(file.ends_with("scenario/spans.rs"), "reported from {file}");
    Ok(())
}

async fn nested_spans(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let outer = async {
                start_active_span("ours", async |_| {
                    tokio::task::yield_now().await;
                    let inner = async { in_span("innermost", |_| tracing::info!("deep")) };
                    inner.instrument(tracing::info_span!("theirs")).await;
                })
                .await;
            };
            outer.instrument(tracing::info_span!("outer")).await;
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let line = [stored.framework.request_span(), "outer", "ours", "theirs", "innermost"];
    for (parent, child) in line.iter().zip(&line[1..]) {
        is_child(stored.span(child)?, stored.span(parent)?)?;
    }
    ensure!(stored.log("deep")?.span_id == stored.span("innermost")?.span_id);
    Ok(())
}

/// Two that take turns on one task do not mix.
async fn joined_spans(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let left = start_active_span("left", async |_| {
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
                tracing::info!("in left");
            });
            let right = async {
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
                tracing::info!("in right");
            };
            tokio::join!(left, right.instrument(tracing::info_span!("right")));
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    for name in ["left", "right"] {
        is_child(stored.span(name)?, stored.request_span()?)?;
        ensure!(stored.log(&format!("in {name}"))?.span_id == stored.span(name)?.span_id);
    }
    Ok(())
}
