//! Very many requests at once, and nothing of one in another.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, Result, ensure};
use highlight::start_active_span;
use tokio::{sync::Barrier, task::JoinSet};

use super::Scenario;
use crate::{
    cell::Cell,
    connection::Multiplexed,
    framework::{Need, Service},
    handler::Reply,
    stored::Stored,
    wire::Request,
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("thousand_connections", thousand_connections),
        Scenario::new("ten_thousand_requests", ten_thousand_requests),
    ]
}

/// Each request has a connection of its own.
async fn thousand_connections(cell: Cell) -> Result<()> {
    // Two sockets for each, in up to three cells at once; many systems start with a limit of 1024.
    rlimit::increase_nofile_limit(8192).context("raising the limit of open files")?;
    let service = Arc::new(serve(&cell, 1000).await?);
    let senders = (0..1000).map(|_| Sender::Alone(Arc::clone(&service))).collect();
    send_all(cell, service, senders).await
}

/// More than there may be sockets: a hundred share a connection, where there are any.
async fn ten_thousand_requests(cell: Cell) -> Result<()> {
    const SHARING: usize = 100;
    let service = Arc::new(serve(&cell, 10_000).await?);
    let mut senders = Vec::new();
    while senders.len() < 10_000 {
        let sender = if cell.framework().has(Need::Multiplexing) {
            Sender::Shared(service.multiplexed().await?)
        } else {
            Sender::Alone(Arc::clone(&service))
        };
        senders.extend(std::iter::repeat_n(sender, SHARING));
    }
    send_all(cell, service, senders).await
}

#[derive(Clone)]
enum Sender {
    Alone(Arc<Service>),
    Shared(Multiplexed),
}

/// Answers when so many requests have come.
async fn serve(cell: &Cell, requests: usize) -> Result<Service> {
    let all_are_here = Arc::new(Barrier::new(requests));
    cell.serve(move |arrival| {
        let all_are_here = Arc::clone(&all_are_here);
        async move {
            tracing::info!("before {}", arrival.path);
            start_active_span("wait", async |_| all_are_here.wait().await).await;
            tracing::info!("after {}", arrival.path);
            Reply::ok()
        }
    })
    .await
}

async fn send_all(cell: Cell, service: Arc<Service>, senders: Vec<Sender>) -> Result<()> {
    let count = senders.len();
    let mut requests = JoinSet::new();
    for (n, sender) in senders.into_iter().enumerate() {
        let request = Request::from_browser(&format!("session{n}"), &format!("request{n}"))
            .target(format!("/orders/{n}"));
        requests.spawn(async move {
            match sender {
                Sender::Alone(service) => service.answer(&request).await,
                Sender::Shared(connection) => connection.answer(&request).await,
            }
        });
    }
    while let Some(answer) = requests.join_next().await {
        ensure!(answer??.status == 200);
    }
    let service = Arc::into_inner(service).context("all requests have ended")?;
    all_is_apart(&cell.stored([service]).await?, count)
}

fn all_is_apart(stored: &Stored, count: usize) -> Result<()> {
    let rows = &stored.rows;
    stored.no_error()?;
    ensure!((rows.spans.len(), rows.logs.len()) == (2 * count, 2 * count));
    let logs = rows.logs.iter().map(|log| (&log.origin, &log.trace_id, log.message.clone()));
    let spans = rows.spans.iter().map(|span| (&span.origin, &span.trace_id, span.name.clone()));
    let mut found = BTreeMap::<_, Vec<String>>::new();
    for (origin, trace_id, what) in logs.chain(spans) {
        found.entry((origin.session_id.clone(), trace_id.clone())).or_default().push(what);
    }
    for n in 0..count {
        let key = (format!("session{n}"), format!("request{n}"));
        let mut what = found.remove(&key).with_context(|| format!("nothing of request {n}"))?;
        what.sort();
        let request = stored.framework.request_span();
        let mut expected =
            [format!("before /orders/{n}"), format!("after /orders/{n}"), request.into(), "wait".into()];
        expected.sort();
        ensure!(what == expected, "request {n} has {what:?}");
    }
    ensure!(found.is_empty(), "also {found:?}");
    Ok(())
}
