//! The browser client's way to the recordings, over HTTP.

#![allow(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod support;

use highlight_local::{
    Receiver,
    replay::{RecordingLimits, Recordings},
};
use support::{client, receiver};

const JSON: (&str, &str) = ("content-type", "application/json");
const IDENTIFY: &str = r#"{"query":"mutation identifySession { identifySession }","operationName":"identifySession",
    "variables":{"session_secure_id":"abc","user_identifier":"ann"}}"#;

fn recording() -> (Receiver, Recordings) {
    let recordings = Recordings::new(RecordingLimits::default());
    let receiver = Receiver::builder().address(0).recordings(recordings.clone()).start().unwrap();
    (receiver, recordings)
}

#[test]
fn a_page_of_another_origin_may_record() {
    let (receiver, recordings) = recording();
    let asked = [
        ("origin", "http://localhost:3000"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    let answer = client::send(&receiver, "OPTIONS", "/public", &asked, b"");
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-headers"), Some("content-type"));
    let headers = [JSON, ("origin", "http://localhost:3000")];
    let answer = client::send(&receiver, "POST", "/public", &headers, IDENTIFY.as_bytes());
    assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"data":{"identifySession":"abc"}}"#));
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://localhost:3000"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(recordings.session("abc").unwrap().user.as_deref(), Some("ann"));
}

#[test]
fn compressed_bodies_are_read_and_others_refused() {
    let (receiver, recordings) = recording();
    let gzip = [JSON, ("content-encoding", "gzip")];
    let body = client::gzip(IDENTIFY.as_bytes());
    assert_eq!(client::send(&receiver, "POST", "/public", &gzip, &body).status, 200);
    assert_eq!(recordings.sessions().len(), 1);
    for (method, headers, body, status) in [
        ("POST", &[JSON][..], &b"garbage"[..], 400),
        ("POST", &gzip, b"garbage", 400),
        ("POST", &[("content-encoding", "br")], b"{}", 415),
        ("GET", &[], b"", 405),
    ] {
        assert_eq!(client::send(&receiver, method, "/public", headers, body).status, status);
    }
}

#[test]
fn without_the_switch_nothing_is_recorded_and_that_is_said() {
    let receiver = receiver();
    let answer = client::send(&receiver, "POST", "/public", &[JSON], IDENTIFY.as_bytes());
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("--replay"), "{}", answer.text());
}

#[test]
fn only_what_takes_telemetry_is_open_to_pages() {
    let (receiver, _) = recording();
    let origin = [("origin", "https://evil.example")];
    for path in ["/", "/api/sessions", "/public/x"] {
        for method in ["GET", "OPTIONS"] {
            let answer = client::send(&receiver, method, path, &origin, b"");
            assert_eq!(answer.header("access-control-allow-origin"), None, "{method} {path}");
        }
    }
}
