//! Errors that the program reports or returns.

use anyhow::{Context, Result, ensure};
use highlight::{ErrorReport, consume_error};
use highlight_local::model::ErrorObject;

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    framework::OnError,
    handler::{Declined, Reply},
    stored::attribute,
    wire::Request,
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("consume_error", consumed),
        Scenario::new("error_report", report),
        Scenario::new("question_mark", question_mark),
        Scenario::new("error_in_blocking_work", in_blocking_work),
    ]
}

/// The error with its type and cause, as the server has it.
fn is_declined(error: &ErrorObject) -> Result<()> {
    ensure!(error.event == Declined::MESSAGE, "{:?}", error.event);
    ensure!(error.sent_type == "conformance::handler::Declined", "type {:?}", error.sent_type);
    ensure!(
        attribute(&error.payload, "error.type")? == error.sent_type,
        "the server keeps no exception.type"
    );
    ensure!(attribute(&error.payload, "exception.causes.0")? == Declined::CAUSE);
    ensure!(!error.is_source_mapped(), "no column in {:#?}", error.frames);
    Ok(())
}

/// The innermost frame, and the location beside it, are this line.
fn is_from(error: &ErrorObject, file: &str, line: u32) -> Result<()> {
    let frame = error.frames.first().context("no frames")?;
    let of_frame = (frame.file.as_deref().unwrap_or_default(), frame.line);
    ensure!(of_frame.0.ends_with(file) && of_frame.1 == Some(line), "from {of_frame:?}, not {file}:{line}");
    ensure!(attribute(&error.payload, "code.file.path")?.ends_with(file));
    ensure!(attribute(&error.payload, "code.line.number")? == line.to_string());
    Ok(())
}

async fn consumed(cell: Cell) -> Result<()> {
    let (answer, stored) = cell
        .answer(|_| async {
            let error = Declined::new();
            let (line, ()) = (line!(), consume_error(&error));
            Ok(Reply::text(line.to_string()))
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let (error, log) = stored.error()?;
    is_declined(error)?;
    is_from(error, "scenario/errors.rs", answer.body.parse()?)?;
    let function = error.frames[0].function.as_deref().unwrap_or_default();
    ensure!(function.contains("errors::consumed"), "in {:#?}", error.frames);
    ensure!(log.message == Declined::WITH_CAUSE && log.level == "error");
    let span = stored.request_span()?;
    ensure!(error.span_id == span.span_id);
    ensure!((span.status_code, span.status_message.as_str()) == ("Error", Declined::MESSAGE));
    Ok(())
}

async fn report(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            ErrorReport::new(&Declined::new()).title("checkout failed").attribute("order.id", 7).consume();
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let (error, _) = stored.error()?;
    ensure!(error.event == "checkout failed");
    ensure!(attribute(&error.payload, "error.message")? == Declined::MESSAGE);
    ensure!(attribute(&error.payload, "order.id")? == "7");
    Ok(())
}

async fn question_mark(cell: Cell) -> Result<()> {
    let service = cell.serve(|_| async { Err(Declined::new()) }).await?;
    let answer = service.send(&Request::from_browser(SESSION, REQUEST)).await?;
    let stored = cell.stored([service]).await?;

    stored.belongs_to(SESSION, REQUEST)?;
    let (error, _) = stored.error()?;
    let span = stored.request_span()?;
    ensure!(span.status_code == "Error" && error.span_id == span.span_id);
    match stored.framework.on_error() {
        OnError::QuestionMark { file, line } => {
            is_declined(error)?;
            is_from(error, file, line)?;
            let answer = answer.context("an answer")?;
            ensure!(answer.status == 500);
            ensure!(
                answer.body == format!(r#"{{"error": "Internal Server Error", "requestId": "{REQUEST}"}}"#)
            );
            ensure!(attribute(&span.attributes, "http.response.status_code")? == "500");
        }
        OnError::Reported { file, line } => {
            is_declined(error)?;
            is_from(error, file, line)?;
            ensure!(answer.context("an answer")?.status == 500);
        }
        OnError::ServiceError => {
            ensure!(error.event == Declined::MESSAGE, "{:?}", error.event);
            ensure!(answer.is_none(), "nothing of a service's error is sent");
        }
        OnError::SpanError => is_declined(error)?,
    }
    Ok(())
}

async fn in_blocking_work(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            drop(highlight::spawn_blocking(|| consume_error(&Declined::new())).await);
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    is_declined(stored.error()?.0)
}
