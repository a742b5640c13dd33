//! Three services in a row, for each row of C§4.3: one stored trace over all of them, and the session kept.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context, Result, ensure};
use highlight::{RequestContext, messaging::Message, parse_headers, propagation, start_active_span};
use highlight_local::model::Span;
use tokio::sync::mpsc;

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SERVICE, SESSION, W3C},
    framework::Service,
    handler::{Declined, Reply},
    stored::{Stored, is_child},
    wire::{REQUEST_HEADER, Request},
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("three_services::row_0", |cell| pass_through(cell, from_a_service(), REQUEST)),
        Scenario::new("three_services::row_1", |cell| pass_through(cell, traced(REQUEST), W3C)),
        Scenario::new("three_services::row_1_same_id", |cell| pass_through(cell, traced(W3C), W3C)),
        Scenario::new("three_services::row_1_no_id", |cell| pass_through(cell, traced(""), W3C)),
        Scenario::new("three_services::row_2", |cell| {
            pass_through(cell, Request::from_browser(SESSION, W3C), W3C)
        }),
        Scenario::new("three_services::row_3", |cell| {
            pass_through(cell, Request::from_browser(SESSION, REQUEST), REQUEST)
        }),
        Scenario::new("three_services::row_4", |cell| starts_here(cell, Request::new(), "")),
        Scenario::new("three_services::row_4_session", |cell| {
            starts_here(cell, Request::from_browser(SESSION, ""), SESSION)
        }),
        Scenario::new("three_services::traceparent_only", traceparent_only),
        Scenario::new("queued::row_1", |cell| queued(cell, traced(REQUEST), W3C)),
        Scenario::new("message_after_the_request", message_after_the_request),
        Scenario::new("queued::row_3", |cell| queued(cell, Request::from_browser(SESSION, REQUEST), REQUEST)),
    ]
}

/// The span that sent the first request, in rows 0 and 1.
const CALLER: &str = "b7ad6b7169203331";

fn traced(request_id: &str) -> Request {
    Request::from_browser(SESSION, request_id).header("traceparent", format!("00-{W3C}-{CALLER}-01"))
}

/// What a service of ours sends on behalf of a browser with a short request id: the trace id is derived from it, by 128-bit FNV-1a.
fn from_a_service() -> Request {
    let hash = REQUEST.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    });
    Request::from_browser(SESSION, REQUEST).header("traceparent", format!("00-{hash:032x}-{CALLER}-01"))
}

/// A service that works, and asks the next one.
async fn forward(next: Arc<Service>) -> Result<Reply, Declined> {
    tracing::info!("asking the next");
    start_active_span("call", async |_| {
        let mut headers = http::HeaderMap::new();
        propagation::inject_for(&next.uri(), &mut headers);
        drop(next.send(&Request::new().headers(&headers)).await);
    })
    .await;
    Reply::ok()
}

/// Sends `request` to the first of three services.
async fn three_services(mut cell: Cell, request: &Request) -> Result<Stored> {
    let last = cell
        .serve_as("last", |_| async {
            tracing::info!("at the last");
            Reply::ok()
        })
        .await?;
    let last = Arc::new(last);
    let next = Arc::clone(&last);
    let middle = Arc::new(cell.serve_as("middle", move |_| forward(Arc::clone(&next))).await?);
    let next = Arc::clone(&middle);
    let first = cell.serve(move |_| forward(Arc::clone(&next))).await?;
    first.answer(request).await?;
    first.stop().await?;
    let services = [middle, last].into_iter().filter_map(Arc::into_inner);
    cell.stored(services).await
}

/// Each service's span is below the call of the one before.
fn is_a_chain(stored: &Stored) -> Result<()> {
    let spans = &stored.rows.spans;
    let of = |service: &str, name: &str| -> Result<&Span> {
        let found = spans.iter().find(|span| span.origin.service == service && span.name == name);
        found.map(AsRef::as_ref).ok_or_else(|| anyhow::anyhow!("no span {name:?} of {service}"))
    };
    let request = stored.framework.request_span();
    is_child(of(SERVICE, "call")?, of(SERVICE, request)?)?;
    is_child(of("middle", request)?, of(SERVICE, "call")?)?;
    is_child(of("middle", "call")?, of("middle", request)?)?;
    is_child(of("last", request)?, of("middle", "call")?)?;
    ensure!(spans.len() == 5 && stored.rows.logs.len() == 3);
    Ok(())
}

