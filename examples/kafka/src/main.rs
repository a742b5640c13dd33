//! A worker behind Kafka, in the request that asked for the work.
//!
//! ```text
//! cargo run --manifest-path examples/kafka/Cargo.toml
//! ```
//!
//! The cluster is librdkafka's own mock, so there is nothing to install but a C compiler and `make`.
//!
//! | file | shows |
//! |---|---|
//! | `shop.rs` | the producer: writes the request into the message's headers |
//! | `worker.rs` | the consumer: works in that request, below the producer's span |

mod shop;
mod worker;

use std::time::Duration;

use highlight::{Client, Config};
use highlight_local::{Receiver, Timeline};
use rdkafka::mocking::MockCluster;

const TOPIC: &str = "orders";
const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cluster = MockCluster::new(1)?;
    cluster.create_topic(TOPIC, 3, 1)?;
    let brokers = cluster.bootstrap_servers();

    // Two services in one process, so that nobody has to start two. The receiver stands in for a Highlight server.
    let receiver = Receiver::start(0)?;
    let config = |service| Config::new("1").service_name(service).endpoint(receiver.endpoint());
    let worker = highlight::init(config("worker"))?;
    let shop = Client::new(config("shop"))?;

    shop.scope(shop::serve_a_request(&brokers)).await?;
    shop.shutdown(DEADLINE)?;
    // The request is over, and the shop is gone: all that is left is the message.
    tokio::time::timeout(DEADLINE, worker::handle_one(&brokers)).await??;
    worker.flush(DEADLINE)?;

    print!("{}", Timeline::new(&receiver.store().snapshot()));
    Ok(())
}
