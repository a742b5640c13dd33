//! A worker behind NATS, in the request that asked for the work.
//!
//! ```text
//! cargo run -p nats
//! ```
//!
//! It uses the server at `NATS_URL`; without that it starts `nats-server` itself (Debian: `apt-get install nats-server`).
//!
//! | file | shows |
//! |---|---|
//! | `shop.rs` | the producer: writes the request into the message's headers |
//! | `worker.rs` | the consumer: works in that request, below the producer's span |
//! | `server.rs` | a NATS server for the time of the demo |

mod server;
mod shop;
mod worker;

use std::time::Duration;

use futures_util::StreamExt;
use highlight::{Client, Config};
use highlight_local::{Receiver, Timeline};

use crate::server::Server;

const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it is what the demo is for")]
async fn main() -> anyhow::Result<()> {
    // Two services in one process, so that nobody has to start two. The receiver stands in for a Highlight server.
    let receiver = Receiver::start(0)?;
    let config = |service| Config::new("1").service_name(service).endpoint(receiver.endpoint());
    // The client's own lines about its connection are of no request.
    let worker = highlight::init(config("worker").filter("async_nats=warn"))?;
    let shop = Client::new(config("shop"))?;

    let server = Server::find()?;
    let nats = async_nats::connect(server.url()).await?;
    let mut orders = nats.subscribe(worker::SUBJECTS).await?;

    shop.scope(shop::serve_a_request(&nats)).await?;
    shop.shutdown(DEADLINE)?;
    // The request is over, and the shop is gone: all that is left is the message.
    if let Some(order) = tokio::time::timeout(DEADLINE, orders.next()).await? {
        worker::on_message(&order).await;
    }
    worker.flush(DEADLINE)?;

    print!("{}", Timeline::new(&receiver.store().snapshot()));
    Ok(())
}
