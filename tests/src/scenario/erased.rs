//! Errors of `anyhow` and `eyre`, which hide the type of what they hold.

use anyhow::{Context as _, Result, ensure};
use highlight::consume_error;

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    framework::OnError,
    handler::{Declined, Failure, Reply},
    stored::{Stored, attribute},
    wire::Request,
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("anyhow_question_mark", |cell| returned(cell, || Failure::Anyhow(of_anyhow()))),
        Scenario::new("eyre_question_mark", |cell| returned(cell, || Failure::Eyre(of_eyre()))),
        Scenario::new("anyhow_consumed", |cell| consumed(cell, || consume_error(&*of_anyhow()))),
        Scenario::new("eyre_consumed", |cell| consumed(cell, || consume_error(&*of_eyre()))),
        Scenario::new("anyhow_logged", |cell| {
            consumed(cell, || tracing::error!(error = &*of_anyhow(), "no order"))
        }),
    ]
}

const NO_ORDER: &str = "the order was not placed";

fn of_anyhow() -> anyhow::Error {
    anyhow::Error::new(Declined::new()).context(NO_ORDER)
}

fn of_eyre() -> eyre::Report {
    eyre::Report::new(Declined::new()).wrap_err(NO_ORDER)
}

/// One error, told as what it holds, in the request's own span.
fn is_the_one(stored: &Stored) -> Result<()> {
    stored.belongs_to(SESSION, REQUEST)?;
    let (error, _) = stored.error()?;
    ensure!(error.event == NO_ORDER, "{:?}", error.event);
    let span = stored.request_span()?;
    ensure!(span.status_code == "Error" && error.span_id == span.span_id);
    let wrapper = ["anyhow::", "eyre::"].iter().any(|of| error.sent_type.starts_with(of));
    ensure!(!wrapper, "the type is {:?}, which every error has", error.sent_type);
    Ok(())
}

fn has_its_causes(stored: &Stored) -> Result<()> {
    let (error, _) = stored.error()?;
    for (index, cause) in [Declined::MESSAGE, Declined::CAUSE].iter().enumerate() {
        ensure!(attribute(&error.payload, &format!("exception.causes.{index}"))? == *cause);
    }
    Ok(())
}

async fn returned(cell: Cell, fail: fn() -> Failure) -> Result<()> {
    let service = cell.serve_failing(move |_| async move { Err(fail()) }).await?;
    let answer = service.send(&Request::from_browser(SESSION, REQUEST)).await?;
    let stored = cell.stored([service]).await?;
    if let OnError::QuestionMark { file, .. } = stored.framework.on_error() {
        ensure!(answer.context("an answer")?.status == 500);
        let (error, _) = stored.error()?;
        ensure!(attribute(&error.payload, "code.file.path")?.ends_with(file));
    }
    // Of a service's error only the text is known.
    if stored.framework.on_error() != OnError::ServiceError {
        has_its_causes(&stored)?;
    }
    is_the_one(&stored)
}

async fn consumed(cell: Cell, consume: fn()) -> Result<()> {
    let (_, stored) = cell
        .answer(move |_| async move {
            consume();
            Reply::ok()
        })
        .await?;
    let (error, _) = stored.error()?;
    ensure!(attribute(&error.payload, "code.file.path")?.ends_with("scenario/erased.rs"));
    has_its_causes(&stored)?;
    is_the_one(&stored)
}
