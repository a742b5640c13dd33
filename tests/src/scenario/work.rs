//! Work that is started elsewhere stays part of the request, also beyond its end.

use std::{io, sync::Arc};

use anyhow::{Context, Result, ensure};
use highlight::{Client, InCurrentScope, RequestContext, in_span, start_active_span};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
};
use tracing::Instrument;

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    framework::Need,
    handler::Reply,
    stored::{Stored, is_child},
    wire::{Answer, Request},
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("spawn", spawn),
        Scenario::new("spawn_blocking", spawn_blocking),
        Scenario::new("spawn_thread", spawn_thread),
        Scenario::new("spawn_in_current_scope", spawn_in_current_scope),
        Scenario::new("spawn_in_current_span", spawn_in_current_span).needs(Need::RequestSpan),
        Scenario::new("bare_spawn", bare_spawn).impossible(BARE),
        Scenario::new("bare_spawn_blocking", bare_spawn_blocking).impossible(BARE),
        Scenario::new("bare_thread", bare_thread).impossible(BARE),
        Scenario::new("outliving_task", outliving_task).needs(Need::SharedRuntime),
        Scenario::new("outliving_thread", outliving_thread),
    ]
}

const BARE: &str = "a bare `tokio::spawn`, `spawn_blocking` or `std::thread::spawn` starts with nothing, which no library can \
                    change: what it does is recorded, without session and request. Use `highlight::spawn` and its twins";

fn work() {
    in_span("work", |_| tracing::info!("done"));
}

fn work_is_part_of_the_request(stored: &Stored) -> Result<()> {
    stored.belongs_to(SESSION, REQUEST)?;
    is_child(stored.span("work")?, stored.request_span()?)?;
    ensure!(stored.log("done")?.span_id == stored.span("work")?.span_id);
    Ok(())
}

async fn spawn(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let work = async {
                tokio::task::yield_now().await;
                work();
            };
            drop(highlight::spawn(work).await);
            Reply::ok()
        })
        .await?;
    work_is_part_of_the_request(&stored)
}

async fn spawn_blocking(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            drop(highlight::spawn_blocking(work).await);
            Reply::ok()
        })
        .await?;
    work_is_part_of_the_request(&stored)
}

async fn spawn_thread(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let thread = highlight::spawn_thread(work);
            drop(tokio::task::spawn_blocking(|| thread.map(std::thread::JoinHandle::join)).await);
            Reply::ok()
        })
        .await?;
    work_is_part_of_the_request(&stored)
}

async fn spawn_in_current_scope(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let mut tasks = tokio::task::JoinSet::new();
            tasks.spawn(async { work() }.in_current_scope());
            tasks.join_all().await;
            Reply::ok()
        })
        .await?;
    work_is_part_of_the_request(&stored)
}

async fn spawn_in_current_span(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            drop(tokio::spawn(async { work() }.in_current_span()).await);
            Reply::ok()
        })
        .await?;
    work_is_part_of_the_request(&stored)
}

/// Works as it would for a process-wide client, of which the suite has none.
fn forsaken(client: &Client) -> bool {
    let forsaken = RequestContext::current().is_empty() && Client::current().is_none();
    client.in_scope(work);
    forsaken
}

/// What was done is there, and nobody's.
fn work_is_nobodys(answer: &Answer, stored: &Stored) -> Result<()> {
    ensure!(answer.body == "true", "something was current");
    let (work, log) = (stored.span("work")?, stored.log("done")?);
    for origin in [&work.origin, &log.origin] {
        ensure!(origin.session_id.is_empty() && origin.request_id.is_empty(), "{origin:?}");
    }
    ensure!(work.parent_span_id.is_empty() && log.span_id == work.span_id);
    ensure!(work.otel_trace_id != stored.request_span()?.otel_trace_id);
    Ok(())
}

async fn bare_spawn(cell: Cell) -> Result<()> {
    let client = cell.client().clone();
    let (answer, stored) = cell
        .answer(move |_| {
            let client = client.clone();
            async {
                let forsaken = tokio::spawn(async move { forsaken(&client) }).await;
                Ok(Reply::text(forsaken.unwrap_or_default().to_string()))
            }
        })
        .await?;
    work_is_nobodys(&answer, &stored)
}

async fn bare_spawn_blocking(cell: Cell) -> Result<()> {
    let client = cell.client().clone();
    let (answer, stored) = cell
        .answer(move |_| {
            let client = client.clone();
            async {
                let forsaken = tokio::task::spawn_blocking(move || forsaken(&client)).await;
                Ok(Reply::text(forsaken.unwrap_or_default().to_string()))
            }
        })
        .await?;
    work_is_nobodys(&answer, &stored)
}

async fn bare_thread(cell: Cell) -> Result<()> {
    let client = cell.client().clone();
    let (answer, stored) = cell
        .answer(move |_| {
            let client = client.clone();
            let forsaken = std::thread::spawn(move || forsaken(&client)).join();
            async { Ok(Reply::text(forsaken.unwrap_or_default().to_string())) }
        })
        .await?;
    work_is_nobodys(&answer, &stored)
}

async fn outliving_task(cell: Cell) -> Result<()> {
    let (started, mut tasks) = mpsc::unbounded_channel::<JoinHandle<()>>();
    let go_on = Arc::new(Notify::new());
    let gate = Arc::clone(&go_on);
    let service = cell
        .serve(move |_| {
            let (started, gate) = (started.clone(), Arc::clone(&gate));
            async move {
                let later = async move {
                    gate.notified().await;
                    start_active_span("work", async |_| tracing::info!("done")).await;
                };
                drop(started.send(highlight::spawn(later)));
                Reply::ok()
            }
        })
        .await?;
    service.answer(&Request::from_browser(SESSION, REQUEST)).await?;
    service.stop().await?;
    // The request is over, and its span has ended.
    go_on.notify_one();
    tasks.recv().await.context("the handler spawned a task")?.await?;
    work_is_part_of_the_request(&cell.stored([]).await?)
}

async fn outliving_thread(cell: Cell) -> Result<()> {
    type Thread = io::Result<std::thread::JoinHandle<()>>;
    let (started, mut threads) = mpsc::unbounded_channel::<Thread>();
    let (go_on, gate) = std::sync::mpsc::channel::<()>();
    let gate = Arc::new(std::sync::Mutex::new(gate));
    let service = cell
        .serve(move |_| {
            let gate = Arc::clone(&gate);
            let later = move || {
                drop(gate.lock().map(|gate| gate.recv()));
                work();
            };
            drop(started.send(highlight::spawn_thread(later)));
            async { Reply::ok() }
        })
        .await?;
    service.answer(&Request::from_browser(SESSION, REQUEST)).await?;
    service.stop().await?;
    go_on.send(())?;
    let thread = threads.recv().await.context("the handler started a thread")??;
    ensure!(tokio::task::spawn_blocking(|| thread.join()).await?.is_ok(), "the thread panicked");
    work_is_part_of_the_request(&cell.stored([]).await?)
}
