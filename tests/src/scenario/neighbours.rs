//! Middleware of others, further in than ours and further out.

use anyhow::{Result, ensure};

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    framework::{Need, Neighbour, OnError},
    handler::{Declined, Reply, Step},
    stored::{Stored, attribute, is_child},
    wire::Request,
};

pub(super) fn rows() -> Vec<Scenario> {
    [
        Scenario::new("inside_logs", inside_logs),
        Scenario::new("inside_fails", inside_fails),
        Scenario::new("inside_traces", inside_traces),
        Scenario::new("inside_times_out", inside_times_out),
        Scenario::new("ours_twice", ours_twice),
        Scenario::new("outside_logs", outside_logs),
        Scenario::new("outside_fails", outside_fails),
        Scenario::new("outside_traces", outside_traces),
        Scenario::new("outside_cuts_the_body", outside_cuts_the_body),
        Scenario::new("outside_is_another_request", outside_is_another_request),
        Scenario::new("outside_is_a_span_of_nobody", outside_is_a_span_of_nobody),
    ]
    .into_iter()
    .map(|row| row.needs(Need::Neighbours))
    .collect()
}

/// A request that does something of each kind, with this middleware.
async fn beside(cell: Cell, neighbour: Neighbour) -> Result<Stored> {
    let cell = cell.neighbour(neighbour);
    let service = cell
        .serve(|_| async {
            tokio::task::yield_now().await;
            let _entered = tracing::info_span!("work").entered();
            tracing::info!("in the handler");
            Reply::ok()
        })
        .await?;
    // Where the outermost fails, there may be no answer.
    service.send(&Request::from_browser(SESSION, REQUEST)).await?;
    cell.stored([service]).await
}

/// Only a middleware that traces may stand between the two.
fn handler_is_served(stored: &Stored) -> Result<()> {
    let work = stored.span("work")?;
    is_child(work, stored.request_span()?)?;
    ensure!(stored.log("in the handler")?.span_id == work.span_id);
    ensure!((work.origin.session_id.as_str(), work.trace_id.as_str()) == (SESSION, REQUEST));
    Ok(())
}

async fn inside_logs(cell: Cell) -> Result<()> {
    let stored = beside(cell, Neighbour::LogsInside).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    handler_is_served(&stored)?;
    for text in ["going in", "coming out"] {
        ensure!(stored.log(text)?.span_id == stored.request_span()?.span_id);
    }
    Ok(())
}

async fn inside_fails(cell: Cell) -> Result<()> {
    let stored = beside(cell, Neighbour::FailsInside).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    handler_is_served(&stored)?;
    let span = stored.request_span()?;
    let (error, _) = stored.error()?;
    ensure!(error.event == Declined::MESSAGE && error.span_id == span.span_id);
    ensure!((span.status_code, span.status_message.as_str()) == ("Error", Declined::MESSAGE));
    if stored.framework.on_error() != OnError::ServiceError {
        ensure!(attribute(&span.attributes, "http.response.status_code")? == "500");
    }
    Ok(())
}

/// Its span, and what it logs, are part of the request.
async fn inside_traces(cell: Cell) -> Result<()> {
    let stored = beside(cell, Neighbour::TracesInside).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    stored.no_error()?;
    let work = stored.span("work")?;
    let theirs = stored.rows.spans.iter().find(|span| span.span_id == work.parent_span_id);
    let theirs = theirs.ok_or_else(|| anyhow::anyhow!("the handler's span has no parent"))?;
    // It may have the request's name.
    let root = stored.rows.spans.iter().find(|span| span.parent_span_id.is_empty());
    let root = root.ok_or_else(|| anyhow::anyhow!("no root"))?;
    ensure!(root.name == stored.framework.request_span() && root.kind == "Server");
    is_child(theirs, root)?;
    ensure!(stored.log("in the handler")?.span_id == work.span_id && stored.rows.spans.len() == 3);
    Ok(())
}

/// Says as what it is dropped.
struct Witness;

impl Drop for Witness {
    fn drop(&mut self) {
        tracing::warn!("given up");
    }
}

