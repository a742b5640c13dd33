//! `highlight-tower` around a `service_fn`, served by hyper.

use std::future::Future;

use anyhow::Result;
use http::{Request, Response};
use http_body::Body;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};
use tower::{Layer, service_fn};
use tower_http::catch_panic::CatchPanicLayer;

use super::{Framework, OnError, Service, Setup};
use crate::handler::{Arrival, BoxFuture, Declined, Handler, ReplyBody};

#[derive(Debug)]
pub(super) struct Tower;

impl Framework for Tower {
    fn name(&self) -> &'static str {
        "tower"
    }

    fn serve(&self, setup: Setup) -> BoxFuture<Result<Service>> {
        let layer = highlight_tower::HighlightLayer::new().with_options(setup.options());
        let Setup { handler, catch_panics, .. } = setup;
        let handle = service_fn(move |request: Request<Incoming>| respond(&handler, &request));
        if catch_panics {
            let service = layer.layer(CatchPanicLayer::new().layer(handle));
            Box::pin(Service::on_socket(move |listener, stopped| accept(listener, stopped, service)))
        } else {
            let service = layer.layer(handle);
            Box::pin(Service::on_socket(move |listener, stopped| accept(listener, stopped, service)))
        }
    }

    fn request_span(&self) -> &'static str {
        "GET"
    }

    fn on_error(&self) -> OnError {
        OnError::ServiceError
    }
}

fn respond(
    handler: &Handler,
    request: &Request<Incoming>,
) -> impl Future<Output = Result<Response<ReplyBody>, Declined>> + Send + use<> {
    let reply = handler(Arrival { path: request.uri().path().to_owned() });
    async move {
        let reply = reply.await?;
        let mut response = Response::new(reply.body);
        *response.status_mut() = http::StatusCode::from_u16(reply.status).unwrap_or_default();
        Ok(response)
    }
}

async fn accept<S, B>(listener: TcpListener, mut stopped: oneshot::Receiver<()>, service: S)
where
    S: tower::Service<Request<Incoming>, Response = Response<B>, Future: Send, Error: Into<BoxError>>,
    S: Clone + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            _ = &mut stopped => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(_) => continue,
            },
        };
        let service = TowerToHyperService::new(service.clone());
        connections.spawn(async move {
            // A service that fails, or a client that goes away, ends the connection; nobody is to be told.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
    while connections.join_next().await.is_some() {}
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
