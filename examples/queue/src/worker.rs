//! The consumer.

use std::io;

use tracing::{info, instrument};

use crate::job::Queue;

/// Does the jobs, each in the request that it came from.
pub(crate) fn run(queue: &Queue) -> io::Result<()> {
    for job in queue.jobs()? {
        Queue::message().process_span(&job.request).in_span(|_| write_invoice(job.order));
    }
    Ok(())
}

#[instrument]
fn write_invoice(order: u32) {
    info!("invoice written");
}
