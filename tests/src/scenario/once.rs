//! One failure is one error, however often it is seen on its way up.

use std::error::Error;

use anyhow::{Result, ensure};
use highlight::{consume_error, try_start_active_span};
use tracing::error;

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    framework::Need,
    handler::{Declined, Reply},
    wire::Request,
};

const LINE: &str = "checkout failed";

/// One way in which the same failure shows up twice.
struct Sightings {
    name: &'static str,
    see: fn(&Declined),
    /// Log rows, the error's own among them.
    logs: usize,
    suppressed: u64,
}

/// What is logged first becomes the error, with its text. What comes after stays a log row.
const SIGHTINGS: [Sightings; 8] = [
    Sightings { name: "logged_and_consumed", see: |e| then(e, log_value, consume), logs: 1, suppressed: 1 },
    Sightings { name: "consumed_and_logged", see: |e| then(e, consume, log_value), logs: 2, suppressed: 1 },
    Sightings {
        name: "displayed_and_consumed",
        see: |e| then(e, log_displayed, consume),
        logs: 1,
        suppressed: 1,
    },
    Sightings {
        name: "consumed_and_displayed",
        see: |e| then(e, consume, log_displayed),
        logs: 2,
        suppressed: 1,
    },
    Sightings {
        name: "debugged_and_consumed",
        see: |e| then(e, log_debugged, consume),
        logs: 1,
        suppressed: 1,
    },
    Sightings {
        name: "consumed_and_debugged",
        see: |e| then(e, consume, log_debugged),
        logs: 2,
        suppressed: 1,
    },
    Sightings { name: "consumed_twice", see: |e| then(e, consume, consume), logs: 1, suppressed: 1 },
    Sightings {
        name: "value_and_displayed",
        see: |e| then(e, log_value, log_displayed),
        logs: 2,
        suppressed: 1,
    },
];

fn then(error: &Declined, first: fn(&Declined), second: fn(&Declined)) {
    first(error);
    second(error);
}

fn consume(e: &Declined) {
    consume_error(e);
}

fn log_value(e: &Declined) {
    error!(error = e as &dyn Error, "{LINE}");
}

fn log_displayed(e: &Declined) {
    error!(error = %e, "{LINE}");
}

fn log_debugged(e: &Declined) {
    error!(err = ?e, "{LINE}");
}

pub(super) fn rows() -> Vec<Scenario> {
    let seen = SIGHTINGS
        .iter()
        .map(|sightings| Scenario::new(format!("once::{}", sightings.name), |cell| seen(cell, sightings)));
    let returned = [
        Scenario::new("once::logged_and_returned", logged_and_returned),
        Scenario::new("once::displayed_and_returned", displayed_and_returned),
        Scenario::new("once::consumed_and_returned", consumed_and_returned),
        Scenario::new("once::wrapped_and_returned", wrapped_and_returned).needs(Need::ErrorValues),
        Scenario::new("once::mapped_to_a_response", mapped_to_a_response).http_only(),
        Scenario::new("once::returned_and_logged", returned_and_logged),
        Scenario::new("once::per_request", per_request),
        Scenario::new("once::others_are_others", others_are_others),
    ];
    seen.chain(returned).collect()
}

async fn seen(cell: Cell, sightings: &'static Sightings) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            (sightings.see)(&Declined::new());
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    stored.error()?;
    ensure!(stored.rows.logs.len() == sightings.logs, "{} log rows", stored.rows.logs.len());
    ensure!(stored.stats.suppressed == sightings.suppressed, "suppressed {}", stored.stats.suppressed);
    if sightings.name.contains("ed_and_displayed") || sightings.name.contains("logged") {
        ensure!(stored.rows.logs.iter().any(|log| log.message == LINE), "the line is there");
    }
    Ok(())
}

