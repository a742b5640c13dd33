//! The producer.

use highlight::{SpanBuilder, SpanKind, messaging::Message, parse_headers, propagation};
use rdkafka::{
    ClientConfig,
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use tracing::info;

use crate::{DEADLINE, TOPIC};

/// Serves one request from a browser. In a web service the layer does this.
pub(crate) async fn serve_a_request(brokers: &str) -> Result<(), KafkaError> {
    let producer = ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    let headers = [("x-highlight-request", "WnjGsMDLJ0vZTjMUZrTFYaSjbGqA/9k2hTq81Lx")];
    let request = SpanBuilder::new("POST /orders").kind(SpanKind::Server);
    request
        .request_context(&parse_headers(&headers))
        .try_start_active_span(async |_| place_order(&producer).await)
        .await
}

async fn place_order(producer: &FutureProducer) -> Result<(), KafkaError> {
    info!("order placed");
    let message = Message::new("kafka", TOPIC);
    message
        .send_span()
        .try_start_active_span(async |span| {
            let record = FutureRecord::to(TOPIC).key("7").payload("one lamp").headers(headers());
            let delivered = producer.send(record, DEADLINE).await.map_err(|(error, _)| error)?;
            // Known only now.
            span.set_attribute("messaging.destination.partition.id", delivered.partition.to_string());
            span.set_attribute("messaging.kafka.offset", delivered.offset);
            Ok(())
        })
        .await
}

/// The current request and span, for the message.
fn headers() -> OwnedHeaders {
    let mut injected = Vec::<(&str, String)>::new();
    propagation::inject(&mut injected);
    injected
        .iter()
        .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
}
