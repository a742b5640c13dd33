//! Placing an order.

use highlight::{KeyValue, SpanBuilder, User, metrics::Counter};
use thiserror::Error;
use tracing::{debug, info};

const ORDERS: Counter = Counter::new("orders").description("Orders that were placed.");

/// What a customer wants.
#[derive(Debug)]
pub struct Order {
    /// Its number.
    pub id: u32,
    /// Who pays.
    pub customer: String,
    /// What it costs.
    pub cents: u32,
}

/// Why there is no order.
#[derive(Debug, Error)]
pub enum OrderError {
    /// The card's limit.
    #[error("the payment was declined")]
    Declined(#[source] Limit),
}

/// The most that a card pays.
#[derive(Debug, Error)]
#[error("the limit is {0} cents")]
pub struct Limit(u32);

/// Charges the customer, and counts the order.
pub fn place(order: &Order) -> Result<(), OrderError> {
    highlight::set_user(User::new().id(order.customer.clone()));
    let charge = SpanBuilder::new("charge card").attribute("cents", order.cents);
    charge.try_in_span(|_| charge_card(order.cents))?;
    info!(order = order.id, "order placed");
    ORDERS.add(1, [KeyValue::new("large", order.cents > 10_000)]);
    Ok(())
}

fn charge_card(cents: u32) -> Result<(), OrderError> {
    const LIMIT: u32 = 50_000;
    debug!(gateway = "https://cards.example/charge?token=4f2a", "charging");
    if cents > LIMIT { Err(OrderError::Declined(Limit(LIMIT))) } else { Ok(()) }
}
