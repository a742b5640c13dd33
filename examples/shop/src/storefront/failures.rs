//! What goes wrong: an error with its causes, and a panic. Neither handler does anything to have it reported.

use std::io;

use axum::Json;
use highlight_axum::HandlerError;
use thiserror::Error;

/// `GET /api/fail`: one error object, with this line, its stack and all its causes.
pub async fn fail() -> Result<(), HandlerError> {
    place_order()?;
    Ok(())
}

/// `GET /api/panic`: an error object of severity `fatal`. The catch-panic layer answers 500.
pub async fn panic() -> Json<u32> {
    let prices: Vec<u32> = Vec::new();
    Json(prices[0])
}

/// Messages say what failed and nothing that varies: the server groups errors by them.
#[derive(Debug, Error)]
#[error("the order was not placed")]
struct OrderError(#[from] PaymentError);

#[derive(Debug, Error)]
#[error("the payment did not go through")]
struct PaymentError(#[from] GatewayError);

#[derive(Debug, Error)]
#[error("the card gateway does not answer")]
struct GatewayError(#[source] io::Error);

fn place_order() -> Result<(), OrderError> {
    Ok(pay()?)
}

fn pay() -> Result<(), PaymentError> {
    Ok(ask_gateway()?)
}

fn ask_gateway() -> Result<(), GatewayError> {
    Err(GatewayError(io::ErrorKind::ConnectionReset.into()))
}
