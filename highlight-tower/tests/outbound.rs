//! What the server would store of outgoing requests, and what their targets are told.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test's panic is its verdict")]

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Path, routing::any};
use bytes::Bytes;
use highlight::{Client, Config, RequestContext, Span, http::UrlTemplate};
use highlight_local::{Receiver, Snapshot, model, model::Temporality};
use highlight_tower::HighlightClientLayer;
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper_util::{
    client::legacy::{
        self,
        connect::{HttpConnector, dns::Name},
    },
    rt::TokioExecutor,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
    sync::{Mutex, Notify, mpsc},
    time::timeout,
};
use tower::{Layer, Service, ServiceExt, service_fn};

const HANG: Duration = Duration::from_secs(60);

/// A client for our layer, and the receiver that its telemetry goes to.
struct Sender {
    telemetry: Client,
    receiver: Receiver,
}

impl Sender {
    fn new() -> Self {
        let receiver = Receiver::start(0).unwrap();
        let config = Config::new("1")
            .endpoint(receiver.endpoint())
            .service_name("test")
            .propagate_to("partner.example")
            .propagate_to("*.partner.example")
            .propagate_to("strict.example:8443");
        Self { telemetry: Client::new(config).unwrap(), receiver }
    }

    /// Runs `work` as part of a request.
    async fn in_request<T>(&self, work: impl Future<Output = T>) -> T {
        let request: RequestContext = "session1/request001".parse().unwrap();
        let work = self.telemetry.scope(async { request.scope(work).await });
        timeout(HANG, work).await.expect("the call hangs")
    }

    async fn stored(&self) -> Snapshot {
        self.telemetry.flush_async(HANG).await.unwrap();
        self.receiver.store().snapshot()
    }

    async fn stored_span(&self) -> Arc<model::Span> {
        let spans = self.stored().await.spans;
        assert_eq!(spans.len(), 1, "{spans:#?}");
        Arc::clone(&spans[0])
    }
}

/// hyper's client with our layer; every name is resolved to `address`, whose port counts where the URI has none.
fn hyper_client(
    address: SocketAddr,
) -> impl Service<
    Request<Empty<Bytes>>,
    Response = Response<impl http_body::Body<Data = Bytes, Error = hyper::Error>>,
    Error = legacy::Error,
> {
    let resolver = service_fn(move |_: Name| async move { Ok::<_, io::Error>(std::iter::once(address)) });
    let connector = HttpConnector::new_with_resolver(resolver);
    let client = legacy::Client::builder(TokioExecutor::new()).build(connector);
    HighlightClientLayer::new().layer(client)
}

fn get(uri: &str) -> Request<Empty<Bytes>> {
    Request::get(uri).body(Empty::new()).unwrap()
}

async fn send(address: SocketAddr, request: Request<Empty<Bytes>>) -> (StatusCode, String) {
    let response = hyper_client(address).oneshot(request).await.unwrap();
    let status = response.status();
    (status, text(response).await)
}

async fn text(response: Response<impl http_body::Body<Data = Bytes, Error: std::fmt::Debug>>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Answers with what it was told: `<x-highlight-request> <traceparent>`, `-` for what is missing.
fn echo() -> Router {
    let told = async |headers: HeaderMap| {
        let get = |name| headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
        format!("{} {}", get("x-highlight-request"), get("traceparent"))
    };
    let status = async |Path(status): Path<u16>| StatusCode::from_u16(status).unwrap();
    Router::new().route("/status/{status}", any(status)).fallback(told)
}

/// A server that answers each connection with `bytes` and hangs up.
async fn serve_bytes(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = connection.read(&mut [0; 4096]).await;
            let _ = connection.write_all(bytes).await;
        }
    });
    address
}

