//! OTLP over gRPC, from the bytes of a call.
#![cfg(feature = "grpc")]
#![allow(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod support;

use std::{
    net::TcpListener,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use highlight_local::{Receiver, StartError};
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, client::conn::http2, header::HeaderValue};
use hyper_util::rt::{TokioExecutor, TokioIo};
use support::{client::gzip, otlp::*};

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// The status is in the headers of an answer without a message, and in the trailers otherwise.
#[derive(Debug)]
struct Answer {
    status: String,
    text: String,
    message: Bytes,
}

fn receiver() -> Receiver {
    Receiver::builder().address(0).grpc(0).start().unwrap()
}

fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[flag][..], &length.to_be_bytes(), message].concat()
}

fn call(receiver: &Receiver, path: &str, metadata: &[(&str, &str)], body: Vec<u8>) -> Answer {
    let endpoint = receiver.grpc_endpoint().unwrap();
    let address = endpoint.strip_prefix("http://").unwrap().to_owned();
    let mut request = Request::post(format!("{endpoint}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in metadata {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/grpc");
        let headers = response.headers().clone();
        let body = response.into_body().collect().await.unwrap();
        let trailers = body.trailers().cloned().unwrap_or_default();
        let text =
            |map: &HeaderMap, name| map.get(name).map(|v: &HeaderValue| v.to_str().unwrap().to_owned());
        let either = |name| text(&headers, name).or_else(|| text(&trailers, name)).unwrap_or_default();
        Answer { status: either("grpc-status"), text: either("grpc-message"), message: body.to_bytes() }
    })
}

#[test]
fn the_three_calls_are_stored_plain_and_gzipped() {
    let receiver = receiver();
    let messages = [
        (TRACES, of_project(&[span("s")]).bytes()),
        (LOGS, of_project(&[log("l", &[])]).bytes()),
        (METRICS, of_project(&[gauge("g", &[number(1.0, &[])])]).bytes()),
    ];
    for (path, message) in &messages {
        for (metadata, body) in [
            (&[][..], framed(0, message)),
            (&[("grpc-encoding", "gzip")], framed(1, &gzip(message))),
            // The encoding is announced and not used.
            (&[("grpc-encoding", "gzip")], framed(0, message)),
        ] {
            let answer = call(&receiver, path, metadata, body);
            assert_eq!(answer.status, "0", "{answer:?}");
            // An empty response message.
            assert_eq!(answer.message, &[0, 0, 0, 0, 0][..]);
        }
    }
    let seen = receiver.store().snapshot();
    assert_eq!((seen.spans.len(), seen.logs.len(), seen.metrics.len()), (3, 3, 3));
}

#[test]
fn metadata_counts_as_headers_do() {
    let receiver = receiver();
    let message = request(&[], &[], &[span("s")]).bytes();
    let answer = call(&receiver, TRACES, &[("x-highlight-project", "7")], framed(0, &message));
    assert_eq!(answer.status, "0");
    assert_eq!(receiver.store().snapshot().spans[0].origin.project, "7");
    assert_eq!(receiver.store().requests()[0].path, TRACES);
}

#[test]
fn what_is_refused_has_a_status_and_a_reason() {
    let receiver = Receiver::builder().address(0).grpc(0).max_body_bytes(1_000).start().unwrap();
    let bomb = gzip(&vec![0; 1_001]);
    let zip = [("grpc-encoding", "gzip")];
    for (path, metadata, body, status, text) in [
        ("/grpc.health.v1.Health/Check", &[][..], framed(0, &[]), "12", "TraceService"),
        (TRACES, &[], framed(0, &[0xff; 10]), "3", "not an OTLP protobuf message"),
        (TRACES, &[], vec![0, 0, 0], "3", "no message"),
        (TRACES, &[], framed(0, &vec![0; 1_001]), "8", "longer than 1000 bytes"),
        (TRACES, &zip, framed(1, &bomb), "8", "longer than 1000 bytes"),
        (TRACES, &zip, framed(1, b"no gzip"), "3", "broken"),
        (TRACES, &[("grpc-encoding", "zstd")], framed(1, &[1]), "12", "gzip"),
        (TRACES, &[], framed(0, &[]), "0", ""),
    ] {
        let answer = call(&receiver, path, metadata, body);
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.text.contains(text), "{answer:?}");
    }
    assert!(receiver.store().snapshot().spans.is_empty());
}

#[test]
fn a_test_may_answer_instead() {
    let receiver = Receiver::builder().address(0).grpc(0).respond_with(|_| Some(503)).start().unwrap();
    let answer = call(&receiver, TRACES, &[], framed(0, &of_project(&[span("s")]).bytes()));
    assert_eq!(answer.status, "14", "unavailable: send it again");
    assert!(receiver.store().snapshot().spans.is_empty());
}

#[test]
fn a_taken_port_is_said_and_not_fatal() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let receiver = Receiver::builder().address(0).grpc(address).start().unwrap();
    assert!(matches!(receiver.grpc_error(), Some(StartError::AddressTaken { address: a }) if *a == address));
    assert_eq!(receiver.grpc_endpoint(), None);
    let body = of_project(&[span("s")]).bytes();
    assert_eq!(support::client::post(&receiver, "/v1/traces", &body).status, 200);
}

#[test]
fn a_stalled_call_ends() {
    let receiver =
        Receiver::builder().address(0).grpc(0).read_timeout(Duration::from_millis(200)).start().unwrap();
    let address = receiver.grpc_endpoint().unwrap().strip_prefix("http://").unwrap().to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        // Five bytes of head and then nothing, for ever.
        let first = Stalled(Some(Bytes::from_static(&[0, 0, 0, 0, 9])));
        let request = Request::post(format!("http://t{TRACES}")).header("content-type", "application/grpc");
        let response = sender.send_request(request.body(first).unwrap());
        let response = tokio::time::timeout(support::HANG, response).await.unwrap().unwrap();
        assert_eq!(response.headers()["grpc-status"], "3");
    });
}

/// A body of one frame that never ends.
struct Stalled(Option<Bytes>);

impl http_body::Body for Stalled {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        match self.0.take() {
            Some(bytes) => Poll::Ready(Some(Ok(http_body::Frame::data(bytes)))),
            None => Poll::Pending,
        }
    }
}
