//! The user's filter hides what it wants, and correlation stays.

use anyhow::{Result, ensure};
use highlight::{Config, Level, start_active_span};
use tracing::{Dispatch, level_filters::LevelFilter};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt};

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    handler::Reply,
    stored::{Stored, is_child},
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("request_span_filtered_out", request_span_filtered_out)
            .subscriber(without_request_span),
        Scenario::new("request_span_switched_off", request_span_filtered_out)
            .config(|config| config.request_span(false)),
        Scenario::new("global_filter_warn", global_filter_warn).subscriber(warnings_only),
        Scenario::new("level_warn", global_filter_warn).config(|config| config.level(Level::Warn)),
        Scenario::new("filter_by_target", filter_by_target).config(quiet_here),
        Scenario::new("no_subscriber", no_subscriber).subscriber(Dispatch::none),
    ]
}

fn without_request_span() -> Dispatch {
    let filter =
        Targets::new().with_default(LevelFilter::TRACE).with_target("highlight::request", LevelFilter::OFF);
    Dispatch::new(tracing_subscriber::registry().with(filter).with(highlight::layer()))
}

fn warnings_only() -> Dispatch {
    Dispatch::new(tracing_subscriber::registry().with(LevelFilter::WARN).with(highlight::layer()))
}

fn quiet_here(config: Config) -> Config {
    config.filter("conformance::scenario::filters=off")
}

/// Says something on both levels, in a span of each kind.
async fn both_levels(cell: Cell) -> Result<Stored> {
    let (_, stored) = cell
        .answer(|_| async {
            start_active_span("ours", async |_| {
                tokio::task::yield_now().await;
                let _entered = tracing::info_span!("theirs").entered();
                tracing::info!("information");
                tracing::warn!("warning");
                highlight::log(Level::Info, "by function", []);
            })
            .await;
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    is_child(stored.span("ours")?, stored.request_span()?)?;
    stored.log("by function")?;
    Ok(stored)
}

async fn request_span_filtered_out(cell: Cell) -> Result<()> {
    let stored = both_levels(cell).await?;
    is_child(stored.span("theirs")?, stored.span("ours")?)?;
    stored.log("information")?;
    ensure!(stored.rows.spans.len() == 3 && stored.rows.logs.len() == 3);
    Ok(())
}

async fn global_filter_warn(cell: Cell) -> Result<()> {
    let stored = both_levels(cell).await?;
    ensure!(stored.log("warning")?.span_id == stored.span("ours")?.span_id);
    ensure!(stored.rows.spans.len() == 2 && stored.rows.logs.len() == 2, "nothing below WARN");
    Ok(())
}

async fn filter_by_target(cell: Cell) -> Result<()> {
    let stored = both_levels(cell).await?;
    ensure!(stored.rows.spans.len() == 2 && stored.rows.logs.len() == 1, "nothing of this module");
    Ok(())
}

/// What is ours needs no `tracing` at all.
async fn no_subscriber(cell: Cell) -> Result<()> {
    let stored = both_levels(cell).await?;
    ensure!(stored.rows.spans.len() == 2 && stored.rows.logs.len() == 1);
    Ok(())
}
