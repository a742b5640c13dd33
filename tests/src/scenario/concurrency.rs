//! What goes on at the same time does not mix.

use std::sync::Arc;

use anyhow::{Result, ensure};
use futures_util::{StreamExt, stream::FuturesUnordered};
use highlight::{InCurrentScope, RequestContext, start_active_span};
use tokio::{sync::Barrier, task, task::JoinSet};
use tracing::{Dispatch, Instrument};
use tracing_subscriber::layer::SubscriberExt;

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    handler::Reply,
    stored::{Stored, is_child},
    wire::Request,
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("select", select),
        Scenario::new("futures_unordered", futures_unordered),
        Scenario::new("join_set", join_set),
        Scenario::new("two_requests_on_one_task", two_requests_on_one_task),
        Scenario::new("two_requests_on_one_thread", two_requests_on_one_thread).subscriber(just_ours),
    ]
}

const THREE: [&str; 3] = ["first", "second", "third"];

/// A piece of work that lets the others have their turn in its middle.
async fn piece(name: &'static str) {
    start_active_span(name, async |_| {
        task::yield_now().await;
        let rest = async {
            task::yield_now().await;
            tracing::info!("in {name}");
        };
        rest.instrument(tracing::info_span!("rest", of = name)).await;
    })
    .await;
}

/// All of [`THREE`] are pieces of the request, each with what it did.
fn are_pieces(stored: &Stored) -> Result<()> {
    stored.belongs_to(SESSION, REQUEST)?;
    for name in THREE {
        is_child(stored.span(name)?, stored.request_span()?)?;
        let rest =
            stored.rows.spans.iter().find(|span| span.attributes.get("of").is_some_and(|of| of == name));
        let rest = rest.ok_or_else(|| anyhow::anyhow!("the rest of {name}"))?;
        is_child(rest, stored.span(name)?)?;
        ensure!(stored.log(&format!("in {name}"))?.span_id == rest.span_id);
    }
    Ok(())
}

/// Says in which span it is dropped.
struct Loser;

impl Drop for Loser {
    fn drop(&mut self) {
        tracing::info!("lost");
    }
}

/// The one that loses is dropped, and what it says then is of its span.
async fn select(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let loser = start_active_span("loser", async |_| {
                let _loser = Loser;
                std::future::pending::<()>().await;
            });
            tokio::select! {
                biased;
                () = loser => {}
                () = piece("winner") => tracing::info!("decided"),
            }
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let request = stored.request_span()?;
    for name in ["loser", "winner"] {
        is_child(stored.span(name)?, request)?;
    }
    ensure!(stored.log("lost")?.span_id == stored.span("loser")?.span_id);
    ensure!(stored.log("decided")?.span_id == request.span_id);
    Ok(())
}

async fn futures_unordered(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let pieces: FuturesUnordered<_> = THREE.into_iter().map(piece).collect();
            pieces.collect::<()>().await;
            Reply::ok()
        })
        .await?;
    are_pieces(&stored)
}

async fn join_set(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let mut tasks = JoinSet::new();
            for name in THREE {
                tasks.spawn(piece(name).in_current_scope());
            }
            tasks.join_all().await;
            Reply::ok()
        })
        .await?;
    are_pieces(&stored)
}

/// A consumer that works on several messages in one task.
async fn two_requests_on_one_task(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let [left, right] = ["left/l", "right/r"]
                .map(|request| request.parse::<RequestContext>().unwrap_or_default().scope(piece("work")));
            tokio::join!(left, right);
            tracing::info!("together");
            Reply::ok()
        })
        .await?;
    ensure!(stored.log("together")?.span_id == stored.request_span()?.span_id);
    for (session, request) in [("left", "l"), ("right", "r")] {
        let of_it = |origin: &highlight_local::model::Origin| origin.session_id == session;
        let spans: Vec<_> = stored.rows.spans.iter().filter(|span| of_it(&span.origin)).collect();
        let logs: Vec<_> = stored.rows.logs.iter().filter(|log| of_it(&log.origin)).collect();
        ensure!(
            spans.len() == 2 && logs.len() == 1,
            "{} spans, {} logs of {session}",
            spans.len(),
            logs.len()
        );
        ensure!(spans.iter().all(|span| span.trace_id == request) && logs[0].trace_id == request);
        ensure!(spans.iter().any(|span| span.span_id == logs[0].span_id && span.name == "rest"));
    }
    Ok(())
}

fn just_ours() -> Dispatch {
    Dispatch::new(tracing_subscriber::registry().with(highlight::layer()))
}

/// Each goes on when the other has come as far.
async fn two_requests_on_one_thread(cell: Cell) -> Result<()> {
    const SESSIONS: [&str; 2] = ["left", "right"];
    let both = Arc::new(Barrier::new(SESSIONS.len()));
    let service = cell
        .serve(move |_| {
            let both = Arc::clone(&both);
            async move {
                for step in 1..=3 {
                    both.wait().await;
                    start_active_span("step", async |_| {
                        both.wait().await;
                        let session = RequestContext::current().session_id().map(ToOwned::to_owned);
                        tracing::info!("step {step} of {}", session.unwrap_or_default());
                    })
                    .await;
                }
                Reply::ok()
            }
        })
        .await?;
    let requests = SESSIONS.map(|session| Request::from_browser(session, session));
    let (left, right) = tokio::join!(service.answer(&requests[0]), service.answer(&requests[1]));
    ensure!(left?.body == "ok" && right?.body == "ok");
    let stored = cell.stored([service]).await?;
    ensure!((stored.rows.spans.len(), stored.rows.logs.len()) == (8, 6));
    for session in SESSIONS {
        for step in 1..=3 {
            let log = stored.log(&format!("step {step} of {session}"))?;
            ensure!(log.origin.session_id == session && log.trace_id == session, "{log:#?}");
            let span = stored.rows.spans.iter().find(|span| span.span_id == log.span_id);
            ensure!(span.is_some_and(|span| span.origin.session_id == session && span.name == "step"));
        }
    }
    Ok(())
}
