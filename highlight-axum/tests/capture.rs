//! `highlight::testing` and a served router. By itself, because a capture installs a subscriber.

use std::io;

use axum::{Router, routing::get};
use highlight_axum::{HandlerError, HighlightLayer};

/// `axum::serve` runs requests in tasks of its own, outside of any scope.
#[tokio::test(flavor = "multi_thread")]
async fn a_capture_takes_what_a_served_router_records() {
    let telemetry = highlight::testing::capture();
    let layer = HighlightLayer::new().with_client(telemetry.client().clone());
    let handler = async || Err::<(), HandlerError>(io::Error::other("no order").into());
    let app = Router::new().route("/orders/{id}", get(handler)).layer(layer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/orders/7", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async { stopped.await.unwrap() });
    let server = tokio::spawn(server.into_future());
    let request = reqwest::Client::new().get(url).header("x-highlight-request", "session1/request001");
    assert_eq!(request.send().await.unwrap().status(), 500);
    // The span ends when the server is done with the response.
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    let error = telemetry.errors().one();
    assert_eq!((error.message.as_str(), error.session_id.as_deref()), ("no order", Some("session1")));
    assert!(error.is_in(&telemetry.spans().one()));
}
