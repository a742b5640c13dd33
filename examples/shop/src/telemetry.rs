//! Starting and stopping the SDK.
//!
//! A service of yours needs one line of this, at the beginning of `main`:
//!
//! ```text
//! let _highlight = highlight::init(highlight::Config::new("1jdkoe52").service_name("storefront"))?;
//! ```
//!
//! The shop has two services in one process, so payments gets a client of its own.

use std::{thread, time::Duration};

use highlight::{Client, Config, Highlight, InitError, Stats};
use highlight_local::Receiver;

use crate::args::Args;

pub struct Telemetry {
    /// Process-wide: what is not payments' is the storefront's.
    storefront: Highlight,
    /// Used by the layer of the payments service.
    payments: Client,
}

impl Telemetry {
    pub fn start(args: &Args, receiver: Option<&Receiver>) -> Result<Self, InitError> {
        let config = |service_name| {
            let config = Config::new(&args.project_id)
                .service_name(service_name)
                .environment("demo")
                // What it says of its start belongs to no request.
                .filter("actix_server=warn");
            match receiver {
                Some(receiver) => config.endpoint(receiver.endpoint()),
                // The SDK reads HIGHLIGHT_OTLP_ENDPOINT itself, as it does all its variables.
                None => config,
            }
        };
        Ok(Self {
            storefront: highlight::init(config("storefront"))?,
            payments: Client::new(config("payments"))?,
        })
    }

    pub fn payments(&self) -> &Client {
        &self.payments
    }

    /// Delivers what is queued and stops; says what became of everything. A server that hangs holds it up for `patience`.
    pub fn stop(self, patience: Duration) -> [(&'static str, Stats); 2] {
        let services = [("storefront", self.storefront.client()), ("payments", &self.payments)];
        // Both at once, since both may have to wait. What they could not deliver they have said, and counted.
        thread::scope(|scope| {
            for (_, client) in services {
                scope.spawn(|| client.shutdown(patience));
            }
        });
        services.map(|(service, client)| (service, client.stats()))
    }
}
