//! When a response's body ends its span, and what is left of the body where nobody has to see its end.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use highlight::{Client, Config};
use highlight_local::Receiver;
use highlight_tower::{HighlightBody, HighlightLayer};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, StreamBody};
use tower::{ServiceBuilder, ServiceExt, service_fn};

const HANG: Duration = Duration::from_secs(60);

/// The body of a response of the layer.
async fn body_of<B: Body<Error = Infallible>>(client: &Client, make: impl Fn() -> B) -> HighlightBody<B> {
    let layer = HighlightLayer::new().with_client(client.clone());
    let answer = service_fn(|_: Request<()>| {
        let response = Response::new(make());
        async move { Ok::<_, Infallible>(response) }
    });
    let service = ServiceBuilder::new().layer(layer).service(answer);
    service.oneshot(Request::new(())).await.unwrap().into_body()
}

fn client(endpoint: &str) -> Client {
    Client::new(Config::new("1").endpoint(endpoint).service_name("test")).unwrap()
}

#[tokio::test]
async fn a_span_ends_with_the_last_frame_while_the_server_holds_on_to_the_body() {
    let receiver = Receiver::start(0).unwrap();
    let client = client(&receiver.endpoint());
    let spans = || {
        client.flush(HANG).unwrap();
        receiver.store().snapshot().spans.len()
    };

    // It says of itself that nothing follows.
    let mut body = body_of(&client, || Full::new(Bytes::from_static(b"all"))).await;
    assert_eq!(spans(), 0, "the body is yet to come");
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "all");
    assert_eq!(spans(), 1);
    assert!(body.is_end_stream() && body.size_hint().exact() == Some(0));
    assert!(body.frame().await.is_none());

    // It does not know.
    let frames = || stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"part")))]);
    let mut body = body_of(&client, || StreamBody::new(frames())).await;
    assert!(body.frame().await.is_some());
    assert_eq!(spans(), 1);
    assert!(body.frame().await.is_none());
    assert_eq!(spans(), 2);
}

#[tokio::test]
async fn a_body_whose_end_nobody_has_to_see_is_given_back() {
    let receiver = Receiver::start(0).unwrap();
    let enabled = client(&receiver.endpoint());
    let disabled = Client::new(Config::new("1").enabled(false)).unwrap();
    let full = || Full::new(Bytes::from_static(b"all"));

    assert!(body_of(&disabled, full).await.into_inner().is_ok());
    let seen = body_of(&enabled, full).await.into_inner().unwrap_err();
    assert_eq!(seen.collect().await.unwrap().to_bytes(), "all", "nothing of it is lost");
    // Nothing is to come.
    assert!(body_of(&enabled, || Full::new(Bytes::new())).await.into_inner().is_ok());
}
