//! The receiver's HTTP side and life, over real sockets.
#![allow(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod support;

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use highlight_local::{Receiver, StartError, StoreLimits};
use support::{HANG, client, otlp::*, receiver};

fn body() -> Vec<u8> {
    of_project(&[span("s")]).bytes()
}

#[test]
fn plain_and_gzip_are_accepted_with_an_empty_protobuf_answer() {
    let receiver = receiver();
    let gzip = ("content-encoding", "gzip");
    for answer in [
        client::post(&receiver, "/v1/traces", &body()),
        client::post_with(&receiver, "/v1/traces", gzip, &client::gzip(&body())),
    ] {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/x-protobuf"));
        assert!(answer.body.is_empty());
    }
    assert_eq!(receiver.store().snapshot().spans.len(), 2);
}

#[test]
fn an_empty_request_is_valid() {
    let receiver = receiver();
    for path in ["/v1/traces", "/v1/logs", "/v1/metrics"] {
        assert_eq!(client::post(&receiver, path, b"").status, 200);
    }
}

#[test]
fn what_is_not_supported_is_said() {
    let receiver = receiver();
    let text = [("content-type", "text/plain")];
    let protobuf = [("content-type", "application/x-protobuf; v=1")];
    for (method, path, headers, status, hint) in [
        ("POST", "/v1/trace", &protobuf[..], 404, "/v1/traces"),
        ("GET", "/", &[], 404, "/v1/traces"),
        ("GET", "/v1/traces", &[], 405, "POST"),
        ("POST", "/v1/traces", &text, 415, "application/x-protobuf or application/json"),
        ("POST", "/v1/traces", &[], 415, "application/x-protobuf"),
        ("POST", "/v1/traces", &protobuf, 200, ""),
    ] {
        let answer = client::send(&receiver, method, path, headers, b"");
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(answer.text().contains(hint), "{}", answer.text());
        if status == 405 {
            assert_eq!(answer.header("allow"), Some("POST, OPTIONS"));
        }
    }
}

#[test]
fn browsers_may_send() {
    let receiver = receiver();
    let asked = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-highlight-project"),
    ];
    let answer = client::send(&receiver, "OPTIONS", "/v1/logs", &asked, b"");
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
    let allowed = answer.header("access-control-allow-headers");
    assert_eq!(allowed, Some("content-type,x-highlight-project"));
    assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));
    let origin = ("origin", "https://shop.example");
    let answer = client::post_with(&receiver, "/v1/logs", origin, b"");
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
}

#[test]
fn the_limit_is_settable_and_inclusive() {
    let body = body();
    let at = |limit| Receiver::builder().address(0).max_body_bytes(limit).start().unwrap();
    assert_eq!(client::post(&at(body.len()), "/v1/traces", &body).status, 200);
    let small = at(body.len() - 1);
    let answer = client::post(&small, "/v1/traces", &body);
    assert_eq!(answer.status, 413);
    assert!(answer.text().contains("smaller batches"));
    let gzip = ("content-encoding", "gzip");
    assert_eq!(client::post_with(&small, "/v1/traces", gzip, &client::gzip(&body)).status, 413);
}

#[test]
fn a_chunked_body_is_accepted_and_limited_too() {
    let receiver = Receiver::builder().address(0).max_body_bytes(1_000).start().unwrap();
    let send = |chunks: usize| {
        let mut stream = TcpStream::connect(receiver.address()).unwrap();
        stream.set_read_timeout(Some(HANG)).unwrap();
        let head = "POST /v1/traces HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\
                    content-type: application/x-protobuf\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        for _ in 0..chunks {
            // Field 15, length-delimited, 98 bytes: unknown to the receiver, and so skipped.
            let chunk = [&[0x7a, 98][..], &[0; 98]].concat();
            stream.write_all(b"64\r\n").unwrap();
            stream.write_all(&chunk).unwrap();
            stream.write_all(b"\r\n").unwrap();
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(send(10).starts_with("HTTP/1.1 200"));
    assert!(send(11).starts_with("HTTP/1.1 413"));
    let lengths: Vec<_> = receiver.store().requests().iter().map(|request| request.wire_length).collect();
    assert_eq!(lengths, [1_000, 0]);
}

#[test]
fn requests_are_described() {
    let receiver = receiver();
    let body = body();
    let zipped = client::gzip(&body);
    client::post_with(&receiver, "/v1/traces", ("content-encoding", "gzip"), &zipped);
    client::post_with(&receiver, "/v1/logs", ("X-Test", "1"), b"broken");
    client::send(&receiver, "GET", "/elsewhere", &[], b"");
    let requests = receiver.store().requests();
    let facts: Vec<_> = requests
        .iter()
        .map(|r| (r.method.as_str(), r.path.as_str(), r.wire_length, r.decoded_length, r.status))
        .collect();
    assert_eq!(
        facts,
        [
            ("POST", "/v1/traces", zipped.len(), Some(body.len()), 200),
            ("POST", "/v1/logs", 6, Some(6), 400),
            ("GET", "/elsewhere", 0, None, 404),
        ]
    );
    assert_eq!(requests[1].header("x-test"), Some("1"));
    assert_eq!(requests[1].header("content-type"), Some("application/x-protobuf"));
}

#[test]
fn decoded_requests_are_kept_only_when_asked() {
    let keeping = Receiver::builder().address(0).keep_raw(true).start().unwrap();
    let forgetting = receiver();
    for receiver in [&keeping, &forgetting] {
        client::post(receiver, "/v1/traces", &body());
        client::post(receiver, "/v1/logs", &of_project(&[log("b", &[])]).bytes());
        client::post(receiver, "/v1/metrics", &of_project(&[gauge("g", &[])]).bytes());
    }
    let store = keeping.store();
    let raw = &store.raw_traces()[0].resource_spans[0].scope_spans[0].spans[0];
    assert_eq!((raw.name.as_str(), raw.trace_id.as_slice()), ("s", &TRACE[..]));
    assert_eq!((store.raw_logs().len(), store.raw_metrics().len()), (1, 1));
    assert!(forgetting.store().raw_traces().is_empty());
}

#[test]
fn a_test_may_answer_instead() {
    let receiver = Receiver::builder()
        .address(0)
        .respond_with(|info| (info.path == "/v1/traces" && info.decoded_length > Some(0)).then_some(503))
        .start()
        .unwrap();
    assert_eq!(client::post(&receiver, "/v1/traces", &body()).status, 503);
    assert_eq!(client::post(&receiver, "/v1/logs", b"").status, 200);
    let store = receiver.store();
    assert!(store.snapshot().spans.is_empty());
    assert_eq!(store.requests()[0].status, 503);
}

#[test]
fn what_is_kept_is_bounded() {
    let limits = StoreLimits { rows: 3, requests: 2, ..StoreLimits::default() };
    let receiver = Receiver::builder().address(0).limits(limits).start().unwrap();
    for name in ["a", "b", "c", "d", "e"] {
        client::post(&receiver, "/v1/traces", &of_project(&[span(name)]).bytes());
    }
    let seen = receiver.store().snapshot();
    let names: Vec<_> = seen.spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["c", "d", "e"]);
    assert_eq!(seen.evicted, 2);
    assert_eq!(receiver.store().requests().len(), 2);
}

