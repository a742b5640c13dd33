//! The producer.

use async_nats::{HeaderMap, PublishError};
use highlight::{SpanBuilder, SpanKind, messaging::Message, parse_headers, propagation};
use tracing::info;

/// Serves one request from a browser. In a web service the layer does this.
pub(crate) async fn serve_a_request(nats: &async_nats::Client) -> anyhow::Result<()> {
    let headers = [("x-highlight-request", "WnjGsMDLJ0vZTjMUZrTFYaSjbGqA/9k2hTq81Lx")];
    let request = SpanBuilder::new("POST /orders").kind(SpanKind::Server);
    request
        .request_context(&parse_headers(&headers))
        .try_start_active_span(async |_| place_order(nats, 7).await)
        .await?;
    // What is published is on its way; wait until it has left.
    Ok(nats.flush().await?)
}

async fn place_order(nats: &async_nats::Client, order: u32) -> Result<(), PublishError> {
    info!(order, "order placed");
    let subject = format!("orders.{order}");
    // Span names must stay few, and this subject has an id in it.
    let message = Message::new("nats", subject.clone()).template("orders.{id}");
    message
        .send_span()
        .try_start_active_span(async |_| {
            nats.publish_with_headers(subject, headers(), "one lamp".into()).await
        })
        .await
}

/// The current request and span, for the message.
fn headers() -> HeaderMap {
    let mut injected = Vec::<(&str, String)>::new();
    propagation::inject(&mut injected);
    let mut headers = HeaderMap::new();
    for (name, value) in injected {
        headers.insert(name, value);
    }
    headers
}
