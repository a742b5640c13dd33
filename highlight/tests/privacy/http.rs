//! Headers and bodies that are recorded because they are named.

use highlight::{
    RequestContext,
    http::{Recording, ServerOptions, ServerRequest},
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{
    corpus::{NAMED, SECRETS},
    stage::Wire,
};

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::try_from(*value).unwrap())
    };
    pairs.iter().map(header).collect()
}

/// Serves one request with these headers and bodies.
fn serve(
    wire: &Wire,
    recording: Recording,
    request: ServerRequest<'_>,
    headers: &HeaderMap,
    bodies: &[&[u8]],
) {
    let options = ServerOptions::default().client(wire.client.clone()).record(recording);
    let mut span = options.tracer().unwrap().start(&request, RequestContext::default());
    let mut recorder = span.record_request(headers);
    for part in bodies {
        if let Some(recorder) = &mut recorder {
            recorder.data(part);
        }
    }
    drop(recorder);
    span.set_status(200);
    span.record_response(headers);
    for part in bodies {
        span.record_response_data(part);
    }
}

fn orders() -> ServerRequest<'static> {
    let mut request = ServerRequest::new("POST", "/orders/7");
    request.query = Some("size=Q7query");
    request.route = Some("/orders/{id}");
    request.user_agent = Some("Q7agent");
    request
}

fn everything() -> Recording {
    [
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "x-auth-token",
        "referer",
        "x-tenant",
        "content-type",
    ]
    .into_iter()
    .fold(Recording::new(), |recording, name| {
        recording.request_header(name).response_header(name.to_uppercase())
    })
    .request_bodies("*")
    .response_bodies("/ORDERS/*")
}

#[test]
fn secret_headers_stay_secret_even_if_they_are_named() {
    let wire = Wire::new(|config| config);
    let secret =
        ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-auth-token"];
    let mut sent = headers(&secret.map(|name| (name, NAMED)));
    sent.insert(
        "referer",
        HeaderValue::from_static("https://app:Q7user@shop.example/?code=Q7swordfish&page=2"),
    );
    sent.append("x-tenant", HeaderValue::from_static("acme"));
    sent.append("x-tenant", HeaderValue::from_static("acme2"));
    serve(&wire, everything(), orders(), &sent, &[]);
    let sent = wire.sent_text();
    assert!(!sent.contains(NAMED) && !sent.contains("Q7user"), "{sent}");
    for kept in [
        "acme2",
        "http.request.header.x-tenant",
        "http.response.header.x-tenant",
        "page=2",
        "http.request.header.cookie",
    ] {
        assert!(sent.contains(kept), "{kept}: {sent}");
    }
    // Switched off knowingly.
    let wire = Wire::new(|config| config.redact_except("authorization"));
    serve(&wire, everything(), orders(), &headers(&[("authorization", NAMED), ("cookie", "Q7cookie")]), &[]);
    let sent = wire.sent_text();
    assert!(sent.contains(NAMED) && !sent.contains("Q7cookie"), "{sent}");
}

#[test]
fn no_secret_survives_in_bodies() {
    for secret in SECRETS {
        for kind in ["text/plain", "application/json"] {
            let wire = Wire::new(|config| config);
            let (first, second) = secret.text.as_bytes().split_at(secret.text.len() / 2);
            serve(&wire, everything(), orders(), &headers(&[("content-type", kind)]), &[first, second]);
            let sent = wire.sent_text();
            assert!(!sent.contains(secret.secret), "{}: {sent}", secret.text);
            assert!(sent.contains("http.request.body") && sent.contains("http.response.body"), "{sent}");
        }
    }
    let wire = Wire::new(|config| config);
    let form = b"code=Q7hunter2&grant_type=authorization_code&client_secret=Q7hunter2&username=ada&password=Q7hunter2";
    serve(
        &wire,
        everything(),
        orders(),
        &headers(&[("content-type", "application/x-www-form-urlencoded")]),
        &[form],
    );
    let sent = wire.sent_text();
    assert!(!sent.contains("Q7hunter2") && sent.contains("username=ada"), "{sent}");
}

#[test]
fn nothing_is_recorded_unasked() {
    let wire = Wire::new(|config| config);
    let given = headers(&[("content-type", "text/plain"), ("x-tenant", "Q7tenant")]);
    serve(&wire, Recording::new(), orders(), &given, &[b"Q7body"]);
    let sent = wire.sent_text();
    assert!(sent.contains("Q7query") && !sent.contains("Q7tenant") && !sent.contains("Q7body"), "{sent}");
}

#[test]
fn a_private_request_tells_nothing() {
    for private in [
        everything().never("/orders/*"),
        everything().never("*/{ID}"),
        everything().unless(|request| request.method == "POST"),
        everything().unless(|_| panic!("as asked")),
    ] {
        let wire = Wire::new(|config| config);
        let given = headers(&[("content-type", "text/plain"), ("x-tenant", "Q7tenant")]);
        serve(&wire, private, orders(), &given, &[b"Q7body"]);
        let sent = wire.sent_text();
        assert!(!sent.contains("Q7") && sent.contains("/orders/7"), "{sent}");
    }
}

#[test]
fn bodies_that_are_no_text_are_a_size_at_most() {
    for (given, is_sized) in [
        (headers(&[]), false),
        (headers(&[("content-type", "image/png")]), false),
        (headers(&[("content-type", "multipart/form-data; boundary=x")]), false),
        (headers(&[("content-type", "text/plain"), ("content-encoding", "gzip")]), true),
        (headers(&[("content-type", "text/plain; charset=latin1")]), false),
    ] {
        let wire = Wire::new(|config| config);
        serve(&wire, everything(), orders(), &given, &[b"Q7body"]);
        let sent = wire.sent_text();
        assert!(!sent.contains("Q7body"), "{given:?}");
        assert_eq!(sent.contains("http.response.body.size"), is_sized, "{given:?}");
        assert_eq!(sent.contains("http.request.body.size"), is_sized, "{given:?}");
    }
    let wire = Wire::new(|config| config);
    serve(&wire, everything(), orders(), &headers(&[("content-type", "text/plain")]), &[b"Q7\xff"]);
    let sent = wire.sent_text();
    assert!(!sent.contains("Q7\u{fffd}") && sent.contains("http.response.body.size"), "{sent}");
}

#[test]
fn no_more_than_the_limit_is_kept() {
    let wire = Wire::new(|config| config);
    let part = [b'x'; 700];
    let recording = everything().body_limit(1_000);
    serve(&wire, recording, orders(), &headers(&[("content-type", "text/plain")]), &[&part, &part, &part]);
    let sent = wire.sent_text();
    assert!(!sent.contains(&"x".repeat(1_001)), "{sent}");
    assert_eq!(sent.matches(&format!("{}...", "x".repeat(1_000))).count(), 2, "{sent}");
}
