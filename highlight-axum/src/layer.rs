//! The layer: tower's, with the matched route.

use std::net::SocketAddr;

use axum::{
    body::Body,
    extract::{ConnectInfo, MatchedPath},
};
use highlight::Client;
use highlight_tower::{RecordedBody, ServerOptions};
use http::Extensions;
use tower_layer::Layer;

use crate::service::{Bodies, HighlightService};

/// Makes a server span of each request, and its ids part of everything that it causes.
///
/// ```
/// use axum::{Router, routing::get};
/// use highlight_axum::{HighlightLayer, ServerOptions};
///
/// let options = ServerOptions::default().exclude(|request| request.path == "/health").log_failures(true);
/// let app = Router::new()
///     .route("/orders/{id}", get(|| async { "an order" }))
///     .layer(HighlightLayer::new().with_options(options));
/// # let _: Router = app;
/// ```
///
/// The client's address ([`ServerOptions::client_address`]) is known if the router is served with
/// `into_make_service_with_connect_info::<SocketAddr>()`.
#[derive(Debug, Clone)]
#[must_use = "a layer does nothing until it is put on a router"]
pub struct HighlightLayer(highlight_tower::HighlightLayer<Bodies>);

impl HighlightLayer {
    /// A layer with the default options, for the process-wide client.
    pub fn new() -> Self {
        let wrap: fn(RecordedBody<Body>) -> Body = Body::new;
        Self(
            highlight_tower::HighlightLayer::new()
                .route_from(matched_path)
                .peer_from(peer)
                .wrap_request_bodies(wrap),
        )
    }

    /// Reports to `client` in place of the process-wide one.
    pub fn with_client(self, client: Client) -> Self {
        Self(self.0.with_client(client))
    }

    /// Replaces all options; the client stays if they name none.
    pub fn with_options(self, options: ServerOptions) -> Self {
        Self(self.0.with_options(options))
    }
}

impl Default for HighlightLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for HighlightLayer {
    type Service = HighlightService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HighlightService(self.0.layer(inner))
    }
}

fn matched_path(extensions: &Extensions) -> Option<&str> {
    extensions.get::<MatchedPath>().map(MatchedPath::as_str)
}

fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0)
}
