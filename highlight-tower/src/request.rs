//! What the core wants to know of a request, read off `http`'s types.

use highlight::http::{GrpcHeaders, ServerRequest, protocol_version};
use http::{Method, Request, header};

use crate::layer::Places;

/// Describes the request to `with`. The description borrows, so nothing is copied that is not recorded.
pub(crate) fn describe<B, T>(
    request: &Request<B>,
    places: Places,
    with: impl FnOnce(&ServerRequest<'_>) -> T,
) -> T {
    let header = |name: header::HeaderName| request.headers().get(name)?.to_str().ok();
    let uri = request.uri();
    let peer = (places.peer)(request.extensions()).map(|peer| peer.ip().to_string());
    let mut described = ServerRequest::new(request.method().as_str(), uri.path());
    described.query = uri.query();
    described.route = (places.route)(request.extensions());
    described.scheme = uri.scheme_str();
    described.host = uri.authority().map(http::uri::Authority::as_str).or_else(|| header(header::HOST));
    described.version = protocol_version(request.version());
    described.user_agent = header(header::USER_AGENT);
    // A call is always a `POST`.
    if request.method() == Method::POST {
        described.grpc = GrpcHeaders::from_headers(request.headers());
    }
    described.body_size = header(header::CONTENT_LENGTH).and_then(|size| size.parse().ok());
    described.client_address = peer.as_deref();
    described.preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    with(&described)
}
