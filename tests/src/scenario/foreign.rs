//! Libraries that instrument themselves with OpenTelemetry, and know nothing of us.

use std::thread;

use anyhow::{Result, ensure};
use highlight::{
    in_span,
    otel::{
        self,
        opentelemetry::{
            Context,
            trace::{FutureExt, Span as _, SpanKind, TraceContextExt, Tracer, TracerProvider},
        },
    },
};

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    handler::Reply,
    stored::{attribute, is_child},
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("foreign_span", foreign_span),
        Scenario::new("foreign_span_async", foreign_span_async),
        Scenario::new("foreign_span_elsewhere", foreign_span_elsewhere),
        Scenario::new("foreign_span_outside", foreign_span_outside),
    ]
}

/// The tracer of a library, as it gets one from OpenTelemetry's global provider: see `global_tracer` in tests/init.rs.
fn library(cell: &Cell) -> otel::Tracer {
    cell.client().tracer_provider().tracer("library")
}

/// Between two of ours.
async fn foreign_span(cell: Cell) -> Result<()> {
    let library = library(&cell);
    let (_, stored) = cell
        .answer(move |_| {
            let library = library.clone();
            async move {
                let query = library.span_builder("query").with_kind(SpanKind::Client);
                in_span("load", |_| {
                    library.in_span("connect", |_| tracing::info!("connecting"));
                    let query = Context::current_with_span(query.start(&library));
                    let _guard = query.attach();
                    in_span("decode", |_| tracing::info!("decoding"));
                });
                Reply::ok()
            }
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let load = stored.span("load")?;
    is_child(load, stored.request_span()?)?;
    is_child(stored.span("connect")?, load)?;
    is_child(stored.span("query")?, load)?;
    is_child(stored.span("decode")?, stored.span("query")?)?;
    ensure!(stored.span("query")?.kind == "Client");
    ensure!(stored.log("connecting")?.span_id == stored.span("connect")?.span_id);
    ensure!(stored.log("decoding")?.span_id == stored.span("decode")?.span_id);
    Ok(())
}

async fn foreign_span_async(cell: Cell) -> Result<()> {
    let library = library(&cell);
    let (_, stored) = cell
        .answer(move |_| {
            let library = library.clone();
            async move {
                let cx = Context::current_with_span(library.start("query"));
                let rows = async {
                    tokio::task::yield_now().await;
                    tracing::info!("inside");
                };
                rows.with_context(cx).await;
                tracing::info!("outside");
                Reply::ok()
            }
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    is_child(stored.span("query")?, stored.request_span()?)?;
    ensure!(stored.log("inside")?.span_id == stored.span("query")?.span_id);
    ensure!(stored.log("outside")?.span_id == stored.request_span()?.span_id);
    Ok(())
}

/// On a thread that knows nothing, with the context handed over.
async fn foreign_span_elsewhere(cell: Cell) -> Result<()> {
    let library = library(&cell);
    let (_, stored) = cell
        .answer(move |_| {
            let (library, cx) = (library.clone(), Context::current());
            let query = || {
                let mut span = library.start_with_context("query", &cx);
                span.set_attribute(highlight::otel::opentelemetry::KeyValue::new("rows", 3));
                span.end();
            };
            thread::scope(|threads| drop(threads.spawn(query).join()));
            async { Reply::ok() }
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    is_child(stored.span("query")?, stored.request_span()?)?;
    ensure!(attribute(&stored.span("query")?.attributes, "rows")? == "3");
    Ok(())
}

/// In no request, it is recorded all the same, and belongs to nobody.
async fn foreign_span_outside(cell: Cell) -> Result<()> {
    let library = library(&cell);
    let (_, stored) = cell
        .answer(move |_| {
            thread::scope(|threads| drop(threads.spawn(|| library.start("ping").end()).join()));
            async { Reply::ok() }
        })
        .await?;
    let ping = stored.span("ping")?;
    ensure!(ping.origin.session_id.is_empty() && ping.origin.request_id.is_empty(), "{ping:#?}");
    ensure!(ping.otel_trace_id != stored.request_span()?.otel_trace_id && ping.parent_span_id.is_empty());
    Ok(())
}