/// A server whose body has one part for each message.
async fn serve_parts() -> (SocketAddr, mpsc::UnboundedSender<&'static str>) {
    let (parts, to_send) = mpsc::unbounded_channel();
    let to_send = Arc::new(Mutex::new(to_send));
    let stream = async move || {
        let parts = futures_util::stream::unfold(to_send, async |to_send| {
            let part = to_send.lock().await.recv().await?;
            Some((Ok::<_, io::Error>(http_body::Frame::data(Bytes::from(part))), to_send))
        });
        Body::new(StreamBody::new(Box::pin(parts)))
    };
    (serve(Router::new().fallback(stream)).await, parts)
}

#[tokio::test]
async fn a_call_is_a_client_span_below_the_callers_and_takes_the_session_along() {
    let sender = Sender::new();
    let address = serve(echo()).await;
    let port = address.port().to_string();
    let mut request = get(&format!("http://user:hunter2@localhost:{port}/charges/7?page=2&token=secret"));
    request.extensions_mut().insert(UrlTemplate::new("/charges/{id}"));
    let call = highlight::start_active_span("check out", async |_| send(address, request).await);
    let (_, told) = sender.in_request(call).await;

    let stored = sender.stored().await;
    let find = |kind| stored.spans.iter().find(|span| span.kind == kind).unwrap();
    let (outer, call) = (find("Internal"), find("Client"));
    assert_eq!(call.name, "GET /charges/{id}");
    assert_eq!(call.parent_span_id, outer.span_id);
    assert_eq!(call.origin.session_id, "session1");
    assert_eq!(call.trace_id, "request001");
    assert_eq!(call.status_code, "Unset");
    let full = format!("http://[REDACTED]@localhost:{port}/charges/7?page=2&token=[REDACTED]");
    for (key, value) in [
        ("http.request.method", Some("GET")),
        ("http.response.status_code", Some("200")),
        ("network.protocol.version", Some("1.1")),
        ("server.address", Some("localhost")),
        ("server.port", Some(&*port)),
        ("url.full", Some(&*full)),
        ("url.template", Some("/charges/{id}")),
        ("http.request.resend_count", None),
        ("error.type", None),
    ] {
        assert_eq!(call.attributes.get(key).map(String::as_str), value, "{key}");
    }
    assert_eq!(told, format!("session1/request001 00-{}-{}-01", call.otel_trace_id, call.span_id));
}

#[tokio::test]
async fn only_allowed_hosts_are_told() {
    let sender = Sender::new();
    let address = serve(echo()).await;
    for (uri, allowed) in [
        ("http://localhost/", true),
        ("http://LOCALHOST/", true),
        ("http://localhost./", true),
        ("http://127.0.0.1:{port}/", true),
        ("http://user:secret@localhost/", true),
        ("http://checkout/", true),
        ("http://checkout.shop.svc/", true),
        ("http://printer.local./", true),
        ("http://partner.example/", true),
        ("http://PARTNER.example./", true),
        ("http://api.partner.example/", true),
        // Look-alikes.
        ("http://evil-partner.example/", false),
        ("http://partner.example.evil.example/", false),
        ("http://localhost.evil.example/", false),
        ("http://127.0.0.1.evil.example/", false),
        ("http://xn--lcalhost-tqf.example/", false),
        // What stands before the `@` is no host.
        ("http://localhost@evil.example/", false),
        ("http://localhost:80@evil.example/", false),
        // Another port than the one that was named.
        ("http://strict.example/", false),
        ("http://strict.example:{port}/", false),
        // An address in disguise, a metadata service, a top-level domain.
        ("http://2130706433/", false),
        ("http://metadata.google.internal/", false),
        ("http://example./", false),
        ("http://evil.example?localhost", false),
    ] {
        let uri = uri.replace("{port}", &address.port().to_string());
        let (_, told) = sender.in_request(send(address, get(&uri))).await;
        assert_eq!(told.starts_with("session1/request001 00-"), allowed, "{uri}: {told}");
        assert_eq!(told == "- -", !allowed, "{uri}: {told}");
    }
}

#[tokio::test]
async fn ipv6_loopback_is_told() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else {
        eprintln!("skipped: this machine has no IPv6");
        return;
    };
    let sender = Sender::new();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, echo()).await });
    let (_, told) = sender.in_request(send(address, get(&format!("http://{address}/")))).await;
    assert!(told.starts_with("session1/request001 00-"), "{told}");
    assert_eq!(sender.stored_span().await.attributes["server.address"], "::1");
}

