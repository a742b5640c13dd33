//! Spans and events of `tracing` that name a parent belong to a request all the same.

use std::thread;

use anyhow::{Result, ensure};
use highlight::{
    Client, consume_error,
    http::ServerOptions,
    otel::{
        opentelemetry::trace::{Status, TraceContextExt},
        tracing_opentelemetry::OpenTelemetrySpanExt,
    },
};
use tracing::{Dispatch, Span, level_filters::LevelFilter};
use tracing_subscriber::layer::SubscriberExt;

use super::Scenario;
use crate::{
    cell::{Cell, REQUEST, SESSION},
    framework::Need,
    handler::{Declined, Reply},
    stored::{Stored, attribute, is_child},
};

pub(super) fn rows() -> Vec<Scenario> {
    vec![
        Scenario::new("span_below_the_current", span_below_the_current).needs(Need::RequestSpan),
        Scenario::new("span_below_a_span", span_below_a_span),
        Scenario::new("span_below_an_unexported", span_below_an_unexported).subscriber(details),
        Scenario::new("span_below_a_disabled", span_below_a_disabled).subscriber(no_details),
        Scenario::new("span_below_no_request_span", span_below_no_request_span)
            .config(|config| config.request_span(false)),
        Scenario::new("span_below_none", span_below_none),
        Scenario::new("span_below_none_is_given_a_parent", span_below_none_is_given_a_parent)
            .needs(Need::RequestSpan),
        Scenario::new("span_below_none_excluded", span_below_none_excluded).server_only(),
        Scenario::new("event_below_a_span", event_below_a_span),
        Scenario::new("event_below_the_current", event_below_the_current),
        Scenario::new("event_below_a_closed", event_below_a_closed),
        Scenario::new("event_below_a_span_of_nobody", event_below_a_span_of_nobody),
        Scenario::new("span_ext_in_the_handler", span_ext_in_the_handler).needs(Need::RequestSpan),
    ]
}

/// Says something of each kind.
fn speak() {
    tracing::info!("inside");
    tracing::info_span!("below").in_scope(|| tracing::info!("further inside"));
    consume_error(&Declined::new());
}

/// What [`speak`] said is all there, and of the span in which it did.
fn was_said_in(stored: &Stored, name: &str) -> Result<()> {
    let span = stored.span(name)?;
    is_child(stored.span("below")?, span)?;
    ensure!(stored.log("inside")?.span_id == span.span_id);
    ensure!(stored.log("further inside")?.span_id == stored.span("below")?.span_id);
    ensure!(stored.error()?.0.span_id == span.span_id && span.status_code == "Error");
    ensure!(stored.rows.spans.len() == 3, "the request's, {name:?} and one below it");
    Ok(())
}

/// Runs `f` on a thread that knows our client, and of no request.
fn elsewhere(f: impl FnOnce() + Send) {
    let Some(client) = Client::current() else { return };
    thread::scope(|threads| {
        threads.spawn(|| client.in_scope(f));
    });
}

/// It is a child of the request's span, as if nothing were special about it.
fn is_below_the_request(stored: &Stored) -> Result<()> {
    stored.belongs_to(SESSION, REQUEST)?;
    is_child(stored.span("work")?, stored.request_span()?)?;
    was_said_in(stored, "work")
}

async fn span_below_the_current(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let here = Span::current();
            elsewhere(move || tracing::info_span!(parent: &here, "work").in_scope(speak));
            Reply::ok()
        })
        .await?;
    is_below_the_request(&stored)
}

async fn span_below_a_span(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let outer = tracing::info_span!("outer");
            elsewhere(|| {
                let _entered = tracing::info_span!(parent: &outer, "work").entered();
                tracing::info!("inside");
            });
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    is_child(stored.span("outer")?, stored.request_span()?)?;
    is_child(stored.span("work")?, stored.span("outer")?)?;
    ensure!(stored.log("inside")?.span_id == stored.span("work")?.span_id);
    Ok(())
}

/// The subscriber knows the parent, and the client's level keeps it out: what is below it moves up.
async fn span_below_an_unexported(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let too_detailed = tracing::debug_span!("too detailed");
            tracing::info_span!(parent: &too_detailed, "work").in_scope(speak);
            Reply::ok()
        })
        .await?;
    is_below_the_request(&stored)
}

/// It begins a trace of its own, and is stored with its request.
fn is_a_root_of_the_request(stored: &Stored) -> Result<()> {
    stored.is_stored_under(SESSION, REQUEST)?;
    let (work, request) = (stored.span("work")?, stored.request_span()?);
    ensure!(work.parent_span_id.is_empty() && work.otel_trace_id != request.otel_trace_id);
    was_said_in(stored, "work")
}

/// Somebody else shows what is not exported.
fn details() -> Dispatch {
    let console = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
    Dispatch::new(tracing_subscriber::registry().with(console).with(highlight::layer()))
}

fn no_details() -> Dispatch {
    Dispatch::new(tracing_subscriber::registry().with(LevelFilter::INFO).with(highlight::layer()))
}

