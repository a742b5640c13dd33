//! The consumer.

use highlight::{RequestContext, messaging::Message, parse_headers, propagation};
use tracing::{info, instrument};

pub(crate) const SUBJECTS: &str = "orders.*";

/// Handles an order, in the request that it was placed in.
pub(crate) async fn on_message(order: &async_nats::Message) {
    Message::new("nats", order.subject.to_string())
        .template("orders.{id}")
        .process_span(&producer(order))
        .start_active_span(async |_| ship(&order.payload).await)
        .await;
}

/// The request and span that the message came from.
fn producer(order: &async_nats::Message) -> RequestContext {
    parse_headers(&propagation::from_fn(|name| order.headers.as_ref()?.get(name)))
}

#[instrument(skip_all)]
async fn ship(content: &[u8]) {
    info!(content = %content.escape_ascii(), "order shipped");
}
