//! What a panic says of its request, in a process of its own: the hook is the whole process's.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's panic is its verdict")]

#[path = "corners/service.rs"]
mod service;

use std::panic::AssertUnwindSafe;

use axum::routing::get;
use futures_util::FutureExt;

use crate::service::Service;

async fn panicking() {
    panic!("boom: {}", 42)
}

#[tokio::test]
async fn the_message_of_a_panic_is_on_the_span_of_the_request() {
    highlight::install_panic_hook();
    let service = Service::new();
    let outcome = AssertUnwindSafe(service.answer(get(panicking))).catch_unwind().await;
    assert!(outcome.is_err(), "nobody catches the panic");
    let span = service.stored_span("GET /").await;
    assert_eq!((span.status_code, span.status_message.as_str()), ("Error", "boom: 42"));
}
