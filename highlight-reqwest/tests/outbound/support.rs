//! A client with telemetry of its own, and a server that answers under every name and remembers what it was told.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderMap, Request, Response, StatusCode, header},
};
use highlight::{Client, Config, RequestContext};
use highlight_local::{Receiver, Snapshot, model::Span};
use highlight_reqwest::HighlightClientMiddleware;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::{net::TcpListener, time::timeout};

pub(crate) const HANG: Duration = Duration::from_secs(60);

/// Where the telemetry goes.
pub(crate) struct Telemetry {
    pub(crate) client: Client,
    pub(crate) receiver: Receiver,
}

impl Telemetry {
    pub(crate) fn new() -> Self {
        let receiver = Receiver::start(0).unwrap();
        let config = Config::new("1")
            .endpoint(receiver.endpoint())
            .service_name("test")
            .propagate_to("partner.example")
            .propagate_to("*.partner.example")
            .propagate_to("strict.example:1");
        Self { client: Client::new(config).unwrap(), receiver }
    }

    /// Runs `work` as part of a request.
    pub(crate) async fn in_request<T>(&self, work: impl Future<Output = T>) -> T {
        let request: RequestContext = "session1/request001".parse().unwrap();
        let work = self.client.scope(async { request.scope(work).await });
        timeout(HANG, work).await.expect("the call hangs")
    }

    pub(crate) async fn stored(&self) -> Snapshot {
        self.client.flush_async(HANG).await.unwrap();
        self.receiver.store().snapshot()
    }

    /// The spans, in the order in which they started.
    pub(crate) async fn spans(&self) -> Vec<Arc<Span>> {
        let mut spans: Vec<_> = self.stored().await.spans.into_iter().collect();
        spans.sort_by_key(|span| span.start);
        spans
    }

    pub(crate) async fn span(&self) -> Arc<Span> {
        let spans = self.spans().await;
        assert_eq!(spans.len(), 1, "{spans:#?}");
        Arc::clone(&spans[0])
    }
}

pub(crate) fn middleware() -> HighlightClientMiddleware {
    HighlightClientMiddleware::new(builder()).unwrap()
}

/// Every name is this machine.
pub(crate) fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy().dns_resolver(Arc::new(Loopback))
}

struct Loopback;

impl Resolve for Loopback {
    fn resolve(&self, _: Name) -> Resolving {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Box::pin(async move { Ok(Box::new(std::iter::once(address)) as Addrs) })
    }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Told {
    /// `<x-highlight-request> <whether there was a traceparent>`
    pub(crate) fn ours(&self) -> (Option<&str>, bool) {
        let request = self.headers.get("x-highlight-request").map(|value| value.to_str().unwrap());
        (request, self.headers.contains_key("traceparent"))
    }
}

pub(crate) const TOLD: (Option<&str>, bool) = (Some("session1/request001"), true);
pub(crate) const NOT_TOLD: (Option<&str>, bool) = (None, false);

/// The server.
///
/// - `/<status>?<location>` redirects with that status, anything else with a location with 302, and `/loop` to itself;
/// - `/flaky` answers 503 twice, then 200;
/// - any other `/<status>` is answered with that status, and the rest with 200 and a text.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) port: u16,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = Self { port: listener.local_addr().unwrap().port(), told: Arc::default() };
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    /// The address of `path` under the name `host`.
    pub(crate) fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.port)
    }

    /// What has arrived since this was last asked.
    pub(crate) fn told(&self) -> Vec<Told> {
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

async fn answer(State(server): State<Server>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let host = parts.headers[header::HOST].to_str().unwrap().to_owned();
    let host = host.rsplit_once(':').map_or(&*host, |(host, _)| host);
    let path = parts.uri.path();
    let seen = {
        let mut told = server.told.lock().unwrap();
        let line = format!("{} {host}{path}", parts.method);
        told.push(Told {
            line,
            headers: parts.headers.clone(),
            body: String::from_utf8(body.into()).unwrap(),
        });
        told.len()
    };
    let (status, location) = match (path.trim_start_matches('/'), parts.uri.query()) {
        ("loop", _) => (302, Some("/loop")),
        ("flaky", _) => (if seen < 3 { 503 } else { 200 }, None),
        (status, Some(location)) if location.starts_with("http") => {
            (status.parse().unwrap_or(302), Some(location))
        }
        (status, _) => (status.parse().unwrap_or(200), None),
    };
    let mut response = Response::new(Body::from("answer"));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    if let Some(location) = location {
        response.headers_mut().insert(header::LOCATION, location.parse().unwrap());
    }
    response
}
