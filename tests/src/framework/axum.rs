//! `highlight-axum` on a router, served by axum.

use anyhow::Result;
use axum::{
    Router,
    body::{self, Body, Bytes},
    extract::{
        Request, State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::any,
};
use highlight::callback_in_current_scope;
use highlight_axum::{HandlerError, HighlightLayer};
use http::{StatusCode, Uri};
use http_body_util::BodyExt;
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer};

use super::{
    Framework, Neighbour, OnError, Service, Setup, line_marked,
    neighbour::{PATIENCE, logging, within},
    tower::tracing_layer,
};
use crate::handler::{Arrival, BoxFuture, Declined, Failure, Handler};

#[derive(Debug)]
pub(super) struct Axum;

impl Framework for Axum {
    fn name(&self) -> &'static str {
        "axum"
    }

    fn serve(&self, setup: Setup) -> BoxFuture<Result<Service>> {
        let router = router(setup);
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

/// The handler, our layer and its neighbour.
fn router(setup: Setup) -> Router {
    let layer = HighlightLayer::new().with_options(setup.options());
    let Setup { client, handler, neighbour, .. } = setup;
    let router =
        Router::new().route("/orders/{id}", any(respond)).route("/live", any(upgrade)).with_state(handler);
    let router = match neighbour {
        Some(Neighbour::CatchesPanics) => router.layer(CatchPanicLayer::new()),
        Some(Neighbour::TimesOut) => {
            router.layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, PATIENCE))
        }
        Some(Neighbour::LogsInside) => router.layer(middleware::from_fn(|request, next: Next| async {
            logging(None, next.run(request)).await
        })),
        Some(Neighbour::FailsInside) => router.layer(middleware::from_fn(failing)),
        Some(Neighbour::TracesInside) => router.layer(tracing_layer()),
        Some(Neighbour::OursAgain) => router.layer(layer.clone()),
        _ => router,
    };
    let router = router.layer(layer);
    match neighbour {
        Some(Neighbour::LogsOutside) => router.layer(middleware::from_fn(move |request, next: Next| {
            let client = client.clone();
            async { logging(Some(client), next.run(request)).await }
        })),
        Some(Neighbour::FailsOutside) => router.layer(middleware::from_fn(failing)),
        Some(Neighbour::TracesOutside) => router.layer(tracing_layer()),
        Some(Neighbour::CutsBodies) => router.layer(middleware::from_fn(cutting)),
        Some(Neighbour::Within(outer)) => router.layer(middleware::from_fn(move |request, next: Next| {
            let client = client.clone();
            async move { within(client, outer, next.run(request)).await }
        })),
        _ => router,
    }
}

async fn failing(request: Request, next: Next) -> Result<Response, HandlerError> {
    next.run(request).await;
    Err(Declined::new())?
}

async fn cutting(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let _ = response.body_mut().frame().await;
    StatusCode::OK.into_response()
}

async fn respond(State(handler): State<Handler>, request: Request) -> Result<Response, HandlerError> {
    let path = request.uri().path().to_owned();
    let body = body::to_bytes(request.into_body(), usize::MAX).await.unwrap_or_default();
    let reply = match handler(Arrival { path, body }).await {
        Ok(reply) => reply,
        Err(Failure::Declined(error)) => Err(error)?, // the question mark
        Err(Failure::Anyhow(error)) => Err(error)?,
        Err(Failure::Eyre(error)) => Err(error)?,
    };
    Ok(reply.into_response().map(Body::new))
}

/// The handler goes on, beyond the answer, with the socket.
async fn upgrade(State(handler): State<Handler>, uri: Uri, upgrade: WebSocketUpgrade) -> Response {
    let arrival = Arrival { path: uri.path().to_owned(), body: Bytes::new() };
    upgrade.on_upgrade(callback_in_current_scope(|mut socket: WebSocket| async move {
        let Ok(reply) = handler(arrival).await else { return };
        let Ok(text) = reply.body.collect().await else { return };
        let text = String::from_utf8_lossy(&text.to_bytes()).into_owned();
        // The client may have gone.
        let _ = socket.send(Message::text(text)).await;
    }))
}
