//! A panic is an error of severity fatal, and ends neither the server nor the process.

use anyhow::{Result, ensure};
use highlight_local::model::Span;

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    framework::{Need, Neighbour},
    handler::{Arrival, Declined, EXPECTED_PANIC, Reply, Step},
    stored::{Stored, attribute},
    wire::Request,
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("panic", panics),
        Scenario::new("panic_without_text", panics_without_text),
        Scenario::new("panic_in_body", panics_in_body).server_only(),
        Scenario::new("panic_in_span", panics_in_span),
        Scenario::new("panic_caught_inside", caught_inside).http_only(),
        Scenario::new("panic_in_spawned_task", panics_in_spawned_task),
        Scenario::new("panic_in_blocking_work", panics_in_blocking_work),
    ]
}

#[expect(clippy::panic, reason = "that is the scenario")]
async fn panicking(arrival: Arrival) -> Result<Reply, Declined> {
    tokio::task::yield_now().await;
    if arrival.path != "/orders/7" {
        return Reply::ok();
    }
    panic!("{EXPECTED_PANIC}")
}

/// The payload of a panic that says nothing.
pub(super) struct NoText;

async fn panics_without_text(cell: Cell) -> Result<()> {
    #[expect(clippy::panic, reason = "that is the scenario")]
    let service = cell.serve(|_| async { std::panic::panic_any(NoText) }).await?;
    service.send(&Request::from_browser(SESSION, REQUEST)).await?;
    let stored = cell.stored([service]).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let (error, log) = stored.error()?;
    ensure!(!error.event.is_empty() && log.level == "fatal", "{error:#?}");
    ensure!(error.span_id == stored.request_span()?.span_id);
    ensure!(attribute(&error.payload, "code.file.path")?.ends_with("scenario/panics.rs"));
    has_failed(stored.request_span()?)
}

/// The answer has begun.
async fn panics_in_body(cell: Cell) -> Result<()> {
    let mut frames = 0;
    let service = cell
        .serve(move |_| async move {
            Ok(Reply::streaming(move || {
                frames += 1;
                if frames == 2 { Step::Panic } else { Step::Data("data ") }
            }))
        })
        .await?;
    let answer = service.send(&Request::from_browser(SESSION, REQUEST)).await?;
    ensure!(answer.is_none(), "the answer looks complete: {answer:?}");
    let stored = cell.stored([service]).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let (error, log) = stored.error()?;
    let span = stored.request_span()?;
    ensure!(error.event == EXPECTED_PANIC && log.level == "fatal" && error.span_id == span.span_id);
    has_failed(span)?;
    ensure!(attribute(&span.attributes, "error.type")? == "panic");
    if stored.framework.has(Need::Http) {
        ensure!(attribute(&span.attributes, "http.response.status_code")? == "200");
    }
    Ok(())
}

fn is_fatal(stored: &Stored, in_span: &Span) -> Result<()> {
    let (error, log) = stored.error()?;
    ensure!(error.event == EXPECTED_PANIC, "{:?}", error.event);
    ensure!(log.level == "fatal", "level {}", log.level);
    ensure!((error.origin.session_id.as_str(), error.trace_id.as_str()) == (SESSION, REQUEST));
    ensure!(error.span_id == in_span.span_id, "in span {:?}", error.span_id);
    let innermost = error.frames.first();
    let here = |file: &String| file.ends_with("scenario/panics.rs");
    ensure!(innermost.and_then(|frame| frame.file.as_ref()).is_some_and(here), "{:#?}", error.frames);
    let line = attribute(&error.payload, "code.line.number")?;
    ensure!(
        innermost.and_then(|frame| frame.line).is_some_and(|of_frame| of_frame.to_string() == line),
        "{line}"
    );
    Ok(())
}

fn has_failed(span: &Span) -> Result<()> {
    ensure!(span.status_code == "Error" && !span.status_message.is_empty(), "{span:#?}");
    Ok(())
}

async fn panics(cell: Cell) -> Result<()> {
    let service = cell.serve(panicking).await?;
    let answer = service.send(&Request::from_browser(SESSION, REQUEST)).await?;
    ensure!(answer.is_none(), "a panic that nobody catches ends the connection");
    let next = Request::from_browser("another", "request").target("/orders/8");
    ensure!(service.answer(&next).await?.status == 200, "the server goes on");
    let stored = cell.stored([service]).await?;

    let name = stored.framework.request_span();
    let spans = stored.rows.spans.iter().filter(|span| span.name == name);
    let (panicked, others): (Vec<_>, Vec<_>) = spans.partition(|span| span.origin.session_id == SESSION);
    let ([panicked], [other]) = (&panicked[..], &others[..]) else {
        anyhow::bail!("{} spans of the request, {} of the other", panicked.len(), others.len());
    };
    ensure!(other.status_code == "Unset" && other.origin.session_id == "another");
    ensure!(panicked.trace_id == REQUEST);
    has_failed(panicked)?;
    if stored.framework.has(Need::Server) {
        ensure!(attribute(&panicked.attributes, "error.type")? == "panic");
    }
    is_fatal(&stored, panicked)
}

async fn panics_in_span(cell: Cell) -> Result<()> {
    let service = cell
        .serve(|arrival| highlight::start_active_span("charge", async |_| panicking(arrival).await))
        .await?;
    service.send(&Request::from_browser(SESSION, REQUEST)).await?;
    let stored = cell.stored([service]).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    has_failed(stored.span("charge")?)?;
    has_failed(stored.request_span()?)?;
    is_fatal(&stored, stored.span("charge")?)
}

async fn caught_inside(cell: Cell) -> Result<()> {
    let (answer, stored) = cell.neighbour(Neighbour::CatchesPanics).answer(panicking).await?;
    ensure!(answer.status == 500, "answered {}", answer.status);
    stored.belongs_to(SESSION, REQUEST)?;
    let span = stored.request_span()?;
    has_failed(span)?;
    ensure!(attribute(&span.attributes, "http.response.status_code")? == "500");
    is_fatal(&stored, span)
}

async fn panics_in_spawned_task(cell: Cell) -> Result<()> {
    let (answer, stored) = cell
        .answer(|arrival| async {
            let outcome = highlight::spawn(panicking(arrival)).await;
            Ok(Reply::text(outcome.is_err().to_string()))
        })
        .await?;
    ensure!(answer.body == "true", "the task panicked");
    stored.belongs_to(SESSION, REQUEST)?;
    is_fatal(&stored, stored.request_span()?)
}

async fn panics_in_blocking_work(cell: Cell) -> Result<()> {
    #[expect(clippy::panic, reason = "that is the scenario")]
    let (answer, stored) = cell
        .answer(|_| async {
            let outcome = highlight::spawn_blocking(|| panic!("{EXPECTED_PANIC}")).await;
            Ok(Reply::text(matches!(outcome, Err(error) if error.is_panic()).to_string()))
        })
        .await?;
    ensure!(answer.body == "true", "the work panicked");
    stored.belongs_to(SESSION, REQUEST)?;
    is_fatal(&stored, stored.request_span()?)
}
