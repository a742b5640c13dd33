//! Server-sent events.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

use super::*;

/// Opens the events, and returns their data as it comes.
fn events(shown: &Shown) -> impl Iterator<Item = i64> {
    let mut stream = TcpStream::connect(shown.server.address()).unwrap();
    stream.set_read_timeout(Some(support::HANG)).unwrap();
    stream.write_all(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let lines = BufReader::new(stream).lines().map(Result::unwrap);
    lines.filter_map(|line| line.strip_prefix("data: ")?.parse().ok())
}

#[test]
fn an_event_at_once_and_one_for_what_comes() {
    let shown = Shown::new();
    let mut events = events(&shown);
    let before = events.next().unwrap();
    shown.send("/v1/logs", &resource("shop", "s", "r"), &[log_at("INFO", "hello", &[])]);
    let after = events.next().unwrap();
    assert!(after > before, "{before} {after}");
    assert_eq!(after, shown.reader().overview().unwrap().newest);
}

#[test]
fn there_are_only_so_many_live_pages() {
    let shown = Shown::new();
    let open: Vec<_> = (0..64)
        .map(|_| {
            let mut events = events(&shown);
            events.next().unwrap();
            events
        })
        .collect();
    assert_eq!(shown.get("/events").status, 503);
    assert_eq!(shown.get("/").status, 200);
    drop(open);
}
