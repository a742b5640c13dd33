//! `highlight-tower` around a tonic server, whose service is what tonic-build would make of this.
//!
//! ```text
//! package shop;
//! service Orders { rpc Get(google.protobuf.StringValue) returns (stream google.protobuf.StringValue); }
//! ```

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use anyhow::Result;
use futures_util::Stream;
use http_body::Body as _;
use tokio::{net::TcpListener, sync::oneshot};
use tonic::{
    Request, Response, Status,
    body::Body,
    server::{Grpc, NamedService, ServerStreamingService},
    transport::{Server, server::TcpIncoming},
};
use tonic_prost::ProstCodec;
use tower::Service as TowerService;
use tower_http::catch_panic::CatchPanicLayer;

use super::{Framework, Need, Neighbour, OnError, Service, Setup, line_marked};
use crate::{
    handler::{Arrival, BoxFuture, Failure, Handler, ReplyBody},
    wire::grpc::SERVICE,
};

#[derive(Debug)]
pub(super) struct Tonic;

impl Framework for Tonic {
    fn name(&self) -> &'static str {
        "tonic"
    }

    fn serve(&self, setup: Setup) -> BoxFuture<Result<Service>> {
        Box::pin(async {
            let service = Service::on_socket(|listener, stopped| run(listener, stopped, setup)).await?;
            Ok(service.speaking_grpc())
        })
    }

    fn lacks(&self, need: Need) -> Option<&'static str> {
        match need {
            Need::Http => Some("its span is told in gRPC's terms, which have rows of their own"),
            Need::Connection => Some("gRPC speaks HTTP/2 only"),
            Need::Trailers => Some("its trailers are gRPC's: `grpc::status_in_trailers`"),
            Need::Neighbours => Some("tower's middleware stands around tonic as in the column `tower`"),
            _ => None,
        }
    }

    fn request_span(&self) -> &'static str {
        "shop.Orders/Get"
    }

    fn on_error(&self) -> OnError {
        let line = line_marked(include_str!("tonic.rs"), "// the report");
        OnError::Reported { file: "src/framework/tonic.rs", line }
    }
}

async fn run(listener: TcpListener, stopped: oneshot::Receiver<()>, setup: Setup) {
    let layer = highlight_tower::HighlightLayer::new().with_options(setup.options());
    let orders = Orders(setup.handler);
    let incoming = TcpIncoming::from(listener);
    let stopped = async { drop(stopped.await) };
    let mut server = Server::builder().layer(layer);
    // It fails only where the listener does, and then the clients notice.
    let _ = if setup.neighbour == Some(Neighbour::CatchesPanics) {
        let mut server = server.layer(CatchPanicLayer::new());
        server.add_service(orders).serve_with_incoming_shutdown(incoming, stopped).await
    } else {
        server.add_service(orders).serve_with_incoming_shutdown(incoming, stopped).await
    };
}

/// Reports the error, and tells the client nothing of it.
fn internal(failure: &Failure) -> Status {
    match failure {
        Failure::Declined(error) => highlight::consume_error(error), // the report
        Failure::Anyhow(error) => highlight::consume_error(error),
        Failure::Eyre(error) => highlight::consume_error(error),
    }
    Status::internal("the order is not to be had")
}

#[derive(Clone)]
struct Orders(Handler);

impl NamedService for Orders {
    const NAME: &'static str = SERVICE;
}

impl TowerService<http::Request<Body>> for Orders {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if request.uri().path() != "/shop.Orders/Get" {
            return Box::pin(async { Ok(Status::unimplemented("").into_http()) });
        }
        let get = Get(self.0.clone());
        Box::pin(async { Ok(Grpc::new(ProstCodec::default()).server_streaming(get, request).await) })
    }
}

struct Get(Handler);

impl ServerStreamingService<String> for Get {
    type Response = String;
    type ResponseStream = Messages;
    type Future = BoxFuture<Result<Response<Messages>, Status>>;

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let reply = (self.0)(Arrival { path: request.into_inner(), body: bytes::Bytes::new() });
        Box::pin(async {
            let reply = reply.await.map_err(|error| internal(&error))?;
            match reply.status {
                200 => Ok(Response::new(Messages(reply.body))),
                code => Err(Status::new(i32::from(code).into(), "as it was told")),
            }
        })
    }
}

/// A body of the suite as a stream of messages.
struct Messages(ReplyBody);

impl Stream for Messages {
    type Item = Result<String, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let frame = Pin::new(&mut self.0).poll_frame(cx).map_err(|error| internal(&error.into()));
        let text = |frame: http_body::Frame<bytes::Bytes>| {
            String::from_utf8_lossy(&frame.into_data().unwrap_or_default()).into_owned()
        };
        frame.map_ok(text)
    }
}
