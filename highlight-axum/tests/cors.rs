//! A page of another origin asks before it calls (C§4.1).

use std::{future::IntoFuture, time::Duration};

use axum::{Router, http::HeaderValue, routing::get};
use highlight::{Client, Config, propagation::cors_headers};
use highlight_axum::HighlightLayer;
use highlight_local::Receiver;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower_http::cors::CorsLayer;

/// Whoever waits longer than this has hung.
const HANG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_preflight_allows_the_headers_and_the_call_is_stored() {
    let receiver = Receiver::start(0).unwrap();
    let client = Client::new(Config::new("1").endpoint(receiver.endpoint()).service_name("test")).unwrap();
    let cors = CorsLayer::new()
        .allow_origin(HeaderValue::from_static("https://shop.example"))
        .allow_headers(cors_headers());
    let app = Router::new()
        .route("/orders/{id}", get(|| async { "an order" }))
        .layer(HighlightLayer::new().with_client(client.clone()))
        .layer(cors);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());

    let send = async |request: &str| {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "{request}host: api.example\r\norigin: https://shop.example\r\nconnection: close\r\n\r\n"
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    };

    let answer = send(
        "OPTIONS /orders/7 HTTP/1.1\r\naccess-control-request-method: GET\r\n\
         access-control-request-headers: traceparent,x-highlight-request\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let allowed =
        answer.lines().find_map(|line| line.strip_prefix("access-control-allow-headers: ")).unwrap();
    for name in ["x-highlight-request", "traceparent"] {
        assert!(allowed.split(',').any(|allowed| allowed.trim() == name), "{name} in {allowed}");
    }

    let answer = send("GET /orders/7 HTTP/1.1\r\nx-highlight-request: session1/request001\r\n").await;
    assert!(answer.contains("access-control-allow-origin: https://shop.example"), "{answer}");
    client.flush_async(HANG).await.unwrap();
    let stored = receiver.store().snapshot();
    assert_eq!(stored.spans.len(), 1, "the call's alone: {:#?}", stored.spans);
    assert_eq!(stored.spans[0].origin.session_id, "session1");
}