async fn pass_through(cell: Cell, request: Request, effective: &str) -> Result<()> {
    let mut stored = three_services(cell, &request).await?;
    let first = is_called_by(&stored)?;
    let traced = request.headers.iter().any(|(name, _)| name == "traceparent");
    ensure!(first == if traced { CALLER } else { "" }, "the first span's parent is {first:?}");
    is_a_chain(&stored)?;
    forget_caller(&mut stored);
    stored.belongs_to(SESSION, effective)
}

/// Without an id from outside, the first service's trace id is everybody's.
async fn starts_here(cell: Cell, request: Request, session: &str) -> Result<()> {
    let stored = three_services(cell, &request).await?;
    ensure!(is_called_by(&stored)?.is_empty());
    is_a_chain(&stored)?;
    stored.is_one_trace()?;
    let logs = stored.rows.logs.iter().map(|log| &log.origin.session_id);
    let mut sessions = stored.rows.spans.iter().map(|span| &span.origin.session_id).chain(logs);
    ensure!(sessions.all(|found| found == session), "the session is kept");
    Ok(())
}

/// The successor's browser client sends no header of its own.
async fn traceparent_only(cell: Cell) -> Result<()> {
    let request = Request::new().header("traceparent", format!("00-{W3C}-{CALLER}-01"));
    let mut stored = three_services(cell, &request).await?;
    is_a_chain(&stored)?;
    forget_caller(&mut stored);
    stored.belongs_to("", W3C)
}

/// What waits in a queue keeps the context as text, and is consumed under the same id.
async fn queued(mut cell: Cell, request: Request, effective: &str) -> Result<()> {
    let producer = cell
        .serve(|_| async {
            tracing::info!("produced");
            Ok(Reply::text(RequestContext::current().to_string()))
        })
        .await?;
    let consumer = cell
        .serve_as("consumer", |_| async {
            tracing::info!("consumed");
            Reply::ok()
        })
        .await?;
    let kept = producer.answer(&request).await?.body;
    consumer.answer(&Request::new().header(REQUEST_HEADER, kept)).await?;
    let mut stored = cell.stored([producer, consumer]).await?;
    ensure!(stored.log("consumed")?.origin.service == "consumer");
    ensure!(stored.rows.spans.len() == 2);
    forget_caller(&mut stored);
    stored.belongs_to(SESSION, effective)
}

/// The parent of the first service's span.
fn is_called_by(stored: &Stored) -> Result<String> {
    let name = stored.framework.request_span();
    let first = stored.rows.spans.iter().find(|span| span.origin.service == SERVICE && span.name == name);
    let first = first.ok_or_else(|| anyhow::anyhow!("no span of the first service"))?;
    Ok(first.parent_span_id.clone())
}

/// The caller's span is the browser's, and not in this store.
fn forget_caller(stored: &mut Stored) {
    for span in &mut stored.rows.spans {
        if span.parent_span_id == CALLER {
            Arc::make_mut(span).parent_span_id.clear();
        }
    }
}

/// What was sent in a request is processed when that is long over, and its server gone.
async fn message_after_the_request(cell: Cell) -> Result<()> {
    let (send, mut sent) = mpsc::unbounded_channel();
    let service = cell
        .serve(move |_| {
            let send = send.clone();
            async move {
                Message::new("kafka", "orders").send_span().in_span(|_| {
                    let mut headers = HashMap::<String, String>::new();
                    propagation::inject(&mut headers);
                    drop(send.send(headers));
                });
                Reply::ok()
            }
        })
        .await?;
    service.answer(&Request::from_browser(SESSION, REQUEST)).await?;
    service.stop().await?;
    let headers = sent.recv().await.context("a message")?;
    let processed = Message::new("kafka", "orders").process_span(&parse_headers(&headers));
    let work = async { processed.start_active_span(async |_| tracing::info!("processed")).await };
    cell.client().scope(work).await;
    let stored = cell.stored([]).await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let (sent, processed) = (stored.span("send orders")?, stored.span("process orders")?);
    is_child(sent, stored.request_span()?)?;
    is_child(processed, sent)?;
    ensure!((sent.kind, processed.kind) == ("Producer", "Consumer"));
    ensure!(stored.log("processed")?.span_id == processed.span_id);
    Ok(())
}
