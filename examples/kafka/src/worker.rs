//! The consumer.

use highlight::{RequestContext, messaging::Message, parse_headers};
use rdkafka::{
    ClientConfig, Message as _,
    consumer::{Consumer, StreamConsumer},
    error::KafkaError,
    message::{BorrowedMessage, Headers},
};
use tracing::{info, instrument};

use crate::TOPIC;

const GROUP: &str = "shipping";

/// Waits for an order and handles it, in the request that it was placed in.
pub(crate) async fn handle_one(brokers: &str) -> Result<(), KafkaError> {
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", GROUP)
        .set("auto.offset.reset", "earliest")
        .create()?;
    consumer.subscribe(&[TOPIC])?;
    let order = consumer.recv().await?;

    Message::new("kafka", TOPIC)
        .consumer_group(GROUP)
        .partition(order.partition())
        .attribute("messaging.kafka.offset", order.offset())
        .process_span(&producer(&order))
        .start_active_span(async |_| ship(order.payload().unwrap_or_default()).await)
        .await;
    Ok(())
}

/// The request and span that the message came from. Kafka's headers are bytes, and may be null.
fn producer(order: &BorrowedMessage<'_>) -> RequestContext {
    let headers = order.headers().into_iter().flat_map(Headers::iter);
    parse_headers(&headers.filter_map(|header| Some((header.key, header.value?))).collect::<Vec<_>>())
}

#[instrument(skip_all)]
async fn ship(content: &[u8]) {
    info!(content = %content.escape_ascii(), "order shipped");
}
