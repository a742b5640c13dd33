//! The headers of a request, read in one pass.

use http::{HeaderMap, HeaderValue};

use super::GrpcHeaders;
use crate::propagation::Carrier;

/// What the headers of a request say that matters here.
///
/// An integration wants up to eight of them. To look each up costs more than to walk over all, up to some 50 headers.
///
/// ```
/// use highlight::{http::RequestHeaders, parse_headers, propagation::REQUEST_HEADER};
///
/// let request = http::Request::get("/orders/7").header(REQUEST_HEADER, "abc123/9k2hTq81Lx").header("host", "shop.example").body(())?;
/// let headers = RequestHeaders::read(request.headers());
/// assert_eq!(headers.host(), Some("shop.example"));
/// assert_eq!(parse_headers(&headers).session_id(), Some("abc123"));
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RequestHeaders<'a> {
    all: &'a HeaderMap,
    request: Option<&'a HeaderValue>,
    traceparent: Option<&'a HeaderValue>,
    tracestate: Option<&'a HeaderValue>,
    host: Option<&'a HeaderValue>,
    user_agent: Option<&'a HeaderValue>,
    content_length: Option<&'a HeaderValue>,
    content_type: Option<&'a HeaderValue>,
    grpc_timeout: Option<&'a HeaderValue>,
}

impl<'a> RequestHeaders<'a> {
    /// Reads them. Of a header that is there several times, the first counts.
    #[must_use]
    pub fn read(all: &'a HeaderMap) -> Self {
        let mut read = Self {
            all,
            request: None,
            traceparent: None,
            tracestate: None,
            host: None,
            user_agent: None,
            content_length: None,
            content_type: None,
            grpc_timeout: None,
        };
        for (name, value) in all {
            if let Some(place) = read.place(name.as_str()) {
                place.get_or_insert(value);
            }
        }
        read
    }

    fn place(&mut self, name: &str) -> Option<&mut Option<&'a HeaderValue>> {
        Some(match name {
            "x-highlight-request" => &mut self.request,
            "traceparent" => &mut self.traceparent,
            "tracestate" => &mut self.tracestate,
            "host" => &mut self.host,
            "user-agent" => &mut self.user_agent,
            "content-length" => &mut self.content_length,
            "content-type" => &mut self.content_type,
            "grpc-timeout" => &mut self.grpc_timeout,
            _ => return None,
        })
    }

    /// The `Host` header.
    #[must_use]
    pub fn host(&self) -> Option<&'a str> {
        text(self.host)
    }

    /// The `User-Agent` header.
    #[must_use]
    pub fn user_agent(&self) -> Option<&'a str> {
        text(self.user_agent)
    }

    /// The `Content-Length` header, in bytes.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        text(self.content_length)?.parse().ok()
    }

    /// The headers that tell whether the request is a gRPC call.
    #[must_use]
    pub fn grpc(&self) -> GrpcHeaders<'a> {
        GrpcHeaders { content_type: text(self.content_type), timeout: text(self.grpc_timeout) }
    }
}

impl Carrier for RequestHeaders<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        match name {
            "x-highlight-request" => text(self.request),
            "traceparent" => text(self.traceparent),
            "tracestate" => text(self.tracestate),
            _ => Carrier::get(self.all, name),
        }
    }

    fn visit<'a>(&'a self, name: &str, visit: &mut dyn FnMut(&'a str)) {
        self.all.visit(name, visit);
    }
}

fn text(value: Option<&HeaderValue>) -> Option<&str> {
    std::str::from_utf8(value?.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any headers, of which some are wanted, some come twice, and some are no text.
    fn headers() -> impl Strategy<Value = HeaderMap> {
        let name = prop_oneof![
            prop::sample::select(vec![
                "x-highlight-request",
                "traceparent",
                "tracestate",
                "baggage",
                "cookie",
                "host",
                "user-agent",
                "content-length",
                "content-type",
                "grpc-timeout",
            ])
            .prop_map(str::to_owned),
            "[a-z][a-z-]{0,12}",
        ];
        let value = prop_oneof!["[ -~]{0,20}".prop_map(String::into_bytes), Just(vec![b'a', 0xff])];
        prop::collection::vec((name, value), 0..24).prop_map(|headers| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                if let Ok(value) = HeaderValue::from_bytes(&value) {
                    map.append(http::HeaderName::try_from(name).unwrap(), value);
                }
            }
            map
        })
    }

    proptest! {
        #[test]
        fn they_say_what_the_map_says(map in headers()) {
            let read = RequestHeaders::read(&map);
            for name in map.keys().map(http::HeaderName::as_str).chain(["traceparent", "baggage"]) {
                prop_assert_eq!(Carrier::get(&read, name), Carrier::get(&map, name), "{}", name);
                let all = |carrier: &dyn Carrier| {
                    let mut all = Vec::new();
                    carrier.visit(name, &mut |value| all.push(value.to_owned()));
                    all
                };
                prop_assert_eq!(all(&read), all(&map), "{}", name);
            }
            let first = |name| Carrier::get(&map, name);
            prop_assert_eq!(read.host(), first("host"));
            prop_assert_eq!(read.user_agent(), first("user-agent"));
            prop_assert_eq!(read.content_length(), first("content-length").and_then(|size| size.parse().ok()));
            let grpc = read.grpc();
            prop_assert_eq!((grpc.content_type, grpc.timeout), (first("content-type"), first("grpc-timeout")));
        }
    }
}
