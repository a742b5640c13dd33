//! `highlight-tower` around a `service_fn`, served by hyper.

use std::convert::Infallible;

use anyhow::Result;
use bytes::Bytes;
use futures_util::FutureExt;
use highlight_tower::{HighlightLayer, RecordedBody};
use http::{Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Collected, Empty, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{io::AsyncWriteExt, net::TcpListener, sync::oneshot, task::JoinSet};
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_http::{
    catch_panic::CatchPanicLayer,
    timeout::TimeoutLayer,
    trace::{DefaultMakeSpan, TraceLayer},
};
use tracing::Level;

use super::{
    Framework, NO_GRPC, Need, Neighbour, OnError, Service, Setup,
    neighbour::{PATIENCE, logging, within},
};
use crate::handler::{Arrival, BoxFuture, Declined, Failure, Handler};

#[derive(Debug)]
pub(super) struct Tower;

impl Framework for Tower {
    fn name(&self) -> &'static str {
        "tower"
    }

    fn serve(&self, setup: Setup) -> BoxFuture<Result<Service>> {
        let service = stack(setup);
        Box::pin(Service::on_socket(move |listener, stopped| accept(listener, stopped, service)))
    }

    fn lacks(&self, need: Need) -> Option<&'static str> {
        match need {
            Need::Grpc => Some(NO_GRPC),
            Need::ErrorValues => Some("of the error that ends a tower service only the text is known"),
            _ => None,
        }
    }

    fn request_span(&self) -> &'static str {
        "GET"
    }

    fn on_error(&self) -> OnError {
        OnError::ServiceError
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A body that any other can be put into, also the one that records it.
type RequestBody = UnsyncBoxBody<Bytes, hyper::Error>;
type BoxBody = UnsyncBoxBody<Bytes, BoxError>;
type BoxService = BoxCloneSyncService<Request<RequestBody>, Response<BoxBody>, BoxError>;

/// Any service, with any body, as one of the same type.
fn boxed<S, B>(service: S) -> BoxService
where
    S: tower::Service<Request<RequestBody>, Response = Response<B>, Future: Send, Error: Into<BoxError>>,
    S: Clone + Send + Sync + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let response = |response: Response<B>| response.map(|body| body.map_err(Into::into).boxed_unsync());
    BoxCloneSyncService::new(service.map_response(response).map_err(Into::into))
}

/// The handler, our layer and its neighbour.
fn stack(setup: Setup) -> BoxService {
    let layer = HighlightLayer::new()
        .with_options(setup.options())
        .wrap_request_bodies(|body: RecordedBody<RequestBody>| body.boxed_unsync());
    let Setup { client, handler, neighbour, .. } = setup;
    let service = boxed(service_fn(move |request| respond(handler.clone(), request)));
    let service = match neighbour {
        Some(Neighbour::CatchesPanics) => boxed(CatchPanicLayer::new().layer(service)),
        Some(Neighbour::TimesOut) => {
            boxed(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, PATIENCE).layer(service))
        }
        Some(Neighbour::LogsInside) => {
            boxed(service_fn(move |request| logging(None, service.clone().oneshot(request))))
        }
        Some(Neighbour::FailsInside) => boxed(service_fn(move |request| failing(service.clone(), request))),
        Some(Neighbour::TracesInside) => boxed(tracing_layer().layer(service)),
        Some(Neighbour::OursAgain) => boxed(layer.layer(service)),
        _ => service,
    };
    let service = boxed(layer.layer(service));
    match neighbour {
        Some(Neighbour::LogsOutside) => {
            boxed(service_fn(move |request| logging(Some(client.clone()), service.clone().oneshot(request))))
        }
        Some(Neighbour::FailsOutside) => boxed(service_fn(move |request| failing(service.clone(), request))),
        Some(Neighbour::TracesOutside) => boxed(tracing_layer().layer(service)),
        Some(Neighbour::CutsBodies) => boxed(service_fn(move |request| cutting(service.clone(), request))),
        Some(Neighbour::Within(outer)) => {
            boxed(service_fn(move |request| within(client.clone(), outer, service.clone().oneshot(request))))
        }
        _ => service,
    }
}

/// As a service usually has it.
pub(super) fn tracing_layer() -> TraceLayer<
    tower_http::classify::SharedClassifier<tower_http::classify::ServerErrorsAsFailures>,
    DefaultMakeSpan,
> {
    TraceLayer::new_for_http().make_span_with(DefaultMakeSpan::new().level(Level::INFO))
}

async fn failing(service: BoxService, request: Request<RequestBody>) -> Result<Response<BoxBody>, BoxError> {
    service.oneshot(request).await?;
    Err(Declined::new().into())
}

async fn cutting(service: BoxService, request: Request<RequestBody>) -> Result<Response<BoxBody>, BoxError> {
    let mut response = service.oneshot(request).await?;
    let _ = response.body_mut().frame().await;
    Ok(Response::new(Empty::new().map_err(|never: Infallible| match never {}).boxed_unsync()))
}

async fn respond(handler: Handler, request: Request<RequestBody>) -> Result<Response<BoxBody>, BoxError> {
    let path = request.uri().path().to_owned();
    if path == "/live" {
        return Ok(upgrade(handler, Arrival { path, body: Bytes::new() }, request));
    }
    let body = request.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
    let reply = handler(Arrival { path, body }).await?;
    Ok(reply.into_response().map(|body| body.map_err(Into::into).boxed_unsync()))
}

/// The handler goes on, beyond the answer, with the connection.
fn upgrade(handler: Handler, arrival: Arrival, mut request: Request<RequestBody>) -> Response<BoxBody> {
    let upgrade = hyper::upgrade::on(&mut request);
    highlight::spawn(async move {
        let Ok(connection) = upgrade.await else { return };
        let Ok(reply) = handler(arrival).await else { return };
        let Ok(text) = reply.body.collect().await else { return };
        // The client may have gone.
        let _ = TokioIo::new(connection).write_all(&text.to_bytes()).await;
    });
    let mut response = Response::new(Empty::new().map_err(|never: Infallible| match never {}).boxed_unsync());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    for (name, value) in [(header::CONNECTION, "upgrade"), (header::UPGRADE, "websocket")] {
        response.headers_mut().insert(name, http::HeaderValue::from_static(value));
    }
    response
}

/// Errors are services' own here: the connection ends with them.
impl From<Failure> for BoxError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Declined(error) => error.into(),
            Failure::Anyhow(error) => error.into(),
            Failure::Eyre(error) => error.into(),
        }
    }
}

async fn accept(listener: TcpListener, mut stopped: oneshot::Receiver<()>, service: BoxService) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            },
        };
        // Hyper's own body holds no other, so it could not be wrapped.
        let service =
            service.clone().map_request(|request: Request<Incoming>| request.map(BodyExt::boxed_unsync));
        let service = TowerToHyperService::new(service);
        let server = auto::Builder::new(TokioExecutor::new());
        let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
        // A service that fails, or a client that goes away, ends the connection; nobody is to be told.
        connections.spawn(connection.map(drop));
    }
    while connections.join_next().await.is_some() {}
}