#[test]
fn a_taken_port_is_an_error_that_helps() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = Receiver::start(address).unwrap_err();
    assert!(matches!(error, StartError::AddressTaken { address: a } if a == address));
    let text = error.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("another port"), "{text}");
}

#[test]
fn a_foreign_address_is_an_error_that_helps() {
    // An address for documentation: no machine has it.
    let error = Receiver::start(std::net::SocketAddr::from(([192, 0, 2, 1], 0))).unwrap_err();
    assert!(matches!(error, StartError::AddressRefused { .. }));
    assert!(error.to_string().contains("127.0.0.1"));
}

#[test]
fn dropping_frees_the_port_and_closes_connections() {
    let receiver = receiver();
    let (address, store) = (receiver.address(), receiver.store());
    client::post(&receiver, "/v1/traces", &body());
    // One connection that sends nothing, and one in the middle of a request.
    let mut idle = TcpStream::connect(address).unwrap();
    let mut half = TcpStream::connect(address).unwrap();
    half.write_all(b"POST /v1/traces HTTP/1.1\r\nhost: t\r\ncontent-length: 99\r\n\r\nabc").unwrap();
    drop(receiver);
    drop(TcpListener::bind(address).unwrap());
    for stream in [&mut idle, &mut half] {
        stream.set_read_timeout(Some(HANG)).unwrap();
        let ended = stream.read(&mut [0; 64]);
        let was_reset = |e: &std::io::Error| e.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(matches!(&ended, Ok(0)) || ended.as_ref().is_err_and(was_reset), "{ended:?}");
    }
    assert_eq!(store.snapshot().spans.len(), 1, "the rows outlive the receiver");
}

#[test]
fn it_runs_inside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let receiver = receiver();
        let address = receiver.address();
        let store = receiver.store();
        let sending = std::thread::spawn(move || client::post(&receiver, "/v1/traces", &body()));
        assert!(store.wait_until_async(HANG, |seen| seen.spans.len() == 1).await);
        assert_eq!(sending.join().unwrap().status, 200);
        // The receiver was dropped with the thread's closure.
        assert!(TcpListener::bind(address).is_ok());
    });
}

#[test]
fn many_senders_at_once_are_all_stored() {
    let receiver = receiver();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(client::post(&receiver, "/v1/traces", &body()).status, 200);
                }
            });
        }
        assert!(receiver.store().wait_until(HANG, |seen| seen.spans.len() == 80));
    });
    assert!(!receiver.store().wait_until(Duration::ZERO, |seen| seen.spans.len() > 80));
}

/// Sends, and closes before it is answered.
fn send_and_leave(receiver: &Receiver) {
    let body = body();
    let mut stream = TcpStream::connect(receiver.address()).unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: t\r\ncontent-type: application/x-protobuf";
    write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n", body.len()).unwrap();
    stream.write_all(&body).unwrap();
}

#[test]
fn what_senders_that_are_gone_left_behind_is_waited_for() {
    let receiver = receiver();
    for round in 1..=20 {
        (0..5).for_each(|_| send_and_leave(&receiver));
        assert!(receiver.drain(HANG));
        assert_eq!(receiver.store().snapshot().spans.len(), round * 5, "without any more waiting");
    }
}

#[test]
fn a_connection_that_stays_is_not_waited_for_longer_than_told() {
    let builder = Receiver::builder().address(0);
    #[cfg(feature = "grpc")]
    let builder = builder.grpc(0);
    let receiver = builder.start().unwrap();
    assert!(receiver.drain(HANG), "nobody is there, on any port");
    let stays = TcpStream::connect(receiver.address()).unwrap();
    assert!(!receiver.drain(Duration::from_millis(50)));
    drop(stays);
    assert!(receiver.drain(HANG));
}
