//! A worker behind a queue, in the request that asked for the work.
//!
//! ```text
//! cargo run -p queue
//! ```
//!
//! The queue is a file, as it could be a table or any broker without headers. The services are two processes:
//!
//! | file | shows |
//! |---|---|
//! | `job.rs` | a message with the request's context beside its content |
//! | `shop.rs` | the producer: puts a job into the queue, and ends |
//! | `worker.rs` | the consumer: does the job, in the shop's request |
//! | `demo.rs` | both, one after the other, and what a Highlight server would have of them |
//!
//! For brokers with headers see `examples/nats` and `examples/kafka`.

mod demo;
mod job;
mod shop;
mod worker;

use std::env;

use highlight::Config;

use crate::job::Queue;

fn main() -> anyhow::Result<()> {
    let args: Vec<_> = env::args().skip(1).collect();
    let [service, queue] = args.as_slice() else { return demo::run() };

    let _highlight = highlight::init(Config::new("1").service_name(service.clone()))?;
    let queue = Queue::at(queue);
    match service.as_str() {
        "shop" => shop::run(&queue)?,
        "worker" => worker::run(&queue)?,
        unknown => anyhow::bail!("there is a `shop` and a `worker`, no {unknown:?}"),
    }
    Ok(())
}