#[tokio::test]
async fn the_callers_own_headers_win() {
    let sender = Sender::new();
    let address = serve(echo()).await;
    let mut request = get("http://localhost/");
    request.headers_mut().insert("x-highlight-request", "mine/alone".parse().unwrap());
    let (_, told) = sender.in_request(send(address, request)).await;
    assert!(told.starts_with("mine/alone 00-"), "{told}");
}

#[tokio::test]
async fn from_400_up_the_span_has_failed_and_is_no_error_object() {
    for (status, failed) in [(200, false), (302, false), (404, true), (503, true)] {
        let sender = Sender::new();
        let address = serve(echo()).await;
        let uri = format!("http://localhost/status/{status}");
        let (answered, _) = sender.in_request(send(address, get(&uri))).await;
        assert_eq!(answered, status);
        let stored = sender.stored().await;
        let span = &stored.spans[0];
        assert_eq!(span.status_code, if failed { "Error" } else { "Unset" }, "{status}");
        let expected = failed.then(|| status.to_string());
        assert_eq!(span.attributes.get("error.type"), expected.as_ref(), "{status}");
        assert!(stored.errors.is_empty() && stored.logs.is_empty());
    }
}

#[tokio::test]
async fn without_an_answer_the_span_has_failed_and_is_no_error_object() {
    let sender = Sender::new();
    // Taken, but nobody listens there.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    let result = sender.in_request(hyper_client(address).oneshot(get("http://localhost/"))).await;
    assert!(result.is_err());
    let stored = sender.stored().await;
    assert_eq!(stored.spans[0].status_code, "Error");
    assert_eq!(stored.spans[0].status_message, "client error (Connect)");
    assert_eq!(stored.spans[0].attributes["error.type"], "hyper_util::client::legacy::client::Error");
    assert!(!stored.spans[0].attributes.contains_key("http.response.status_code"));
    assert!(stored.errors.is_empty() && stored.logs.is_empty());
}

#[tokio::test]
async fn a_call_that_is_dropped_before_the_answer_is_cancelled() {
    let sender = Sender::new();
    let arrived = Arc::new(Notify::new());
    let has_arrived = Arc::clone(&arrived);
    let never = async move || {
        has_arrived.notify_one();
        std::future::pending::<()>().await;
    };
    let address = serve(Router::new().fallback(never)).await;
    let call = async {
        tokio::select! {
            _ = hyper_client(address).oneshot(get("http://localhost/")) => panic!("it never answers"),
            () = arrived.notified() => {}
        }
    };
    sender.in_request(call).await;
    let span = sender.stored_span().await;
    assert_eq!(span.status_code, "Error");
    assert_eq!(span.attributes["error.type"], "cancelled");
}

#[tokio::test]
async fn the_span_ends_with_the_body() {
    let sender = Sender::new();
    let (address, parts) = serve_parts().await;
    let call = async {
        let response = hyper_client(address).oneshot(get("http://localhost/")).await.unwrap();
        let mut body = response.into_body();
        parts.send("first").unwrap();
        body.frame().await.unwrap().unwrap();
        assert!(sender.stored().await.spans.is_empty(), "the body has not ended");
        parts.send("last").unwrap();
        drop(parts);
        body.collect().await.unwrap();
    };
    sender.in_request(call).await;
    assert_eq!(sender.stored_span().await.status_code, "Unset");
}

#[tokio::test]
async fn a_body_that_is_dropped_half_way_is_no_failure() {
    let sender = Sender::new();
    let (address, parts) = serve_parts().await;
    let call = async {
        let response = hyper_client(address).oneshot(get("http://localhost/")).await.unwrap();
        parts.send("first").unwrap();
        response.into_body().frame().await.unwrap().unwrap();
    };
    sender.in_request(call).await;
    let span = sender.stored_span().await;
    assert_eq!(span.status_code, "Unset");
    assert_eq!(span.attributes["http.response.status_code"], "200");
}

