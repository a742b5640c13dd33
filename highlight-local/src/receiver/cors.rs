//! What browsers may do here: send, from any page, and learn that it arrived.
//!
//! Any origin is allowed, on the paths that telemetry and recordings are sent to and on no other.
//! The page under development runs on a port of its own, and its browser client must reach this
//! one. It is safe, because on those paths nothing can be read: the answers say "accepted" or what
//! is wrong with what was sent, nobody is logged in here, and what is sent is only ever stored
//! and shown as text. A hostile page can add records of its own, as any program on this machine
//! can, and pushes old ones out; it cannot see what is there.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};

/// Answers the question that precedes the request: with the headers it asks for.
pub(super) fn preflight(asked: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let allowed = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let allowed = allowed.unwrap_or(HeaderValue::from_static("content-type, content-encoding"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    let fixed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
        (header::ACCESS_CONTROL_MAX_AGE, "3600"),
        (HeaderName::from_static("access-control-allow-private-network"), "true"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    allow(response, asked)
}

/// Names the page's origin rather than `*`, which `sendBeacon` with credentials needs.
pub(super) fn allow(mut response: Response, asked: &HeaderMap) -> Response {
    let origin = asked.get(header::ORIGIN).cloned().unwrap_or(HeaderValue::from_static("*"));
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    response
}
