//! Passing on, to a second receiver, to one that hangs, and to none.
#![cfg(feature = "forward")]
#![allow(clippy::unwrap_used, reason = "a test's panic is its verdict")]

mod support;

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use highlight_local::{Forward, ForwardState, ForwardStats, Receiver, StartError};
use support::{HANG, client, otlp::*, receiver};

/// A receiver that passes on, and what it says about that.
fn passing_to(forward: Forward) -> (Receiver, Arc<Mutex<Vec<ForwardState>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let saying = Arc::clone(&said);
    let forward = forward.on_change(move |state| saying.lock().unwrap().push(state.clone()));
    (Receiver::builder().address(0).forward(forward).start().unwrap(), said)
}

fn wait_for(receiver: &Receiver, condition: impl Fn(ForwardStats) -> bool) -> ForwardStats {
    let begun = Instant::now();
    loop {
        let stats = receiver.forward_stats().unwrap();
        if condition(stats) {
            return stats;
        }
        assert!(begun.elapsed() < HANG, "{stats:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn body() -> Vec<u8> {
    of_project(&[span("s")]).bytes()
}

#[test]
fn requests_go_on_as_they_came() {
    let server = Receiver::builder().address(0).keep_raw(true).start().unwrap();
    let (local, said) = passing_to(Forward::to(&format!("{}/", server.endpoint())).unwrap());
    let zipped = client::gzip(&body());
    let headers = [
        ("content-type", "application/x-protobuf"),
        ("content-encoding", "gzip"),
        ("x-highlight-project", "5"),
        ("authorization", "Bearer abc"),
        ("user-agent", "a test"),
        ("x-own", "1"),
        ("x-own", "2"),
        ("cookie", "private"),
    ];
    assert_eq!(client::send(&local, "POST", "/v1/traces", &headers, &zipped).status, 200);
    let json = [("content-type", "application/json")];
    assert_eq!(client::send(&local, "POST", "/v1/logs", &json, b"{}").status, 200);
    // What this side does not understand, the other side may.
    assert_eq!(client::post(&local, "/v1/metrics", b"\xff").status, 400);
    // And what is no OTLP stays here.
    client::send(&local, "GET", "/elsewhere", &[], b"");

    let stats = wait_for(&local, |stats| stats.passed + stats.failed == 3);
    assert_eq!((stats.passed, stats.failed, stats.dropped, stats.queued), (2, 1, 0, 0));
    let requests = server.store().requests();
    let facts: Vec<_> = requests.iter().map(|r| (r.path.as_str(), r.wire_length, r.status)).collect();
    assert_eq!(facts, [("/v1/traces", zipped.len(), 200), ("/v1/logs", 2, 200), ("/v1/metrics", 1, 400)]);
    for (name, value) in &headers[..6] {
        assert_eq!(requests[0].header(name), Some(*value));
    }
    assert_eq!(requests[0].headers.iter().filter(|(name, _)| name == "x-own").count(), 2);
    assert_eq!(requests[0].header("cookie"), None);
    assert_eq!(requests[1].header("content-type"), Some("application/json"));
    assert_eq!(server.store().raw_traces()[0].resource_spans.len(), 1);
    assert_eq!(local.store().snapshot().spans.len(), 1, "and it is shown here");
    let said = said.lock().unwrap();
    assert!(
        matches!(&said[..], [ForwardState::Failing(reason)] if reason.ends_with("answers 400")),
        "{said:?}"
    );
}

#[test]
fn a_server_that_hangs_delays_nobody_and_fills_a_bounded_queue() {
    // It accepts connections, by the system's grace, and never reads.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", hanging.local_addr().unwrap());
    let message = body();
    let forward = Forward::to(&url).unwrap().timeout(HANG).queue_bytes(10 * (message.len() + 600));
    let (local, said) = passing_to(forward);
    let begun = Instant::now();
    for _ in 0..100 {
        assert_eq!(client::post(&local, "/v1/traces", &message).status, 200);
    }
    assert!(begun.elapsed() < HANG / 2, "nobody waits for it");
    let stats = local.forward_stats().unwrap();
    assert_eq!(stats.passed + stats.failed, 0);
    assert!((5..=20).contains(&stats.queued), "{stats:?}");
    assert_eq!(stats.queued + stats.dropped, 100);
    assert_eq!(*said.lock().unwrap(), [ForwardState::Dropping], "said once");
    let begun = Instant::now();
    drop(local);
    assert!(begun.elapsed() < HANG / 2, "nor at the end");
}

#[test]
fn a_server_that_is_away_and_comes_back_is_said_once_each() {
    let place = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = place.local_addr().unwrap();
    drop(place);
    let (local, said) = passing_to(Forward::to(&format!("http://{address}")).unwrap());
    for _ in 0..3 {
        client::post(&local, "/v1/traces", &body());
    }
    wait_for(&local, |stats| stats.failed == 3);
    let server = Receiver::start(address).unwrap();
    for _ in 0..3 {
        client::post(&local, "/v1/traces", &body());
    }
    wait_for(&local, |stats| stats.passed == 3);
    assert_eq!(server.store().snapshot().spans.len(), 3);
    let said = said.lock().unwrap();
    assert!(matches!(&said[..], [ForwardState::Failing(_), ForwardState::Working]), "{said:?}");
}

#[test]
fn what_is_queued_at_the_end_has_a_last_chance() {
    let server = receiver();
    let (local, _) = passing_to(Forward::to(&server.endpoint()).unwrap());
    for _ in 0..20 {
        client::post(&local, "/v1/traces", &body());
    }
    drop(local);
    assert_eq!(server.store().snapshot().spans.len(), 20);
}

#[test]
fn a_redirect_is_not_followed() {
    let server = Receiver::builder().address(0).respond_with(|_| Some(307)).start().unwrap();
    let (local, _) = passing_to(Forward::to(&server.endpoint()).unwrap());
    client::post(&local, "/v1/traces", &body());
    assert_eq!(wait_for(&local, |stats| stats.failed == 1).passed, 0);
}

#[test]
fn what_a_test_refuses_has_not_come() {
    let server = receiver();
    let forward = Forward::to(&server.endpoint()).unwrap();
    let local = Receiver::builder().address(0).forward(forward).respond_with(|_| Some(503)).start().unwrap();
    client::post(&local, "/v1/traces", &body());
    assert_eq!(local.forward_stats(), Some(ForwardStats::default()));
}

#[test]
fn a_target_that_is_none_is_said() {
    for (url, reason) in [
        ("", "no URL"),
        ("otel.internal:4318", "must begin with http"),
        ("ftp://otel.internal", "must begin with http"),
        ("/v1", "must begin with http"),
        ("http://user:secret@otel.internal", "user name or password"),
        ("http://otel.internal/?x=1", "query"),
    ] {
        let error = Forward::to(url).unwrap_err().to_string();
        assert!(error.contains(reason) && error.contains("http://otel.internal:4318"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn it_does_not_pass_on_to_itself() {
    let place = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = place.local_addr().unwrap();
    drop(place);
    for host in ["127.0.0.1", "localhost"] {
        let forward = Forward::to(&format!("http://{host}:{}", address.port())).unwrap();
        let error = Receiver::builder().address(address).forward(forward).start().unwrap_err();
        assert!(matches!(error, StartError::ForwardsToItself { .. }), "{error}");
    }
}
