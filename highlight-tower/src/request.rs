//! What the core wants to know of a request, read off `http`'s types.

use highlight::http::{RequestHeaders, ServerRequest, protocol_version};
use http::{Method, Request, header};

use crate::layer::Places;

/// Describes the request to `with`. The description borrows, so nothing is copied that is not recorded.
pub(crate) fn describe<B, T>(
    request: &Request<B>,
    headers: &RequestHeaders<'_>,
    places: Places,
    with: impl FnOnce(&ServerRequest<'_>) -> T,
) -> T {
    let uri = request.uri();
    let peer = (places.peer)(request.extensions()).map(|peer| peer.ip().to_string());
    let mut described = ServerRequest::new(request.method().as_str(), uri.path());
    described.query = uri.query();
    described.route = (places.route)(request.extensions());
    described.scheme = uri.scheme_str();
    described.host = uri.authority().map(http::uri::Authority::as_str).or_else(|| headers.host());
    described.version = protocol_version(request.version());
    described.user_agent = headers.user_agent();
    // A call is always a `POST`.
    if request.method() == Method::POST {
        described.grpc = headers.grpc();
    }
    described.body_size = headers.content_length();
    described.client_address = peer.as_deref();
    described.preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    with(&described)
}
