//! What no request should be.

use super::*;

#[test]
fn s45_bad_bodies_are_answered_with_400() {
    let receiver = receiver();
    for path in ["/v1/traces", "/v1/logs", "/v1/metrics"] {
        let answer = client::post(&receiver, path, b"hello, world");
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("OTLP protobuf"), "{}", answer.text());
        let gzip = ("content-encoding", "gzip");
        let answer = client::post_with(&receiver, path, gzip, b"no gzip");
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("broken"), "{}", answer.text());
    }
    assert!(receiver.store().snapshot().spans.is_empty());
}

/// The backend answers 400, the collector in front of it would unpack it; this receiver says 415
/// and what to send instead.
#[test]
fn s46_zstd_is_refused() {
    let receiver = receiver();
    let answer = client::post_with(&receiver, "/v1/traces", ("content-encoding", "zstd"), b"");
    assert_eq!(answer.status, 415);
    assert!(answer.text().contains("gzip"));
}

#[test]
fn s47_a_body_of_21_mib_is_refused() {
    let receiver = receiver();
    let long = vec![0; 21 << 20];
    assert_eq!(client::post(&receiver, "/v1/traces", &long).status, 413);
    let gzip = ("content-encoding", "gzip");
    let bomb = client::gzip(&long);
    assert_eq!(client::post_with(&receiver, "/v1/traces", gzip, &bomb).status, 413);
}
