//! `--serve`: serves until SIGTERM, which delivers what is left and ends it with status 0.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may: its panic is its verdict")]

use std::{
    net::{Ipv4Addr, TcpListener},
    process::Command,
};

use example_support::{HANG, Service, command};
use highlight_local::Receiver;

fn serve(endpoint: &str) -> Service {
    Service::start(shop().arg("--serve").env("PORT", "0").env("HIGHLIGHT_OTLP_ENDPOINT", endpoint)).unwrap()
}

fn shop() -> Command {
    command(env!("CARGO_BIN_EXE_shop"))
}

#[test]
fn the_end_delivers_what_was_served() {
    let receiver = Receiver::start(0).unwrap();
    let shop = serve(&receiver.endpoint());
    let (answer, _open) = shop.get("/api/products", "X-Highlight-Request: session1/9k2hTq81Lx\r\n").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    let (status, _) = shop.terminate().unwrap();
    assert_eq!(status.code(), Some(0));
    let seen = receiver.store().snapshot();
    assert_eq!(seen.sessions(), ["session1"]);
    assert_eq!(seen.spans_of("9k2hTq81Lx").len(), 1);
    assert!(seen.dropped.is_empty(), "{:?}", seen.dropped);
}

/// A server that accepts and never answers must not hold up the end. Five seconds are promised; the slack is for a
/// machine under load.
#[test]
fn a_server_that_hangs_does_not_hold_up_the_end() {
    let hanging = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let shop = serve(&format!("http://{}", hanging.local_addr().unwrap()));
    let (answer, _open) = shop.get("/api/products", "").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");

    let (status, took) = shop.terminate().unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(took < HANG / 2, "{took:?}");
}
