//! The client goes away while the handler works.

use std::{error::Error, time::Duration};

use anyhow::{Context, Result, ensure};
use highlight::start_active_span;
use tokio::{sync::mpsc, time};

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    framework::Need,
    handler::{Declined, Reply},
    stored::{Stored, attribute, is_child},
    wire::Request,
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("client_gone", client_gone),
        Scenario::new("client_gone_inside_span", client_gone_inside_span),
        Scenario::new("error_from_drop", error_from_drop),
        Scenario::new("timeout", timeout),
    ]
}

/// Logs when it is dropped.
struct Witness;

impl Drop for Witness {
    fn drop(&mut self) {
        tracing::warn!("given up");
    }
}

/// What a handler says when it has begun, and then waits for ever.
#[derive(Clone)]
struct Begun(mpsc::UnboundedSender<()>);

impl Begun {
    async fn forever<T>(self) -> T {
        let _ = self.0.send(());
        std::future::pending().await
    }
}

/// The client goes away once the handler has begun.
async fn leave_while_running<F, Fut>(cell: Cell, handler: F) -> Result<Stored>
where
    F: Fn(Begun) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Reply, Declined>> + Send + 'static,
{
    let (begin, mut begun) = mpsc::unbounded_channel();
    let begin = Begun(begin);
    let service = cell.serve(move |_| handler(begin.clone())).await?;
    let pending = service.begin(&Request::from_browser(SESSION, REQUEST)).await?;
    begun.recv().await.context("the handler runs")?;
    pending.leave().await;
    let stored = cell.stored([service]).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    Ok(stored)
}

async fn client_gone(cell: Cell) -> Result<()> {
    let stored = leave_while_running(cell, |begun| async {
        let _witness = Witness;
        tracing::info!("begun");
        begun.forever().await
    })
    .await?;
    stored.no_error()?;
    let span = stored.request_span()?;
    for text in ["begun", "given up"] {
        ensure!(stored.log(text)?.span_id == span.span_id, "{text}");
    }
    if stored.framework.has(Need::Server) {
        ensure!(span.status_code == "Error" && !span.status_message.is_empty());
        ensure!(attribute(&span.attributes, "error.type")? == "cancelled");
        ensure!(!span.attributes.contains_key("http.response.status_code"));
    }
    Ok(())
}

async fn client_gone_inside_span(cell: Cell) -> Result<()> {
    let stored = leave_while_running(cell, |begun| {
        start_active_span("charge", async |_| {
            let _witness = Witness;
            begun.forever().await
        })
    })
    .await?;
    let span = stored.span("charge")?;
    is_child(span, stored.request_span()?)?;
    ensure!(stored.log("given up")?.span_id == span.span_id);
    Ok(())
}

/// Reports an error when it is dropped.
struct Unfinished;

impl Drop for Unfinished {
    fn drop(&mut self) {
        tracing::error!(error = &Declined::new() as &dyn Error, "not finished");
    }
}

async fn error_from_drop(cell: Cell) -> Result<()> {
    let stored = leave_while_running(cell, |begun| async {
        let _unfinished = Unfinished;
        begun.forever().await
    })
    .await?;
    let (error, log) = stored.error()?;
    ensure!(error.event == Declined::MESSAGE && log.message == "not finished");
    ensure!(error.span_id == stored.request_span()?.span_id);
    ensure!(attribute(&error.payload, "exception.causes.0")? == Declined::CAUSE);
    Ok(())
}

/// The handler gives up on its work, which is dropped, and answers.
async fn timeout(cell: Cell) -> Result<()> {
    let (answer, stored) = cell
        .answer(|_| async {
            let work = start_active_span("slow", async |_| {
                let _witness = Witness;
                std::future::pending::<()>().await;
            });
            let outcome = time::timeout(Duration::from_millis(20), work).await;
            tracing::info!("after");
            Ok(Reply::text(outcome.is_err().to_string()))
        })
        .await?;
    ensure!(answer.body == "true", "the work was dropped");
    stored.belongs_to(SESSION, REQUEST)?;
    stored.no_error()?;
    let request = stored.request_span()?;
    is_child(stored.span("slow")?, request)?;
    ensure!(stored.log("given up")?.span_id == stored.span("slow")?.span_id);
    ensure!(stored.log("after")?.span_id == request.span_id && request.status_code == "Unset");
    Ok(())
}
