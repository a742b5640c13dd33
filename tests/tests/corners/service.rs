//! A service of axum's that answers one request of a session, and what the server would store of it.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
    routing::MethodRouter,
};
use highlight::{Client, Config};
use highlight_axum::HighlightLayer;
use highlight_local::{Receiver, Snapshot, model::Span};
use tower::ServiceExt;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::prelude::*;

const HANG: Duration = Duration::from_secs(60);

/// A client, the receiver that it reports to, and the subscriber of the test's own thread.
pub(crate) struct Service {
    pub(crate) client: Client,
    receiver: Receiver,
    _subscriber: DefaultGuard,
}

impl Service {
    pub(crate) fn new() -> Self {
        Self::configured(|config| config)
    }

    pub(crate) fn configured(configure: impl FnOnce(Config) -> Config) -> Self {
        let receiver = Receiver::start(0).unwrap();
        let config = Config::new("1").endpoint(receiver.endpoint()).service_name("corners");
        let client = Client::new(configure(config)).unwrap();
        let subscriber = tracing_subscriber::registry().with(highlight::layer());
        Self { client, receiver, _subscriber: tracing::subscriber::set_default(subscriber) }
    }

    /// `handler` at `/`, below our layer.
    pub(crate) fn app(&self, handler: MethodRouter) -> Router {
        Router::new().route("/", handler).layer(HighlightLayer::new().with_client(self.client.clone()))
    }

    /// Lets `handler` answer a request of `session1/request001`, and reads the whole body.
    pub(crate) async fn answer(&self, handler: MethodRouter) -> StatusCode {
        let request = Request::builder()
            .uri("/")
            .header("x-highlight-request", "session1/request001")
            .body(Body::empty())
            .unwrap();
        let response = self.app(handler).oneshot(request).await.unwrap();
        let status = response.status();
        axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        status
    }

    pub(crate) async fn stored(&self) -> Snapshot {
        self.client.flush_async(HANG).await.unwrap();
        self.receiver.store().snapshot()
    }

    /// The only stored span of this name.
    pub(crate) async fn stored_span(&self, name: &str) -> Arc<Span> {
        let mut spans = self.stored().await.spans;
        spans.retain(|span| span.name == name);
        assert_eq!(spans.len(), 1, "{name:?}: {spans:#?}");
        Arc::clone(&spans[0])
    }
}
