//! Bodies, schemes and the layer's options.

use std::{collections::BTreeSet, io};

use axum::{Router, body::Body, http::Request, routing::get};
use futures_util::{StreamExt, stream};
use highlight::http::ServerOptions;
use highlight_axum::HighlightLayer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::ServiceExt;

use crate::service::Service;

struct LogsItsDrop;

impl Drop for LogsItsDrop {
    fn drop(&mut self) {
        tracing::info!("stream dropped");
    }
}

#[tokio::test]
async fn what_a_finished_body_drops_belongs_to_the_request() {
    let service = Service::new();
    let handler = || async {
        let held = LogsItsDrop;
        Body::from_stream(stream::iter(["one", "two"]).map(move |chunk| {
            let _ = &held;
            Ok::<_, io::Error>(chunk)
        }))
    };
    // With a client around it, a line that has left its request is stored too, and found out.
    service.client.scope(service.answer(get(handler))).await;
    let logs = service.stored().await.logs;
    let dropped = logs.iter().find(|log| log.message == "stream dropped").unwrap();
    assert_eq!(dropped.origin.session_id, "session1");
}

/// The answer of a real server, as hyper stops to poll a body whose announced length is reached.
async fn fetch(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut connection = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    connection.write_all(b"GET / HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_stream_of_announced_length_is_not_cancelled() {
    let service = Service::new();
    let handler = || async {
        let body = Body::from_stream(stream::iter([Ok::<_, io::Error>("hello")]));
        ([("content-length", "5")], body)
    };
    let answer = fetch(service.app(get(handler))).await;
    assert!(answer.ends_with("hello"), "{answer}");
    let span = service.stored_span("GET /").await;
    assert_eq!((span.status_code, span.attributes.get("error.type")), ("Unset", None));
}

#[tokio::test]
async fn made_up_schemes_do_not_multiply_the_series() {
    let service = Service::new();
    let app = service.app(get(|| async {}));
    for number in 0..50 {
        let request =
            Request::builder().uri(format!("scheme{number}://shop.example/")).body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap();
    }
    let metrics = service.stored().await.metrics;
    let schemes: BTreeSet<_> =
        metrics.iter().filter_map(|metric| metric.attributes.get("url.scheme")).collect();
    assert_eq!(schemes.len(), 1, "{schemes:?}");
}

#[tokio::test]
async fn options_given_after_the_client_keep_it() {
    let service = Service::new();
    let layer =
        HighlightLayer::new().with_client(service.client.clone()).with_options(ServerOptions::default());
    let app = Router::new().route("/", get(|| async {})).layer(layer);
    app.oneshot(Request::new(Body::empty())).await.unwrap();
    assert_eq!(service.stored().await.spans.len(), 1);
}
