//! A service on axum.
//!
//! ```text
//! cargo run -p highlight-local -- --timeline     # in another terminal: stands in for a Highlight server
//! cargo run -p example-axum
//! ```
//!
//! And in a third one, a browser:
//!
//! ```text
//! curl -H 'x-highlight-request: my-session/my-request' http://localhost:3000/orders/7
//! curl -H 'x-highlight-request: my-session/my-next-request' http://localhost:3000/orders/13
//! ```
//!
//! The receiver prints what a Highlight server would store as it comes, and with ctrl-c the timeline:
//!
//! ```text
//! session my-sessi…                         2 requests, 1 error
//! ├─ GET /orders/{id}  200                                          277 µs  request my-request
//! │  ├─ orders  GET /orders/{id}            ████████████████████    277 µs  200
//! │  │  └─ orders  sum up                            ▎                4 µs
//! │  └─ INFO  orders  order summed up  order.id=7  order.total=107
//! └─ GET /orders/{id}  500                                          567 µs  request my-next-request
//!    ├─ orders  GET /orders/{id}            ████████████████████    567 µs  500  error: the order's record is damaged
//!    └─ ERROR orders  the order's record is damaged  (std::io::error::Error)
//!             example_axum::order::{{closure}}  /examples/axum/src/main.rs:52
//! ```

use std::{env, error::Error, io};

use axum::{Router, extract::Path, routing::get};
use highlight::Config;
use highlight_axum::{HandlerError, HighlightLayer};
use tokio::net::TcpListener;
use tracing::info;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _highlight = highlight::init(Config::new("1").service_name("orders"))?;

    let app = Router::new().route("/orders/{id}", get(order)).layer(HighlightLayer::new());

    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    info!("listens on http://{}", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(stop_requested()?).await?;
    Ok(())
}

async fn order(Path(id): Path<u32>) -> Result<String, HandlerError> {
    // `?` reports any error, with this line, and answers 500.
    let prices = load(id)?;

    let total = sum_up(&prices);
    info!(order.id = id, order.total = total, "order summed up");
    Ok(format!("order {id}: {total}\n"))
}

fn sum_up(prices: &[u32]) -> u32 {
    highlight::in_span("sum up", |span| {
        span.set_attribute("order.items", prices.len());
        prices.iter().sum()
    })
}

/// Stands for a database, which has lost one order.
fn load(id: u32) -> io::Result<Vec<u32>> {
    if id == 13 { Err(io::Error::other("the order's record is damaged")) } else { Ok(vec![100, id]) }
}

/// Resolves with SIGTERM, as service managers send it, or ctrl-c. Then `main` returns and the guard delivers what is
/// queued; a process that a signal kills loses its last second.
fn stop_requested() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    })
}
