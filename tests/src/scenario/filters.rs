//! The user's filter hides what it wants, and correlation stays.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use anyhow::{Context, Result, anyhow, ensure};
use highlight::{Config, Level, start_active_span};
use tracing::{Dispatch, Subscriber, dispatcher, level_filters::LevelFilter};
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt};

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    framework::Need,
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
        Scenario::new("console_line", console_line).needs(Need::RequestSpan).subscriber(with_console),
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

/// What the program's own console was told.
#[derive(Clone, Default)]
struct Console(Arc<Mutex<Vec<u8>>>);

impl Write for Console {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().map_err(|_| io::ErrorKind::Other)?.write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// So that a row finds it again.
impl<S: Subscriber> Layer<S> for Console {}

fn with_console() -> Dispatch {
    let console = Console::default();
    let writer = console.clone();
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone());
    Dispatch::new(tracing_subscriber::registry().with(console).with(lines).with(highlight::layer()))
}

/// A line of the console says of which request it is, also from a task.
async fn console_line(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            tracing::info!("in the handler");
            drop(highlight::spawn(async { tracing::info!("in a task") }).await);
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let console = dispatcher::get_default(|dispatch| dispatch.downcast_ref::<Console>().cloned());
    let console = console.context("the console")?;
    let told = console.0.lock().map_err(|_| anyhow!("a panic"))?.clone();
    let told = String::from_utf8(told)?;
    let method = if stored.framework.has(Need::Http) { "GET" } else { stored.framework.request_span() };
    for text in ["in the handler", "in a task"] {
        let line = told.lines().find(|line| line.contains(text)).context("a line")?;
        ensure!(line.contains(&format!("request{{method={method:?}")) && line.contains(SESSION), "{line}");
    }
    Ok(())
}
