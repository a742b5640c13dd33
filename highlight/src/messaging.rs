//! Spans for messages: the work behind a queue belongs to the request that asked for it.
//!
//! ```
//! use std::collections::HashMap;
//! use highlight::{messaging::Message, parse_headers, propagation};
//!
//! # async fn publish(_: HashMap<String, String>, _: &str) -> Result<(), std::io::Error> { Ok(()) }
//! # async fn ship(_: &str) -> Result<(), std::io::Error> { Ok(()) }
//! // The producer, within a request:
//! async fn order_placed(order: &str) -> Result<(), std::io::Error> {
//!     let orders = Message::new("kafka", "orders");
//!     orders.send_span().try_start_active_span(async |_| {
//!         let mut headers = HashMap::new();
//!         propagation::inject(&mut headers);
//!         publish(headers, order).await
//!     })
//!     .await
//! }
//!
//! // The consumer, in another process, perhaps long after the request ended:
//! async fn on_message(headers: &HashMap<String, String>, order: &str) -> Result<(), std::io::Error> {
//!     let orders = Message::new("kafka", "orders").consumer_group("shipping");
//!     orders.process_span(&parse_headers(headers)).try_start_active_span(async |_| ship(order).await).await
//! }
//! ```
//!
//! Both spans, and all that is recorded in them, are stored under one trace id with one session (C§4.3); the consumer's is
//! a child of the producer's. Kafka's and AMQP's byte-valued headers are [carriers](crate::propagation::Carrier), as is any look-up.
//!
//! # Without headers
//!
//! A queue without headers, such as a table or a file, stores the [`RequestContext`] beside the message, as text or with
//! serde (feature `serde`). Session and trace are the same; only the link from child to parent is missing.
//!
//! ```
//! use highlight::{RequestContext, messaging::Message};
//!
//! # fn render(_: &str) {}
//! let stored = RequestContext::current().to_string(); // goes into a column of its own
//!
//! let producer: RequestContext = stored.parse()?;
//! Message::new("postgresql", "invoices").process_span(&producer).in_span(|_| render("invoice 7"));
//! # Ok::<(), std::convert::Infallible>(())
//! ```
//!
//! # Who is believed
//!
//! What is in a queue, a service of yours has put there, so [`Config::trust_incoming`](crate::Config::trust_incoming)
//! does not apply. For a queue that strangers write to, pass `RequestContext::default()`.
//!
//! Names follow the OpenTelemetry semantic conventions for messaging.

use std::borrow::Cow;

use crate::{KeyValue, RequestContext, SpanBuilder, SpanKind, Value};

/// A message, or a batch of them, as its spans show it.
///
/// See the [module](self) for its use.
#[derive(Debug, Clone)]
#[must_use = "a message does nothing until one of its spans is started"]
pub struct Message {
    /// The destination, or its template: span names must stay few (C§1.3).
    place: Cow<'static, str>,
    attributes: Vec<KeyValue>,
}

impl Message {
    /// A message to or from `destination` (a topic, queue or subject) in `system`.
    ///
    /// `system` is the conventions' name of it: `kafka`, `rabbitmq`, `aws_sqs`, `gcp_pubsub`, `servicebus`; for others its own.
    pub fn new(system: impl Into<Cow<'static, str>>, destination: impl Into<Cow<'static, str>>) -> Self {
        let place = destination.into();
        let attributes = vec![
            KeyValue::new("messaging.system", system.into()),
            KeyValue::new("messaging.destination.name", place.clone()),
        ];
        Self { place, attributes }
    }

    /// What the destination is one of, such as `orders.{id}`. Set it where destinations have ids in them: it names the spans.
    pub fn template(mut self, template: impl Into<Cow<'static, str>>) -> Self {
        self.place = template.into();
        let place = self.place.clone();
        self.attribute("messaging.destination.template", place)
    }

    /// The message's id.
    pub fn id(self, id: impl Into<Value>) -> Self {
        self.attribute("messaging.message.id", id)
    }

    /// The group of consumers that shares the work.
    pub fn consumer_group(self, name: impl Into<Value>) -> Self {
        self.attribute("messaging.consumer.group.name", name)
    }

    /// The partition that the message is in.
    #[expect(clippy::needless_pass_by_value, reason = "partitions are numbers, or short names")]
    pub fn partition(self, id: impl ToString) -> Self {
        self.attribute("messaging.destination.partition.id", id.to_string())
    }

    /// Adds an attribute, such as `messaging.kafka.offset`.
    pub fn attribute(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.attributes.push(KeyValue::new(key, value));
        self
    }

    /// The producer's span, `send {destination}`: write its context into the message with
    /// [`inject`](crate::propagation::inject) while it is current.
    pub fn send_span(&self) -> SpanBuilder {
        self.span("send").kind(SpanKind::Producer)
    }

    /// The consumer's span, `process {destination}`: in the request that `producer` names, and a child of its span.
    ///
    /// `producer` is what [`parse_headers`](crate::parse_headers) read from the message. If it is empty, so is the
    /// request: what is current on the consumer's task has nothing to do with the message.
    pub fn process_span(&self, producer: &RequestContext) -> SpanBuilder {
        self.span("process").kind(SpanKind::Consumer).request_context(producer)
    }

    /// The consumer's span around messages that are worked on together: in no request, with a link to each producer's span.
    ///
    /// For work on a single one of them use [`process_span`](Self::process_span), inside or outside the batch.
    pub fn process_batch_span<'a>(
        &self,
        producers: impl IntoIterator<Item = &'a RequestContext>,
    ) -> SpanBuilder {
        let span = self.process_span(&RequestContext::default());
        let count = |(span, count): (SpanBuilder, u64), producer| (span.link(producer), count + 1);
        let (span, count) = producers.into_iter().fold((span, 0), count);
        span.attribute("messaging.batch.message_count", count)
    }

    fn span(&self, operation: &'static str) -> SpanBuilder {
        SpanBuilder::new(format!("{operation} {}", self.place))
            .attributes(self.attributes.iter().cloned())
            .attribute("messaging.operation.name", operation)
            .attribute("messaging.operation.type", operation)
    }
}
