//! What a page of another origin may do.
//!
//! The browser client adds headers to the page's calls, and the browser asks for them in a preflight. If one is not
//! allowed, **the page's own call fails**.

use highlight::propagation::cors_headers;
use tower_http::cors::{Any, CorsLayer};

/// Any page may call: right for a demonstration. A shop of your own names its pages' origins and its methods.
pub fn any_page() -> CorsLayer {
    CorsLayer::new().allow_origin(Any).allow_methods(Any).allow_headers(cors_headers())
}
