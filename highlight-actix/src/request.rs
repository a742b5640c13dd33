//! What the core wants to know of a request, read off actix's types.

use actix_web::{
    HttpRequest,
    dev::ServiceRequest,
    http::{Method, Version, header, uri::Authority},
};
use highlight::http::ServerRequest;

/// Describes the request to `with`. The description borrows, so nothing is copied that is not recorded.
pub(crate) fn describe<T>(request: &ServiceRequest, with: impl FnOnce(&ServerRequest<'_>) -> T) -> T {
    let header = |name: header::HeaderName| request.headers().get(name)?.to_str().ok();
    let uri = request.uri();
    // A guess by the path alone: guards and middleware may decide otherwise. It is what a request has that never gets an answer.
    let route = request.match_pattern();
    let peer = request.peer_addr().map(|peer| peer.ip().to_string());
    // No gRPC: that needs trailers, which actix cannot send.
    let mut described = ServerRequest::new(request.method().as_str(), uri.path());
    described.query = uri.query();
    described.route = route.as_deref();
    described.scheme = uri.scheme_str().or_else(|| request.app_config().secure().then_some("https"));
    described.host = uri.authority().map(Authority::as_str).or_else(|| header(header::HOST));
    described.version = version(request.version());
    described.user_agent = header(header::USER_AGENT);
    described.body_size = header(header::CONTENT_LENGTH).and_then(|size| size.parse().ok());
    described.client_address = peer.as_deref();
    described.preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    with(&described)
}

/// The template of the route that served the request, which is known once it was served.
pub(crate) fn matched_route(request: &HttpRequest) -> Option<String> {
    // `match_pattern` goes by the path also where a guard refused the request; then the router has left the path alone.
    let matched = request.match_info().unprocessed().is_empty();
    matched.then(|| request.match_pattern()).flatten()
}

fn version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_09 => Some("0.9"),
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}
