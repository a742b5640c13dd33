//! A thousand requests at once, and nothing of one in another.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, Result, ensure};
use highlight::start_active_span;
use tokio::{sync::Barrier, task::JoinSet};

use super::Scenario;
use crate::{cell::Cell, handler::Reply, wire::Request};

const REQUESTS: usize = 1000;

pub(super) fn rows() -> Vec<Scenario> {
    vec![Scenario::new("thousand_requests", thousand_requests)]
}

async fn thousand_requests(cell: Cell) -> Result<()> {
    // Two sockets for each, in up to three cells at once; many systems start with a limit of 1024.
    rlimit::increase_nofile_limit(8192).context("raising the limit of open files")?;
    let all_are_here = Arc::new(Barrier::new(REQUESTS));
    let service = cell
        .serve(move |arrival| {
            let all_are_here = Arc::clone(&all_are_here);
            async move {
                tracing::info!("before {}", arrival.path);
                start_active_span("wait", async |_| all_are_here.wait().await).await;
                tracing::info!("after {}", arrival.path);
                Reply::ok()
            }
        })
        .await?;
    let service = Arc::new(service);
    let mut requests = JoinSet::new();
    for n in 0..REQUESTS {
        let service = Arc::clone(&service);
        let request = Request::from_browser(&format!("session{n}"), &format!("request{n}"))
            .target(format!("/orders/{n}"));
        requests.spawn(async move { service.answer(&request).await });
    }
    while let Some(answer) = requests.join_next().await {
        ensure!(answer??.status == 200);
    }
    let service = Arc::into_inner(service).context("all requests have ended")?;
    let stored = cell.stored([service]).await?;

    let rows = &stored.rows;
    stored.no_error()?;
    ensure!((rows.spans.len(), rows.logs.len()) == (2 * REQUESTS, 2 * REQUESTS));
    let logs = rows.logs.iter().map(|log| (&log.origin, &log.trace_id, log.message.clone()));
    let spans = rows.spans.iter().map(|span| (&span.origin, &span.trace_id, span.name.clone()));
    let mut found = BTreeMap::<_, Vec<String>>::new();
    for (origin, trace_id, what) in logs.chain(spans) {
        found.entry((origin.session_id.clone(), trace_id.clone())).or_default().push(what);
    }
    for n in 0..REQUESTS {
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
