//! What the semantic conventions say alike of servers and clients.

use std::borrow::Cow;

use http::Version;

/// The methods that span names and attributes may carry; others would make them unbounded.
const KNOWN_METHODS: [&str; 10] =
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"];

/// The `error.type` of a request that its caller gave up, and of one whose handler panicked.
pub(super) const CANCELLED: &str = "cancelled";
pub(super) const PANIC: &str = "panic";

/// The method, or `_OTHER`.
pub(super) fn known_method(method: &str) -> &'static str {
    KNOWN_METHODS.into_iter().find(|known| *known == method).unwrap_or("_OTHER")
}

/// `{method} {template}`, or the method alone: never the path, which would make names unbounded (C§1.3).
pub(super) fn span_name(method: &str, template: Option<&str>) -> Cow<'static, str> {
    let method = match known_method(method) {
        "_OTHER" => "HTTP",
        known => known,
    };
    match template {
        Some(template) => Cow::Owned([method, " ", template].concat()),
        None => Cow::Borrowed(method),
    }
}

/// Host and port of an authority, the brackets of an IPv6 address taken off.
pub(super) fn split_host(authority: &str) -> (&str, Option<u16>) {
    let after = |mark: u8, text: &str| text.bytes().rposition(|byte| byte == mark).map(|at| at + 1);
    let host = after(b'@', authority).and_then(|at| authority.get(at..)).unwrap_or(authority);
    let port = after(b':', host).and_then(|at| Some((host.get(..at - 1)?, host.get(at..)?)));
    match port {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (unbracketed(name), port.parse().ok())
        }
        _ => (unbracketed(host), None),
    }
}

fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// The value of `network.protocol.version`; `None` for a version that nobody has heard of.
#[must_use]
pub fn protocol_version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_09 => Some("0.9"),
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

/// The version as one of those that [`protocol_version`] knows.
pub(super) fn known_version(version: &str) -> Option<&'static str> {
    const KNOWN: [&str; 5] = ["1.1", "2", "1.0", "3", "0.9"];
    KNOWN.into_iter().find(|known| *known == version)
}

/// The boundaries that the conventions advise for durations, in seconds. Explicit, because the server drops exponential
/// histograms (C§9).
pub(super) fn duration_boundaries() -> Vec<f64> {
    vec![0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn span_names_are_bounded() {
        assert_eq!(span_name("GET", Some("/orders/{id}")), "GET /orders/{id}");
        assert_eq!(span_name("GET", None), "GET");
        assert_eq!(span_name("BREW", Some("/pot")), "HTTP /pot");
        assert_eq!(span_name("BREW", None), "HTTP");
        assert_eq!(span_name("get", None), "HTTP", "methods are case-sensitive (RFC 9110, 9.1)");
    }

    #[test]
    fn hosts_are_split() {
        for (authority, host, port) in [
            ("shop.example", "shop.example", None),
            ("shop.example:8080", "shop.example", Some(8080)),
            ("[::1]:3000", "::1", Some(3000)),
            ("[::1]", "::1", None),
            ("user:pass@shop.example:80", "shop.example", Some(80)),
            ("shop.example:", "shop.example:", None),
            ("", "", None),
        ] {
            assert_eq!(split_host(authority), (host, port), "{authority}");
        }
    }
}