/// The handler is dropped in the middle, within the request.
async fn inside_times_out(cell: Cell) -> Result<()> {
    let (answer, stored) = cell
        .neighbour(Neighbour::TimesOut)
        .answer(|_| {
            highlight::start_active_span("slow", async |_| {
                let _witness = Witness;
                std::future::pending::<()>().await;
                Reply::ok()
            })
        })
        .await?;
    ensure!(answer.status == 503, "answered {}", answer.status);
    stored.belongs_to(SESSION, REQUEST)?;
    let span = stored.request_span()?;
    ensure!(span.status_code == "Error");
    ensure!(attribute(&span.attributes, "http.response.status_code")? == "503");
    is_child(stored.span("slow")?, span)?;
    ensure!(stored.log("given up")?.span_id == stored.span("slow")?.span_id);
    Ok(())
}

/// One span, as if there were one.
async fn ours_twice(cell: Cell) -> Result<()> {
    let stored = beside(cell, Neighbour::OursAgain).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    handler_is_served(&stored)?;
    ensure!(stored.rows.spans.len() == 2, "the request's span and the handler's");
    let durations = stored.rows.metrics.iter().filter(|metric| metric.name == "http.server.request.duration");
    ensure!(durations.count() == 1, "measured once");
    Ok(())
}

/// The request is not known there yet, and not any more.
async fn outside_logs(cell: Cell) -> Result<()> {
    let stored = beside(cell, Neighbour::LogsOutside).await?;
    handler_is_served(&stored)?;
    for text in ["going in", "coming out"] {
        let log = stored.log(text)?;
        ensure!(log.origin.session_id.is_empty() && log.span_id.is_empty(), "{log:#?}");
    }
    Ok(())
}

/// What we have answered, nobody gets.
async fn outside_fails(cell: Cell) -> Result<()> {
    let stored = beside(cell, Neighbour::FailsOutside).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    handler_is_served(&stored)?;
    stored.no_error()?;
    let span = stored.request_span()?;
    ensure!(attribute(&span.attributes, "http.response.status_code")? == "200");
    ensure!(span.status_code == "Error" && attribute(&span.attributes, "error.type")? == "cancelled");
    Ok(())
}

/// The request starts with us, whatever span of theirs is entered around it.
async fn outside_traces(cell: Cell) -> Result<()> {
    let stored = beside(cell, Neighbour::TracesOutside).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    handler_is_served(&stored)?;
    ensure!(stored.request_span()?.parent_span_id.is_empty());
    ensure!(stored.rows.spans.len() == 2);
    Ok(())
}

async fn outside_cuts_the_body(cell: Cell) -> Result<()> {
    let mut frames = 0;
    let (answer, stored) = cell
        .neighbour(Neighbour::CutsBodies)
        .answer(move |_| async move {
            let witness = Witness;
            Ok(Reply::streaming(move || {
                let _ = &witness;
                frames += 1;
                tracing::info!("frame {frames}");
                Step::Data("data ")
            }))
        })
        .await?;
    ensure!(answer.status == 200 && answer.body.is_empty());
    stored.belongs_to(SESSION, REQUEST)?;
    stored.no_error()?;
    let span = stored.request_span()?;
    ensure!(span.status_code == "Error" && attribute(&span.attributes, "error.type")? == "cancelled");
    for text in ["frame 1", "given up"] {
        ensure!(stored.log(text)?.span_id == span.span_id, "{text}");
    }
    ensure!(stored.rows.logs.len() == 2, "one frame was asked for");
    Ok(())
}

/// What is current on a connection's task is nobody's parent.
async fn outside_is_another_request(cell: Cell) -> Result<()> {
    let stored = beside(cell, Neighbour::Within("another/connection")).await?;
    handler_is_served(&stored)?;
    let (span, connection) = (stored.request_span()?, stored.span("connection")?);
    ensure!(span.parent_span_id.is_empty() && span.otel_trace_id != connection.otel_trace_id, "{span:#?}");
    ensure!((span.origin.session_id.as_str(), span.trace_id.as_str()) == (SESSION, REQUEST));
    ensure!(connection.origin.session_id == "another" && connection.trace_id == "connection");
    ensure!(stored.rows.spans.len() == 3 && stored.rows.logs.len() == 1);
    Ok(())
}

/// Nor is it where neither the connection nor the request has a session.
async fn outside_is_a_span_of_nobody(cell: Cell) -> Result<()> {
    let (_, stored) =
        cell.neighbour(Neighbour::Within("")).answer_to(&Request::new(), |_| async { Reply::ok() }).await?;
    let (span, connection) = (stored.request_span()?, stored.span("connection")?);
    ensure!(span.parent_span_id.is_empty() && span.otel_trace_id != connection.otel_trace_id, "{span:#?}");
    ensure!(span.origin.session_id.is_empty() && stored.rows.spans.len() == 2);
    Ok(())
}
