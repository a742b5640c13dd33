//! The payments service: called by the storefront, never by a browser.
//!
//! Its middleware finds session and trace in the headers that the storefront forwards, so what happens here is stored with
//! the browser's request, too. It runs on actix-web, which makes no difference to any of that.

use std::{io, net::TcpListener, thread, time::Duration};

use actix_web::{
    App, HttpServer,
    dev::Server,
    web::{self, Json},
};
use highlight::Client;
use highlight_actix::{HandlerError, HighlightMiddleware, RequestContext};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tracing::{info, instrument};

#[derive(Debug, Serialize, Deserialize)]
pub struct Charge {
    pub order: u32,
    pub cents: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Receipt {
    pub order: u32,
    pub authorization: String,
    /// The request's id, for a customer to quote: support finds the session by it.
    pub reference: Option<String>,
}

/// The service, reporting to `telemetry` because the process has another client, too.
pub fn serve(listener: TcpListener, telemetry: Client) -> io::Result<Server> {
    let highlight = HighlightMiddleware::new().with_client(telemetry);
    let server =
        HttpServer::new(move || App::new().wrap(highlight.clone()).route("/charges", web::post().to(charge)));
    // The shop listens for signals itself: the storefront must end first.
    Ok(server.workers(1).shutdown_timeout(1).disable_signals().listen(listener)?.run())
}

async fn charge(Json(charge): Json<Charge>, context: RequestContext) -> Result<Json<Receipt>, HandlerError> {
    let authorization = authorize(&charge).await;
    let order = charge.order;
    // Actix's `web::block`, with the request taken along.
    highlight_actix::block(move || capture(&charge)).await?;
    Ok(Json(Receipt { order, authorization, reference: context.request_id().map(str::to_owned) }))
}

/// A span of `tracing` becomes a span like any other.
#[instrument(name = "authorize card", skip_all, fields(order = charge.order))]
async fn authorize(charge: &Charge) -> String {
    sleep(Duration::from_millis(5)).await;
    info!("card accepted");
    format!("auth-{}", charge.order)
}

/// Writes to the ledger, which blocks.
fn capture(charge: &Charge) {
    highlight::in_span("capture payment", |span| {
        span.set_attribute("payment.cents", charge.cents);
        thread::sleep(Duration::from_millis(5));
        info!(charge.order, charge.cents, "card charged");
    });
}
