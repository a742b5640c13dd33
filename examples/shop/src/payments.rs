//! The payments service: called by the storefront, never by a browser.
//!
//! Its layer finds session and trace in the headers that the storefront forwards, so what happens here is stored with the
//! browser's request, too.

use std::time::Duration;

use axum::{Json, Router, routing::post};
use highlight::{Client, start_active_span};
use highlight_axum::HighlightLayer;
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
}

/// The service, reporting to `telemetry` because the process has another client, too.
pub fn router(telemetry: Client) -> Router {
    Router::new().route("/charges", post(charge)).layer(HighlightLayer::new().with_client(telemetry))
}

async fn charge(Json(charge): Json<Charge>) -> Json<Receipt> {
    let authorization = authorize(&charge).await;
    start_active_span("capture payment", async |span| {
        span.set_attribute("payment.cents", charge.cents);
        sleep(Duration::from_millis(5)).await;
        info!(charge.order, charge.cents, "card charged");
    })
    .await;
    Json(Receipt { order: charge.order, authorization })
}

/// A span of `tracing` becomes a span like any other.
#[instrument(name = "authorize card", skip_all, fields(order = charge.order))]
async fn authorize(charge: &Charge) -> String {
    sleep(Duration::from_millis(5)).await;
    info!("card accepted");
    format!("auth-{}", charge.order)
}
