//! `highlight-axum` on a router, served by axum.

use anyhow::Result;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
    routing::any,
};
use highlight_axum::{HandlerError, HighlightLayer};
use tower_http::catch_panic::CatchPanicLayer;

use super::{Framework, OnError, Service, Setup, line_marked};
use crate::handler::{Arrival, BoxFuture, Handler};

#[derive(Debug)]
pub(super) struct Axum;

impl Framework for Axum {
    fn name(&self) -> &'static str {
        "axum"
    }

    fn serve(&self, setup: Setup) -> BoxFuture<Result<Service>> {
        let layer = HighlightLayer::new().with_options(setup.options());
        let mut router = Router::new().route("/orders/{id}", any(respond)).with_state(setup.handler);
        if setup.catch_panics {
            router = router.layer(CatchPanicLayer::new());
        }
        let router = router.layer(layer);
        Box::pin(Service::on_socket(|listener, stopped| async {
            let stopped = async { drop(stopped.await) };
            // It fails only where the listener does, and then the clients notice.
            let _ = axum::serve(listener, router).with_graceful_shutdown(stopped).await;
        }))
    }

    fn request_span(&self) -> &'static str {
        "GET /orders/{id}"
    }

    fn on_error(&self) -> OnError {
        let line = line_marked(include_str!("axum.rs"), "// the question mark");
        OnError::QuestionMark { file: "src/framework/axum.rs", line }
    }
}

async fn respond(State(handler): State<Handler>, request: Request) -> Result<Response, HandlerError> {
    let reply = handler(Arrival { path: request.uri().path().to_owned() }).await?; // the question mark
    let mut response = Response::new(Body::new(reply.body));
    *response.status_mut() = http::StatusCode::from_u16(reply.status).unwrap_or_default();
    Ok(response)
}