#[tokio::test]
async fn a_body_that_breaks_off_fails_the_span() {
    let sender = Sender::new();
    let address = serve_bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this").await;
    let call = async {
        let response = hyper_client(address).oneshot(get("http://localhost/")).await.unwrap();
        assert!(response.into_body().collect().await.is_err());
    };
    sender.in_request(call).await;
    let span = sender.stored_span().await;
    assert_eq!(span.status_code, "Error");
    assert_eq!(span.attributes["error.type"], "hyper::error::Error");
    assert_eq!(span.attributes["http.response.status_code"], "200");
}

#[tokio::test]
async fn the_duration_is_measured() {
    let sender = Sender::new();
    let address = serve(echo()).await;
    sender.in_request(send(address, get("http://payments/status/404"))).await;
    let metrics = sender.stored().await.metrics;
    let duration = metrics.iter().find(|metric| metric.name == "http.client.request.duration").unwrap();
    assert_eq!(duration.unit, "s");
    assert_eq!(duration.sent_temporality, Some(Temporality::Delta));
    assert!(duration.origin.session_id.is_empty(), "a session would multiply the series");
    for (key, value) in [
        ("http.request.method", Some("GET")),
        ("http.response.status_code", Some("404")),
        ("error.type", Some("404")),
        ("server.address", Some("payments")),
        ("server.port", Some("80")),
        ("network.protocol.version", Some("1.1")),
        ("url.full", None),
    ] {
        assert_eq!(duration.attributes.get(key).map(String::as_str), value, "{key}");
    }
}

#[tokio::test]
async fn without_a_client_nothing_is_told() {
    let address = serve(echo()).await;
    let request: RequestContext = "session1/request001".parse().unwrap();
    let (_, told) = request.scope(send(address, get("http://localhost/"))).await;
    assert_eq!(told, "- -");
}

#[tokio::test]
async fn outside_any_request_the_trace_goes_along() {
    let sender = Sender::new();
    let inner = service_fn(async |request: Request<()>| {
        // Inside of the client span, and with its client.
        highlight::log(highlight::Level::Info, "sending", []);
        assert!(!request.headers().contains_key("x-highlight-request"));
        let told = request.headers()["traceparent"].to_str().unwrap().to_owned();
        Ok::<_, io::Error>(Response::new(told))
    });
    let service = HighlightClientLayer::new().with_client(sender.telemetry.clone()).layer(inner);
    let request = Request::get("http://payments/").body(()).unwrap();
    let told = text(service.oneshot(request).await.unwrap()).await;
    let stored = sender.stored().await;
    let span = &stored.spans[0];
    assert_eq!(told, format!("00-{}-{}-01", span.otel_trace_id, span.span_id));
    assert_eq!(stored.logs[0].message, "sending");
    assert_eq!(stored.logs[0].span_id, span.span_id);
}

#[tokio::test]
async fn a_target_stands_in_for_the_host_that_a_request_does_not_name() {
    for (target, told) in
        [(None, false), (Some("http://payments:50051"), true), (Some("http://evil.example"), false)]
    {
        let sender = Sender::new();
        let mut layer = HighlightClientLayer::new();
        if let Some(target) = target {
            layer = layer.with_target(Uri::from_static(target));
        }
        let channel = layer.layer(service_fn(async |request: Request<()>| {
            assert!(Span::current().is_recording());
            assert_eq!(request.uri(), "/pay.Payments/Charge", "the request itself stays as it is");
            let told = request.headers().contains_key("x-highlight-request");
            Ok::<_, io::Error>(Response::new(told.to_string()))
        }));
        let request = Request::post("/pay.Payments/Charge").body(()).unwrap();
        let response = sender.in_request(channel.oneshot(request)).await.unwrap();
        assert_eq!(text(response).await, told.to_string(), "{target:?}");
        let address = target.map(|target| format!("{target}/pay.Payments/Charge"));
        assert_eq!(sender.stored_span().await.attributes.get("url.full"), address.as_ref());
    }
}
