//! Spans may be sampled out; errors and logs may not, and keep their ids.

use anyhow::{Result, ensure};
use highlight::{consume_error, in_span};

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION, W3C},
    handler::{Declined, Reply},
    wire::Request,
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("sampled_out", sampled_out).config(|config| config.sample_rate(0.0)),
        Scenario::new("parent_unsampled_but_untrusted", |cell| unsampled_parent(cell, true)),
        Scenario::new("parent_unsampled_and_trusted", |cell| unsampled_parent(cell, false))
            .config(|config| config.trust_parent_sampling(true)),
    ]
}

async fn sampled_out(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            in_span("work", |_| tracing::info!("inside"));
            let _entered = tracing::info_span!("query").entered();
            consume_error(&Declined::new());
            Reply::ok()
        })
        .await?;
    ensure!(stored.rows.spans.is_empty(), "{} spans", stored.rows.spans.len());
    stored.belongs_to(SESSION, REQUEST)?;
    stored.log("inside")?;
    stored.error()?;
    ensure!(stored.stats.dropped.sampled == 3, "{:?}", stored.stats.dropped);
    Ok(())
}

async fn unsampled_parent(cell: Cell, kept: bool) -> Result<()> {
    let request =
        Request::from_browser(SESSION, W3C).header("traceparent", format!("00-{W3C}-b7ad6b7169203331-00"));
    let (_, stored) = cell
        .answer_to(&request, |_| async {
            tracing::info!("inside");
            Reply::ok()
        })
        .await?;
    let log = stored.log("inside")?;
    ensure!((log.origin.session_id.as_str(), log.trace_id.as_str()) == (SESSION, W3C));
    ensure!(stored.rows.spans.len() == usize::from(kept), "{} spans", stored.rows.spans.len());
    ensure!(stored.stats.dropped.sampled == u64::from(!kept));
    Ok(())
}
