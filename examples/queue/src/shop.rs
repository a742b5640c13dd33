//! The producer.

use std::io;

use highlight::{RequestContext, SpanBuilder, SpanKind, parse_headers};
use tracing::info;

use crate::job::{Job, Queue};

/// Serves one request from a browser. In a web service the layer does this.
pub(crate) fn run(queue: &Queue) -> io::Result<()> {
    let headers = [("x-highlight-request", "WnjGsMDLJ0vZTjMUZrTFYaSjbGqA/9k2hTq81Lx")];
    let request = SpanBuilder::new("POST /orders").kind(SpanKind::Server);
    request.request_context(&parse_headers(&headers)).try_in_span(|_| place_order(queue, 7))
}

fn place_order(queue: &Queue, order: u32) -> io::Result<()> {
    info!(order, "order placed");
    Queue::message()
        .send_span()
        .try_in_span(|_| queue.push(&Job { request: RequestContext::current(), order }))
}
