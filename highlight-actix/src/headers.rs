//! Actix's headers as a carrier.

use actix_web::http::header::HeaderMap;
use highlight::propagation::Carrier;

/// Actix's headers, to be read by [`parse_headers`](highlight::parse_headers).
///
/// The middleware does that by itself; this is for requests that reach the program in another way.
///
/// ```
/// use actix_web::test::TestRequest;
/// use highlight_actix::Headers;
///
/// let request = TestRequest::default().insert_header(("x-highlight-request", "abc123/9k2hTq81Lx")).to_http_request();
/// let context = highlight::parse_headers(&Headers(request.headers()));
/// assert_eq!(context.session_id(), Some("abc123"));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a>(pub &'a HeaderMap);

impl Carrier for Headers<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str().ok()
    }

    fn visit<'a>(&'a self, name: &str, visit: &mut dyn FnMut(&'a str)) {
        self.0.get_all(name).filter_map(|value| value.to_str().ok()).for_each(visit);
    }
}
