//! A plain tower service, served by hyper: no framework, no router.
//!
//! ```text
//! cargo run -p highlight-local -- --timeline     # in another terminal: stands in for a Highlight server
//! cargo run -p example-tower
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
//! ├─ GET  200                                                       295 µs  request my-request
//! │  ├─ orders  GET                         ████████████████████    295 µs  200
//! │  │  └─ orders  sum up                            ▌                8 µs
//! │  └─ INFO  orders  order summed up  order.total=107
//! └─ GET  500                                                       519 µs  request my-next-request
//!    ├─ orders  GET                         ████████████████████    519 µs  500  error: the order's record is damaged
//!    └─ ERROR orders  the order's record is damaged  (std::io::error::Error)
//!             example_tower::handle::{{closure}}  /examples/tower/src/main.rs:73
//! ```
//!
//! The spans are named by the method alone, because tower knows no routes. A router of your own can tell its template:
//! see `HighlightLayer::route_from`.

use std::{convert::Infallible, env, error::Error, io, pin::pin};

use highlight::Config;
use highlight_tower::HighlightLayer;
use hyper::{Request, Response, StatusCode, body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown, service::TowerToHyperService};
use tokio::net::TcpListener;
use tower::{ServiceBuilder, service_fn};
use tracing::info;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let _highlight = highlight::init(Config::new("1").service_name("orders"))?;

    let service = ServiceBuilder::new().layer(HighlightLayer::new()).service(service_fn(handle));
    let service = TowerToHyperService::new(service);

    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let listener = TcpListener::bind(address).await?;
    info!("listens on http://{}", listener.local_addr()?);

    let mut stop = pin!(stop_requested()?);
    let connections = GracefulShutdown::new();
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted?,
            () = &mut stop => break,
        };
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
        // A bare `tokio::spawn` is right here: a connection belongs to no request.
        tokio::spawn(connections.watch(connection));
    }
    connections.shutdown().await;
    Ok(())
}

async fn handle(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    let (status, body) = match order(request.uri().path()) {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => {
            // One error object, with this line and all the error's causes.
            highlight::consume_error(&error);
            (StatusCode::INTERNAL_SERVER_ERROR, "something went wrong\n".to_owned())
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    Ok(response)
}

fn order(path: &str) -> io::Result<String> {
    let prices = load(path)?;

    let total = sum_up(&prices);
    info!(order.total = total, "order summed up");
    Ok(format!("{path}: {total}\n"))
}

fn sum_up(prices: &[u32]) -> u32 {
    highlight::in_span("sum up", |span| {
        span.set_attribute("order.items", prices.len());
        prices.iter().sum()
    })
}

/// Stands for a database, which has lost one order.
fn load(path: &str) -> io::Result<Vec<u32>> {
    if path == "/orders/13" {
        Err(io::Error::other("the order's record is damaged"))
    } else {
        Ok(vec![100, 7])
    }
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
