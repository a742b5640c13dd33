//! What the server would store of requests to an axum router.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

use std::{io, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
    response::Response,
    routing::{get, post},
};
use highlight::{Client, Config, http::ServerOptions};
use highlight_axum::{HandlerError, HighlightLayer, RequestContext};
use highlight_local::{
    Receiver, Snapshot,
    model::{Span, Temporality},
};
use tower::ServiceExt;

const HANG: Duration = Duration::from_secs(60);

/// A router with our layer, and the receiver that its telemetry goes to.
struct Service {
    app: Router,
    client: Client,
    receiver: Receiver,
}

impl Service {
    fn new(app: Router) -> Self {
        Self::with_options(app, ServerOptions::default())
    }

    fn with_options(app: Router, options: ServerOptions) -> Self {
        let receiver = Receiver::start(0).unwrap();
        let client =
            Client::new(Config::new("1").endpoint(receiver.endpoint()).service_name("test")).unwrap();
        let layer = HighlightLayer::new().with_options(options).with_client(client.clone());
        Self { app: app.layer(layer), client, receiver }
    }

    /// Sends a request with a session and reads the whole response.
    async fn send(&self, method: &str, path: &str) -> (StatusCode, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("x-highlight-request", "session1/request001")
            .header("host", "shop.example:8080")
            .body(Body::empty())
            .unwrap();
        let response: Response = self.app.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn stored(self) -> Snapshot {
        self.client.flush_async(HANG).await.unwrap();
        self.receiver.store().snapshot()
    }

    async fn stored_span(self) -> Arc<Span> {
        let spans = self.stored().await.spans;
        assert_eq!(spans.len(), 1, "{spans:#?}");
        Arc::clone(&spans[0])
    }
}

fn router() -> Router {
    let orders = Router::new().route("/{id}", get(|| async { "order" }));
    Router::new()
        .route("/", get(|| async { "home" }))
        .route("/only-get", get(|| async { "got" }))
        .nest("/orders", orders)
        .merge(Router::new().route("/merged/{name}", post(|| async { StatusCode::CREATED })))
        .fallback(|| async { (StatusCode::NOT_FOUND, "nothing here") })
}

#[tokio::test]
async fn spans_are_named_by_method_and_matched_route() {
    let table = [
        ("GET", "/", "GET /", Some("/"), 200),
        ("GET", "/orders/7?page=2", "GET /orders/{id}", Some("/orders/{id}"), 200),
        ("POST", "/merged/a", "POST /merged/{name}", Some("/merged/{name}"), 201),
        ("POST", "/only-get", "POST /only-get", Some("/only-get"), 405),
        ("GET", "/no/such/path", "GET", None, 404),
        ("GET", "/orders", "GET", None, 404),
    ];
    for (method, path, name, route, status) in table {
        let service = Service::new(router());
        let (answered, _) = service.send(method, path).await;
        assert_eq!(answered, status, "{method} {path}");
        let span = service.stored_span().await;
        assert_eq!(span.name, name, "{method} {path}");
        assert_eq!(span.kind, "Server");
        assert_eq!(span.attributes.get("http.route").map(String::as_str), route, "{method} {path}");
        assert_eq!(span.attributes["http.response.status_code"], status.to_string());
        assert_eq!(span.status_code, "Unset", "a 4xx is no failure of the server");
    }
}

#[tokio::test]
async fn attributes_follow_the_semantic_conventions() {
    let service = Service::new(router());
    service.send("GET", "/orders/7?page=2&token=secret").await;
    let span = service.stored_span().await;
    assert_eq!(span.origin.session_id, "session1");
    assert_eq!(span.trace_id, "request001");
    assert_eq!(span.parent_span_id, "", "a synthetic parent is not sent");
    for (key, value) in [
        ("http.request.method", "GET"),
        ("url.path", "/orders/7"),
        ("url.query", "page=2&token=[REDACTED]"),
        ("url.scheme", "http"),
        ("server.address", "shop.example"),
        ("server.port", "8080"),
        ("network.protocol.version", "1.1"),
    ] {
        assert_eq!(span.attributes.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert!(!span.attributes.contains_key("client.address"));
}

#[tokio::test]
async fn question_mark_reports_once_with_its_line_and_answers_a_bare_500() {
    async fn handler() -> Result<String, HandlerError> {
        let secret = Err::<String, _>(io::Error::other("password=hunter2 was wrong"));
        Ok(secret?)
    }
    let line = line!() - 2;
    let service = Service::new(Router::new().route("/fail", get(handler)));
    let (status, body) = service.send("GET", "/fail").await;
    assert_eq!(status, 500);
    assert_eq!(body, r#"{"error": "Internal Server Error", "requestId": "request001"}"#);

    let stored = service.stored().await;
    assert_eq!(stored.errors.len(), 1, "{:#?}", stored.errors);
    let error = &stored.errors[0];
    assert_eq!(error.sent_type, "std::io::error::Error");
    assert_eq!(error.origin.session_id, "session1");
    assert_eq!(error.trace_id, "request001");
    assert_eq!(error.payload["code.line.number"], line.to_string());
    assert_eq!(error.frames[0].line, Some(line), "{:#?}", error.frames);
    assert!(error.frames.iter().all(|frame| frame.column.is_none() && frame.file.is_some()));
    assert_eq!(stored.spans[0].status_code, "Error");
    assert_eq!(stored.spans[0].attributes["error.type"], "500");
}

#[tokio::test]
async fn texts_and_boxed_errors_convert_too() {
    async fn text() -> Result<(), HandlerError> {
        Err("just a text")?
    }
    async fn boxed() -> Result<(), HandlerError> {
        Err(Box::<dyn std::error::Error + Send + Sync>::from("in a box"))?
    }
    let service = Service::new(Router::new().route("/text", get(text)).route("/boxed", get(boxed)));
    service.send("GET", "/text").await;
    service.send("GET", "/boxed").await;
    let stored = service.stored().await;
    let mut events: Vec<_> = stored.errors.iter().map(|error| error.event.as_str()).collect();
    events.sort_unstable();
    assert_eq!(events, ["in a box", "just a text"]);
    assert!(stored.errors.iter().all(|error| error.sent_type.is_empty()), "{:#?}", stored.errors);
}

#[tokio::test]
async fn the_extractor_tells_the_ids() {
    let handler = |context: RequestContext| async move { context.to_string() };
    let service = Service::new(Router::new().route("/", get(handler)));
    let (_, body) = service.send("GET", "/").await;
    assert_eq!(body, "session1/request001");
}

#[tokio::test]
async fn excluded_requests_and_preflights_make_no_span_but_their_logs_stay_correlated() {
    let handler = || async {
        highlight::in_span("look after oneself", |_| highlight::log(highlight::Level::Info, "probed", []));
        "ok"
    };
    let app = Router::new().route("/health", get(handler));
    let options = ServerOptions::default().exclude(|request| request.path == "/health");
    let service = Service::with_options(app, options);
    service.send("GET", "/health").await;
    let stored = service.stored().await;
    assert!(stored.spans.is_empty());
    assert_eq!(stored.logs[0].origin.session_id, "session1");
    assert_eq!(stored.logs[0].trace_id, "request001");

    let service = Service::new(router());
    let preflight = Request::builder()
        .method("OPTIONS")
        .uri("/orders/7")
        .header("access-control-request-method", "GET")
        .body(Body::empty())
        .unwrap();
    service.app.clone().oneshot(preflight).await.unwrap();
    assert!(service.stored().await.spans.is_empty());
}

#[tokio::test]
async fn failures_are_logged_only_if_asked_for() {
    for (asked, expected) in [(false, 0), (true, 1)] {
        let service = Service::with_options(router(), ServerOptions::default().log_failures(asked));
        service.send("GET", "/no/such/path").await;
        service.send("GET", "/").await;
        let logs = service.stored().await.logs;
        assert_eq!(logs.len(), expected);
        if let Some(log) = logs.first() {
            assert_eq!(log.message, "GET /no/such/path answered 404");
            assert_eq!(log.origin.session_id, "session1");
        }
    }
}

#[tokio::test]
async fn the_duration_is_measured() {
    let service = Service::new(router());
    service.send("GET", "/orders/7").await;
    let metrics = service.stored().await.metrics;
    let duration = metrics.iter().find(|metric| metric.name == "http.server.request.duration").unwrap();
    assert_eq!(duration.unit, "s");
    assert_eq!(duration.attributes["http.route"], "/orders/{id}");
    assert_eq!(duration.attributes["http.response.status_code"], "200");
    assert_eq!(duration.sent_temporality, Some(Temporality::Delta));
    assert!(duration.origin.session_id.is_empty(), "a session would multiply the series");
}
