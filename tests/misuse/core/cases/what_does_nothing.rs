//! What is made here does nothing until more is done with it.

#![deny(unused_must_use)]

use highlight::{Config, ErrorReport, InCurrentScope, RequestContext, SpanBuilder, User};

async fn charge() {}

fn main() {
    let request = RequestContext::current();
    Config::new("1jdkoe52");
    User::new();
    SpanBuilder::new("charge card");
    ErrorReport::new("declined");
    // Futures to be awaited.
    highlight::start_active_span("charge card", async |_span| charge().await);
    highlight::try_start_active_span("charge card", async |_span| Err::<(), _>("declined"));
    request.scope(charge());
    charge().in_current_scope();
    // Closures to be handed on.
    highlight::in_current_scope(|| ());
    highlight::callback_in_current_scope(|()| charge());
    // A layer, to be added to a subscriber.
    highlight::layer::<tracing_subscriber::Registry>();
    // A context, to be run in.
    highlight::parse_headers(&http::HeaderMap::new());
    // The twins for code that is not async: they are left before the future runs.
    highlight::in_span("charge card", |_span| charge());
    request.in_scope(charge);
}
