//! What a page of another origin may do.
//!
//! The browser client adds headers to the page's calls, and the browser asks for them in a preflight. If one is not
//! allowed, **the page's own call fails**.

use tower_http::cors::{AllowHeaders, Any, CorsLayer};

/// Any page may call, with the headers it asks for: right for a demonstration.
///
/// A shop of your own names its pages' origins, its methods, and its headers, with
/// [`highlight::propagation::CORS_HEADERS`] among them.
pub fn any_page() -> CorsLayer {
    CorsLayer::new().allow_origin(Any).allow_methods(Any).allow_headers(AllowHeaders::mirror_request())
}
