//! Actix's headers as a carrier.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use highlight::propagation::{Carrier, CarrierMut};

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

/// Actix's headers, to be written by [`propagation`](highlight::propagation), as for a call by awc:
///
/// ```
/// use actix_web::http::header::HeaderMap;
/// use highlight::propagation;
/// use highlight_actix::HeadersMut;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut headers = HeaderMap::new();
/// let uri = "http://payments:8080/charges".parse()?;
/// // `headers` is awc's `ClientRequest::headers_mut()`.
/// propagation::inject_for(&uri, &mut HeadersMut(&mut headers));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct HeadersMut<'a>(pub &'a mut HeaderMap);

impl CarrierMut for HeadersMut<'_> {
    fn set(&mut self, name: &'static str, value: String) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use highlight::{RequestContext, parse_headers, propagation};

    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_replaces_what_was_there() {
        let mut headers = HeaderMap::new();
        let name = HeaderName::from_static(propagation::REQUEST_HEADER);
        headers.append(name.clone(), HeaderValue::from_static("other/request"));
        let context = RequestContext::from("abc123/9k2hTq81Lx");
        context.in_scope(|| propagation::inject(&mut HeadersMut(&mut headers)));
        assert_eq!(parse_headers(&Headers(&headers)), context);
        assert_eq!(headers.get_all(name).count(), 1);
        assert!(headers.contains_key("traceparent"));
    }
}