async fn returned(cell: Cell, first: fn(&Declined), text: &str) -> Result<()> {
    let service = cell
        .serve(move |_| async move {
            let error = Declined::new();
            first(&error);
            Err(error)
        })
        .await?;
    service.send(&Request::from_browser(SESSION, REQUEST)).await?;
    let stored = cell.stored([service]).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let (error, log) = stored.error()?;
    ensure!(error.event == Declined::MESSAGE && log.message == text, "{:?} {:?}", error.event, log.message);
    ensure!(stored.rows.logs.len() == 1, "{} log rows", stored.rows.logs.len());
    ensure!(stored.stats.suppressed == 1, "suppressed {}", stored.stats.suppressed);
    ensure!(stored.request_span()?.status_code == "Error");
    Ok(())
}

async fn logged_and_returned(cell: Cell) -> Result<()> {
    returned(cell, log_value, LINE).await
}

async fn displayed_and_returned(cell: Cell) -> Result<()> {
    returned(cell, log_displayed, LINE).await
}

async fn consumed_and_returned(cell: Cell) -> Result<()> {
    returned(cell, consume, Declined::WITH_CAUSE).await
}

/// What the handler returns is another error, with the one that was consumed inside.
async fn wrapped_and_returned(cell: Cell) -> Result<()> {
    let service = cell
        .serve_failing(|_| async {
            let error = Declined::new();
            consume_error(&error);
            Err(anyhow::Error::from(error).context("checkout failed"))
        })
        .await?;
    service.send(&Request::from_browser(SESSION, REQUEST)).await?;
    let stored = cell.stored([service]).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let (error, _) = stored.error()?;
    ensure!(error.event == Declined::MESSAGE, "{:?}", error.event);
    ensure!(stored.stats.suppressed == 1, "suppressed {}", stored.stats.suppressed);
    Ok(())
}

/// The handler makes a response of it: the status alone is no error.
async fn mapped_to_a_response(cell: Cell) -> Result<()> {
    let (answer, stored) = cell
        .answer(|_| async {
            consume_error(&Declined::new());
            Ok(Reply::status(500))
        })
        .await?;
    ensure!(answer.status == 500);
    stored.belongs_to(SESSION, REQUEST)?;
    stored.error()?;
    ensure!(stored.rows.logs.len() == 1 && stored.stats.suppressed == 0, "{:#?}", stored.rows.logs);
    Ok(())
}

async fn returned_and_logged(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let charged = try_start_active_span("charge", async |_| Err::<(), _>(Declined::new()));
            if let Err(error) = charged.await {
                log_value(&error);
            }
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let (error, own) = stored.error()?;
    ensure!(error.span_id == stored.span("charge")?.span_id, "reported where it was returned");
    let line = stored.log(LINE)?;
    ensure!(line.cursor != own.cursor && line.level == "error", "the line is there");
    ensure!(stored.stats.suppressed == 1, "suppressed {}", stored.stats.suppressed);
    Ok(())
}

/// The next request that fails in the same way has an error of its own.
async fn per_request(cell: Cell) -> Result<()> {
    let service = cell
        .serve(|_| async {
            consume_error(&Declined::new());
            Reply::ok()
        })
        .await?;
    for session in ["first", "second"] {
        service.answer(&Request::from_browser(session, "r")).await?;
    }
    let stored = cell.stored([service]).await?;
    let sessions: Vec<_> = stored.rows.errors.iter().map(|error| error.origin.session_id.as_str()).collect();
    ensure!(sessions == ["first", "second"], "{sessions:?}");
    ensure!(stored.stats.suppressed == 0);
    Ok(())
}

async fn others_are_others(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            consume_error(&Declined::new());
            error!(error = "out of stock", "{LINE}");
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let events: Vec<_> = stored.rows.errors.iter().map(|error| error.event.as_str()).collect();
    ensure!(events == [Declined::MESSAGE, "out of stock"], "{events:?}");
    ensure!(stored.stats.suppressed == 0);
    Ok(())
}
