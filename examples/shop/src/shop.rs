//! Both services, from the first connection to the last.

use std::{
    future::IntoFuture,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use actix_web::dev::ServerHandle;
use anyhow::Context;
use highlight::Client;
use tokio::{net::TcpListener, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    payments,
    storefront::{self, App, PaymentsClient},
};

/// How long requests and jobs under way may take to end.
const GRACE: Duration = Duration::from_secs(1);

pub struct Shop {
    address: SocketAddr,
    stop: CancellationToken,
    /// The storefront's server, and the jobs that its requests leave behind.
    tasks: TaskTracker,
    payments: ServerHandle,
}

impl Shop {
    pub async fn open(
        port: u16,
        payments_telemetry: Client,
        viewer: Option<SocketAddr>,
    ) -> anyhow::Result<Self> {
        let listener = listen(0).await?.into_std()?;
        let client = PaymentsClient::new(listener.local_addr()?)?;
        let payments = payments::serve(listener, payments_telemetry)?;

        let storefront = listen(port).await?;
        let shop = Self {
            address: storefront.local_addr()?,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            payments: payments.handle(),
        };
        tokio::spawn(payments);

        let app = App { payments: client, viewer, tasks: shop.tasks.clone() };
        let server = axum::serve(storefront, storefront::router(app))
            .with_graceful_shutdown(shop.stop.clone().cancelled_owned());
        shop.tasks.spawn(server.into_future());

        info!("the storefront listens on http://{}", shop.address);
        Ok(shop)
    }

    /// Where the storefront listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests, and lets those under way end, and their jobs.
    pub async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        if timeout(GRACE, self.tasks.wait()).await.is_err() {
            warn!("some requests or jobs did not end in {GRACE:?} and are cut off");
        }
        // Last: it serves as long as the storefront may call it.
        self.payments.stop(true).await;
    }
}

async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let cannot = || format!("cannot listen on {address}; set PORT to a free port");
    TcpListener::bind(address).await.with_context(cannot)
}
