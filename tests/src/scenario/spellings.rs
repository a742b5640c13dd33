//! Every way to write an error into the log: each makes what its writer meant, with a text.

use std::error::Error;

use anyhow::{Result, ensure};
use tracing::{error, warn};

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    handler::{Declined, Reply},
    stored::{Stored, attribute},
};

/// What a line is to be stored as.
#[derive(Debug, Clone, Copy)]
enum As {
    /// An error of this text, whose log row says that.
    Error { event: &'static str, body: &'static str },
    /// A log row that says this.
    Log { level: &'static str, body: &'static str },
}

struct Spelling {
    name: &'static str,
    write: fn(&Declined),
    stored: As,
}

const DEBUGGED: &str = "Declined(Expired)";

const SPELLINGS: [Spelling; 14] = [
    Spelling {
        name: "error_value_and_message",
        write: |e| error!(error = e as &dyn Error, "checkout failed"),
        stored: As::Error { event: Declined::MESSAGE, body: "checkout failed" },
    },
    Spelling {
        name: "error_value",
        write: |e| error!(error = e as &dyn Error),
        stored: As::Error { event: Declined::MESSAGE, body: Declined::WITH_CAUSE },
    },
    Spelling {
        name: "err_value_and_message",
        write: |e| error!(err = e as &dyn Error, "checkout failed"),
        stored: As::Error { event: Declined::MESSAGE, body: "checkout failed" },
    },
    Spelling {
        name: "error_displayed",
        write: |e| error!(error = %e),
        stored: As::Error { event: Declined::MESSAGE, body: Declined::MESSAGE },
    },
    Spelling {
        name: "error_displayed_and_message",
        write: |e| error!(error = %e, "checkout failed"),
        stored: As::Error { event: Declined::MESSAGE, body: "checkout failed" },
    },
    Spelling {
        name: "error_text",
        write: |_| error!(error = "declined by the bank"),
        stored: As::Error { event: "declined by the bank", body: "declined by the bank" },
    },
    Spelling {
        name: "err_debugged",
        write: |e| error!(err = ?e),
        stored: As::Error { event: DEBUGGED, body: DEBUGGED },
    },
    Spelling {
        name: "error_shorthand_debugged",
        write: |error| error!(?error, "checkout failed"),
        stored: As::Error { event: DEBUGGED, body: "checkout failed" },
    },
    Spelling {
        name: "exception_displayed",
        write: |e| error!(exception = %e),
        stored: As::Error { event: Declined::MESSAGE, body: Declined::MESSAGE },
    },
    Spelling {
        name: "bare_message",
        write: |e| error!("checkout failed: {e}"),
        stored: As::Log { level: "error", body: "checkout failed: payment declined" },
    },
    Spelling {
        name: "warn_displayed_and_message",
        write: |e| warn!(error = %e, "retrying"),
        stored: As::Log { level: "warn", body: "retrying" },
    },
    Spelling {
        name: "warn_value",
        write: |e| warn!(error = e as &dyn Error),
        stored: As::Log { level: "warn", body: "error=payment declined" },
    },
    Spelling {
        name: "log_error",
        write: |e| log::error!("checkout failed: {e}"),
        stored: As::Log { level: "error", body: "checkout failed: payment declined" },
    },
    Spelling {
        // `tracing-log`, which carries it here, leaves key-values out; our own bridge keeps them: tests/init.rs.
        name: "log_error_with_kv",
        write: |e| log::error!(error:% = e; "checkout failed"),
        stored: As::Log { level: "error", body: "checkout failed" },
    },
];

pub(super) fn rows() -> Vec<Scenario> {
    SPELLINGS
        .iter()
        .map(|spelling| Scenario::new(format!("spelling::{}", spelling.name), |cell| write(cell, spelling)))
        .collect()
}

async fn write(cell: Cell, spelling: &'static Spelling) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            (spelling.write)(&Declined::new());
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    ensure!(stored.rows.logs.len() == 1, "{} log rows", stored.rows.logs.len());
    match spelling.stored {
        As::Error { event, body } => is_error(&stored, event, body),
        As::Log { level, body } => is_log(&stored, level, body),
    }
}

fn is_error(stored: &Stored, event: &str, body: &str) -> Result<()> {
    let (error, log) = stored.error()?;
    ensure!((error.event.as_str(), log.message.as_str()) == (event, body));
    ensure!(log.level == "error", "level {}", log.level);
    ensure!(attribute(&error.payload, "code.file.path")?.ends_with("scenario/spellings.rs"));
    let innermost = error.frames.first().and_then(|frame| frame.file.as_deref()).unwrap_or_default();
    ensure!(innermost.ends_with("scenario/spellings.rs"), "the innermost frame is in {innermost:?}");
    let span = stored.request_span()?;
    ensure!((span.status_code, span.status_message.as_str()) == ("Error", event));
    Ok(())
}

fn is_log(stored: &Stored, level: &str, body: &str) -> Result<()> {
    stored.no_error()?;
    let log = stored.log(body)?;
    ensure!(log.level == level, "level {}", log.level);
    ensure!(attribute(&log.attributes, "code.file.path")?.ends_with("scenario/spellings.rs"));
    ensure!(!log.attributes.keys().any(|key| key.starts_with("exception.")), "{:#?}", log.attributes);
    ensure!(stored.request_span()?.status_code == "Unset", "a log line does not fail a span");
    Ok(())
}
