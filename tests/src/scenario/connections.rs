//! Requests of different sessions that share a connection, and connections that outlive their request.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Context, Result, ensure};
use highlight::{RequestContext, start_active_span};
use tokio::{sync::Barrier, task::JoinSet};

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    framework::Need,
    handler::{Declined, Reply},
    stored::{Stored, attribute, is_child},
    wire::{Answer, Request},
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("keep_alive", keep_alive).needs(Need::Connection),
        Scenario::new("pipelining", pipelining).needs(Need::Connection),
        Scenario::new("http2_multiplexing", http2_multiplexing).needs(Need::Multiplexing),
        Scenario::new("upgrade", upgrade).needs(Need::Connection),
    ]
}

const SESSIONS: [&str; 5] = ["s1", "s2", "s3", "s4", "s5"];

/// One request of each session.
fn requests() -> [Request; SESSIONS.len()] {
    SESSIONS.map(|session| Request::from_browser(session, &format!("{session}-request")))
}

/// Answers with the session that it finds, having said so.
async fn who() -> Result<Reply, Declined> {
    let session = RequestContext::current().session_id().unwrap_or_default().to_owned();
    start_active_span("work", async |_| {
        tokio::task::yield_now().await;
        tracing::info!("for {session}");
    })
    .await;
    Ok(Reply::text(session))
}

fn are_apart(answers: &[Answer], stored: &Stored) -> Result<()> {
    let told: BTreeSet<_> = answers.iter().map(|answer| answer.body.as_str()).collect();
    ensure!(told == BTreeSet::from(SESSIONS), "answered {told:?}");
    let rows = &stored.rows;
    ensure!((rows.spans.len(), rows.logs.len()) == (2 * SESSIONS.len(), SESSIONS.len()));
    for session in SESSIONS {
        let log = stored.log(&format!("for {session}"))?;
        let spans: Vec<_> = rows.spans.iter().filter(|span| span.origin.session_id == session).collect();
        let [one, other] = spans[..] else { anyhow::bail!("{} spans of {session}", spans.len()) };
        let (work, request) = if one.name == "work" { (one, other) } else { (other, one) };
        is_child(work, request)?;
        ensure!(request.parent_span_id.is_empty() && request.name == stored.framework.request_span());
        ensure!(log.span_id == work.span_id && log.origin.session_id == session);
        for trace_id in [&work.trace_id, &request.trace_id, &log.trace_id] {
            ensure!(*trace_id == format!("{session}-request"), "{session} is stored under {trace_id}");
        }
    }
    Ok(())
}

async fn keep_alive(cell: Cell) -> Result<()> {
    let service = cell.serve(|_| who()).await?;
    let answers = service.one_by_one(&requests()).await?;
    are_apart(&answers, &cell.stored([service]).await?)
}

async fn pipelining(cell: Cell) -> Result<()> {
    let service = cell.serve(|_| who()).await?;
    let answers = service.pipelined(&requests()).await?;
    are_apart(&answers, &cell.stored([service]).await?)
}

/// All of them are served at once.
async fn http2_multiplexing(cell: Cell) -> Result<()> {
    let all_are_here = Arc::new(Barrier::new(SESSIONS.len()));
    let service = cell
        .serve(move |_| {
            let all_are_here = Arc::clone(&all_are_here);
            async move {
                all_are_here.wait().await;
                who().await
            }
        })
        .await?;
    let connection = service.multiplexed().await?;
    let mut answering = JoinSet::new();
    for request in requests() {
        let connection = connection.clone();
        answering.spawn(async move { connection.answer(&request).await });
    }
    drop(connection);
    let answers = answering.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    let stored = cell.stored([service]).await?;
    are_apart(&answers, &stored)?;
    for span in stored.rows.spans.iter().filter(|span| span.name != "work") {
        ensure!(attribute(&span.attributes, "network.protocol.version")? == "2");
    }
    Ok(())
}

/// What speaks the new protocol is still the request, after its span has ended with the answer.
async fn upgrade(cell: Cell) -> Result<()> {
    let service = cell.serve(|_| who()).await?;
    let request = Request::from_browser(SESSION, REQUEST)
        .target("/live")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let mut connection = service.begin(&request).await?;
    // After the head, where it cannot stand.
    connection.read_until(SESSION, 1).await.context("the upgraded connection says who it is for")?;
    connection.leave().await;
    let stored = cell.stored([service]).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let work = stored.span("work")?;
    let [answered] = &stored.rows.spans.iter().filter(|span| span.name != "work").collect::<Vec<_>>()[..]
    else {
        anyhow::bail!("one request")
    };
    is_child(work, answered)?;
    ensure!(attribute(&answered.attributes, "http.response.status_code")? == "101");
    ensure!(answered.status_code == "Unset" && answered.kind == "Server", "{answered:#?}");
    ensure!(stored.log(&format!("for {SESSION}"))?.span_id == work.span_id);
    Ok(())
}
