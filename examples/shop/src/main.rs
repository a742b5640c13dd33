//! A shop of two services, with everything that browsers do to it tied to their sessions.
//!
//! ```text
//! cargo run -p shop
//! ```
//!
//! It starts a storefront (axum), a payments service behind it (actix-web), and a local receiver in place of a Highlight server; then it
//! plays a few browsers, prints what each of their sessions has caused, and goes on serving.
//!
//! Where to look for what:
//!
//! | file | shows |
//! |---|---|
//! | `telemetry.rs` | starting and stopping the SDK |
//! | `storefront/mod.rs` | the layer, beside a catch-panic layer and CORS |
//! | `storefront/checkout.rs` | a handler that calls another service |
//! | `storefront/payments_client.rs` | taking session and trace along on an outgoing call |
//! | `storefront/failures.rs` | an error chain, a panic |
//! | `storefront/background.rs` | a streamed body, a spawned job, blocking work |
//! | `storefront/cors.rs` | the headers that CORS must allow |
//! | `payments.rs` | the service behind, on actix-web: its spans, under the browser's trace; blocking work |
//! | `viewer.rs`, `storefront/page.html` | with `--viewer`: a page with buttons, and what they cause |
//! | `shop.rs`, `signal.rs` | an orderly end on SIGTERM |
//! | `browser/`, `check/` | what browsers send, and what must come of it |

#![expect(unreachable_pub, reason = "written to be copied, also into libraries")]

mod args;
mod browser;
mod check;
mod payments;
mod shop;
mod signal;
mod storefront;
mod telemetry;
mod timeline;
mod viewer;

use std::{
    env,
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use clap::Parser;
use highlight::Client;
use highlight_local::{Receiver, StartError};
use tokio::runtime::Runtime;

use crate::{args::Args, browser::Visit, shop::Shop, telemetry::Telemetry, viewer::Pages};

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let receiver = receiver()?;
    let pages = args.viewer.map(|port| pages(receiver.as_ref(), port)).transpose()?;
    let telemetry = Telemetry::start(&args, receiver.as_ref())?;

    let runtime = Runtime::new()?;
    let visits = runtime.block_on(run(&args, telemetry.payments(), receiver.as_ref(), pages.as_ref()))?;
    // Telemetry ends last: a request that is cut off here is still recorded.
    runtime.shutdown_timeout(Duration::from_millis(500));
    // A service must end soon. What is to be checked must arrive, also on a machine that is busy.
    let patience = Duration::from_secs(if args.once { 30 } else { 2 });
    let books = telemetry.stop(patience);

    if !args.once {
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(receiver) = &receiver {
        timeline::print(receiver)?;
    }
    Ok(check::verdict(&visits, receiver.as_ref(), &books)?)
}

/// The stand-in for a server, unless there is one.
fn receiver() -> Result<Option<Receiver>, StartError> {
    let has_server = env::var_os("HIGHLIGHT_OTLP_ENDPOINT").is_some_and(|endpoint| !endpoint.is_empty());
    (!has_server).then(|| Receiver::start(0)).transpose()
}

fn pages(receiver: Option<&Receiver>, port: u16) -> anyhow::Result<Pages> {
    let receiver = receiver.context(
        "--viewer shows what arrives here, but HIGHLIGHT_OTLP_ENDPOINT sends it elsewhere: look there, or unset it",
    )?;
    let pages = Pages::of(receiver, port)?;
    writeln!(io::stdout(), "see it at http://{}/", pages.address())?;
    Ok(pages)
}

async fn run(
    args: &Args,
    payments: &Client,
    receiver: Option<&Receiver>,
    pages: Option<&Pages>,
) -> anyhow::Result<Vec<Visit>> {
    let end = (!args.once).then(signal::stop_requested).transpose()?;
    let shop = Shop::open(args.port(), payments.clone(), pages.map(Pages::address)).await?;
    let visits = if args.serve { Vec::new() } else { browser::visit(shop.address()).await? };
    if let Some(end) = end {
        tokio::select! {
            () = end => {}
            shown = timeline::show(&visits, receiver) => shown?,
        }
    }
    shop.close().await;
    Ok(visits)
}