/// To `tracing` it is as if there were no parent.
async fn span_below_a_disabled(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let too_detailed = tracing::debug_span!("too detailed");
            tracing::info_span!(parent: &too_detailed, "work").in_scope(speak);
            Reply::ok()
        })
        .await?;
    is_a_root_of_the_request(&stored)
}

async fn span_below_no_request_span(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            tracing::info_span!(parent: &Span::current(), "work").in_scope(speak);
            Reply::ok()
        })
        .await?;
    is_a_root_of_the_request(&stored)
}

/// It is first entered where nobody knows the request any more.
async fn span_below_none(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let work = tracing::info_span!(parent: None, "work", order = 7);
            thread::scope(|threads| {
                threads.spawn(|| work.in_scope(speak));
            });
            Reply::ok()
        })
        .await?;
    is_a_root_of_the_request(&stored)?;
    ensure!(attribute(&stored.span("work")?.attributes, "order")? == "7");
    Ok(())
}

/// The usual way to continue a trace: a root, whose parent is set before it starts.
async fn span_below_none_is_given_a_parent(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let received = Span::current().context();
            elsewhere(move || {
                let work = tracing::info_span!(parent: None, "work");
                if work.set_parent(received).is_ok() {
                    work.in_scope(speak);
                }
            });
            Reply::ok()
        })
        .await?;
    is_below_the_request(&stored)
}

/// A probe leaves no spans, also no roots.
async fn span_below_none_excluded(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .options(ServerOptions::default().exclude(|_| true))
        .answer(|_| async {
            tracing::info_span!(parent: None, "work").in_scope(|| tracing::info!("inside"));
            Reply::ok()
        })
        .await?;
    ensure!(stored.rows.spans.is_empty(), "{:#?}", stored.rows.spans);
    stored.log("inside")?;
    stored.is_stored_under(SESSION, REQUEST)
}

/// The span was never entered, and the event arises in none.
async fn event_below_a_span(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let work = tracing::info_span!("work");
            elsewhere(|| {
                tracing::info!(parent: &work, "about the work");
                tracing::error!(parent: &work, error = Declined::MESSAGE, "it failed");
            });
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let work = stored.span("work")?;
    ensure!(stored.log("about the work")?.span_id == work.span_id);
    ensure!(stored.error()?.0.span_id == work.span_id && work.status_code == "Error");
    ensure!(stored.request_span()?.status_code == "Unset");
    Ok(())
}

async fn event_below_the_current(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            tracing::info!(parent: &Span::current(), "about the request");
            tracing::info!(parent: None, "about nothing");
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    for text in ["about the request", "about nothing"] {
        ensure!(stored.log(text)?.span_id == stored.request_span()?.span_id);
    }
    Ok(())
}

async fn event_below_a_closed(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let work = tracing::info_span!("work");
            let id = work.id();
            drop(work);
            tracing::info!(parent: id, "after the work");
            Reply::ok()
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    stored.log("after the work").map(drop)
}

/// A span that the program made when it started knows of no request; the event does.
async fn event_below_a_span_of_nobody(cell: Cell) -> Result<()> {
    let (_, stored) = cell
        .answer(|_| async {
            let worker = Client::current().map(|client| client.in_scope(|| tracing::info_span!("worker")));
            let worker = worker.unwrap_or_else(Span::none);
            tracing::info!(parent: &worker, "for the request");
            Reply::ok()
        })
        .await?;
    ensure!(stored.span("worker")?.origin.session_id.is_empty());
    let log = stored.log("for the request")?;
    ensure!((log.origin.session_id.as_str(), log.trace_id.as_str()) == (SESSION, REQUEST));
    Ok(())
}

/// To OpenTelemetry, the current span of a handler is the server span.
async fn span_ext_in_the_handler(cell: Cell) -> Result<()> {
    let (answer, stored) = cell
        .answer(|_| async {
            let span = Span::current();
            span.set_attribute("user.tier", "gold");
            span.set_status(Status::error("no stock"));
            span.context().span().update_name("POST /renamed");
            let earlier = tracing::info_span!("earlier");
            earlier.follows_from(&span);
            span.follows_from(&earlier);
            Ok(Reply::text(span.context().span().span_context().span_id().to_string()))
        })
        .await?;
    stored.belongs_to(SESSION, REQUEST)?;
    let span = stored.span("POST /renamed")?;
    ensure!(span.kind == "Server" && span.span_id == answer.body, "{} of {span:#?}", answer.body);
    ensure!(attribute(&span.attributes, "user.tier")? == "gold");
    ensure!((span.status_code, span.status_message.as_str()) == ("Error", "no stock"));
    ensure!(!span.attributes.contains_key("session") && !span.attributes.contains_key("target"));
    let earlier = stored.span("earlier")?;
    ensure!(span.links.len() == 1 && earlier.links.len() == 1, "{:#?}", [&span.links, &earlier.links]);
    ensure!(stored.rows.spans.len() == 2, "the request's span is stored once");
    Ok(())
}
