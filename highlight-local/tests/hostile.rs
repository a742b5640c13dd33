//! Senders that are malformed, slow or hostile: they cost only themselves.

#![allow(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use highlight_local::Receiver;
use support::{HANG, client, otlp::*, receiver};

fn impatient() -> Receiver {
    Receiver::builder().address(0).read_timeout(Duration::from_millis(200)).start().unwrap()
}

fn connect(receiver: &Receiver) -> TcpStream {
    let stream = TcpStream::connect(receiver.address()).unwrap();
    stream.set_read_timeout(Some(HANG)).unwrap();
    stream
}

/// Everything until the other side closes.
fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_well(receiver: &Receiver) {
    let before = receiver.store().snapshot().spans.len();
    assert_eq!(client::post(receiver, "/v1/traces", &of_project(&[span("s")]).bytes()).status, 200);
    assert_eq!(receiver.store().snapshot().spans.len(), before + 1);
}

#[test]
fn a_head_that_does_not_end_is_not_waited_for() {
    let receiver = impatient();
    let mut slow = connect(&receiver);
    slow.write_all(b"POST /v1/traces HTTP/1.1\r\nhost: t\r\n").unwrap();
    let mut again = slow.try_clone().unwrap();
    let dripping = std::thread::spawn(move || {
        // Another header every now and then, never the last.
        let begun = Instant::now();
        while begun.elapsed() < HANG {
            if again.write_all(b"x: y\r\n").is_err() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    });
    let answer = rest(&mut slow);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(dripping.join().unwrap(), "it is disconnected");
    is_well(&receiver);
}

#[test]
fn a_body_that_stops_in_the_middle_is_answered_and_ended() {
    let receiver = impatient();
    let mut half = connect(&receiver);
    let head = "POST /v1/traces HTTP/1.1\r\nhost: t\r\ncontent-type: application/x-protobuf\r\n";
    half.write_all(format!("{head}content-length: 1000\r\n\r\nabc").as_bytes()).unwrap();
    let answer = rest(&mut half);
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("paused for too long"), "{answer}");
    is_well(&receiver);
    let statuses: Vec<_> = receiver.store().requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [400, 200]);
}

#[test]
fn a_sender_that_goes_in_the_middle_of_a_body_leaves_nothing() {
    let receiver = receiver();
    let mut gone = connect(&receiver);
    let head = "POST /v1/traces HTTP/1.1\r\nhost: t\r\ncontent-type: application/x-protobuf\r\n";
    gone.write_all(format!("{head}content-length: 1000\r\n\r\nabc").as_bytes()).unwrap();
    drop(gone);
    is_well(&receiver);
}

#[test]
fn a_thousand_idle_connections_keep_nobody_out() {
    // Nobody goes for being slow.
    let receiver = Receiver::builder().address(0).max_connections(50).read_timeout(2 * HANG).start().unwrap();
    let mut idle: Vec<TcpStream> = (0..1_000).map(|_| connect(&receiver)).collect();
    is_well(&receiver);
    // The oldest have given their seats away; the newest sit there still.
    assert_eq!(rest(&mut idle[0]), "");
    let newest = idle.last_mut().unwrap();
    let body = of_project(&[span("late")]).bytes();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: t\r\ncontent-type: application/x-protobuf\r\nconnection: close\r\n";
    newest.write_all(format!("{head}content-length: {}\r\n\r\n", body.len()).as_bytes()).unwrap();
    newest.write_all(&body).unwrap();
    assert!(rest(newest).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_bomb_is_refused_unpacked() {
    let receiver = receiver();
    let bomb = client::gzip(&vec![b' '; 50 << 20]);
    assert!(bomb.len() < 1 << 20);
    for kind in ["application/json", "application/x-protobuf"] {
        let headers = [("content-type", kind), ("content-encoding", "gzip")];
        assert_eq!(client::send(&receiver, "POST", "/v1/logs", &headers, &bomb).status, 413);
    }
    // A bomb in a bomb is only unpacked once.
    let headers = [("content-type", "application/json"), ("content-encoding", "gzip")];
    let nested = client::gzip(&bomb);
    assert_eq!(client::send(&receiver, "POST", "/v1/logs", &headers, &nested).status, 400);
    is_well(&receiver);
}

#[test]
fn what_is_no_http_is_answered_or_cut() {
    let receiver = receiver();
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03garbage\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/traces HTTP/1.1\r\ncontent-length: -5\r\n\r\n",
        b"POST /v1/traces HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        b"POST /v1/traces HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let mut stream = connect(&receiver);
        stream.write_all(garbage).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let answer = rest(&mut stream);
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    let mut endless = connect(&receiver);
    let header = format!("x: {}\r\n", "y".repeat(8_000));
    let _ = endless.write_all(b"GET / HTTP/1.1\r\n");
    // It stops reading at some point; then writing fails.
    let refused = (0..10_000).any(|_| endless.write_all(header.as_bytes()).is_err());
    assert!(refused, "a head is not read without end");
    is_well(&receiver);
}
