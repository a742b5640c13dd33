//! `POST /api/checkout`: one request, two services, one trace.

use axum::{Json, extract::State};
use highlight_axum::HandlerError;
use tracing::info;

use super::App;
use crate::payments::{Charge, Receipt};

/// `?` turns any error into a report with this line, and a 500 that tells the client nothing but the request's id.
pub async fn checkout(State(app): State<App>) -> Result<Json<Receipt>, HandlerError> {
    let receipt = app.payments.charge(&Charge { order: 7, cents: 4200 }).await?;
    info!(receipt.order, "order placed");
    Ok(Json(receipt))
}
