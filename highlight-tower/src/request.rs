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
    with(&ServerRequest {
        method: request.method().as_str(),
        path: uri.path(),
        query: uri.query(),
        route: (places.route)(request.extensions()),
        scheme: uri.scheme_str(),
        host: uri.authority().map(http::uri::Authority::as_str).or_else(|| header(header::HOST)),
        version: protocol_version(request.version()),
        user_agent: header(header::USER_AGENT),
        grpc: GrpcHeaders::of(request.headers()),
        body_size: header(header::CONTENT_LENGTH).and_then(|size| size.parse().ok()),
        client_address: peer.as_deref(),
        preflight: request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD),
    })
}
