//! tonic around our layers: what the rows of the conformance suite do not reach.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

use std::{
    convert::Infallible,
    future::{Ready, ready},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream};
use highlight::{Client, Config, RequestContext, parse_headers, propagation};
use highlight_local::Receiver;
use highlight_tower::{HighlightClientLayer, HighlightLayer};
use http::uri::PathAndQuery;
use tokio::{net::TcpListener, sync::oneshot};
use tonic::{
    IntoStreamingRequest, Request, Response, Status, Streaming,
    body::Body,
    metadata::MetadataMap,
    server::{self, NamedService, StreamingService},
    transport::{Channel, Server, Uri, server::TcpIncoming},
};
use tonic_prost::ProstCodec;
use tower::{Service, ServiceBuilder};
use tracing_subscriber::prelude::*;

const HANG: Duration = Duration::from_secs(60);

/// `rpc Talk(stream StringValue) returns (stream StringValue)`: says back what it hears.
#[derive(Clone)]
struct Echo;

impl NamedService for Echo {
    const NAME: &'static str = "shop.Echo";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async { Ok(server::Grpc::new(ProstCodec::default()).streaming(Echo, request).await) })
    }
}

impl StreamingService<String> for Echo {
    type Response = String;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<String, Status>> + Send>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<String>>) -> Self::Future {
        let answers =
            request.into_inner().inspect(|message| tracing::info!("heard {}", message.as_ref().unwrap()));
        ready(Ok(Response::new(Box::pin(answers))))
    }
}

/// Neither side waits for the other to finish; every message is heard in the request, and the client was told the host
/// by tonic's origin.
#[tokio::test]
async fn a_conversation_is_one_request() {
    let _guard = tracing_subscriber::registry().with(highlight::layer()).set_default();
    let receiver = Receiver::start(0).unwrap();
    let config = Config::new("1").endpoint(receiver.endpoint()).service_name("echo");
    let telemetry = Client::new(config).unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri: Uri = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = Server::builder()
        .layer(HighlightLayer::new().with_client(telemetry.clone()))
        .add_service(Echo)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), async { drop(stopped.await) });
    let server = tokio::spawn(server);

    let channel = Channel::builder(uri.clone()).connect_lazy();
    let layer = HighlightClientLayer::new().with_client(telemetry.clone());
    let channel = ServiceBuilder::new().layer(layer).service(channel);
    let mut client = tonic::client::Grpc::with_origin(channel, uri);
    let request: RequestContext = "session1/request001".parse().unwrap();
    let conversation = request.scope(async {
        client.ready().await.unwrap();
        let messages = stream::iter(["one", "two", "three"].map(ToOwned::to_owned)).into_streaming_request();
        let talk = PathAndQuery::from_static("/shop.Echo/Talk");
        let answers = client.streaming(messages, talk, ProstCodec::default()).await.unwrap();
        answers.into_inner().map(Result::<String, Status>::unwrap).collect::<Vec<_>>().await
    });
    assert_eq!(tokio::time::timeout(HANG, conversation).await.unwrap(), ["one", "two", "three"]);
    drop(client);
    drop(stop);
    server.await.unwrap().unwrap();
    telemetry.flush_async(HANG).await.unwrap();

    let stored = receiver.store().snapshot();
    let span = |kind: &str| stored.spans.iter().find(|span| span.kind == kind).unwrap();
    let (sent, served) = (span("Client"), span("Server"));
    assert_eq!(served.parent_span_id, sent.span_id);
    for span in [sent, served] {
        assert_eq!((span.name.as_str(), span.status_code), ("shop.Echo/Talk", "Unset"));
        assert_eq!(span.attributes["rpc.response.status_code"], "OK");
        assert_eq!((span.origin.session_id.as_str(), span.trace_id.as_str()), ("session1", "request001"));
    }
    let heard: Vec<_> = stored.logs.iter().map(|log| log.message.as_str()).collect();
    assert_eq!(heard, ["heard one", "heard two", "heard three"]);
    for log in &stored.logs {
        assert_eq!(log.span_id, served.span_id, "{}", log.message);
        assert_eq!(log.origin.session_id, "session1", "{}", log.message);
    }
}

#[test]
fn metadata_is_a_carrier() {
    let request: RequestContext = "session1/request001".parse().unwrap();
    let mut metadata = MetadataMap::new();
    request.in_scope(|| propagation::inject(metadata.as_mut()));
    assert_eq!(metadata.get("x-highlight-request").unwrap(), "session1/request001");
    assert_eq!(parse_headers(metadata.as_ref()), request);
}
