//! What the semantic conventions say alike of servers and clients.

use std::borrow::Cow;

use http::Version;

/// What a method is called that is none of [`Method::KNOWN`].
const OTHER: &str = "_OTHER";

/// A method that span names and attributes may carry, or `_OTHER`: what else comes would make them unbounded.
///
/// As its place among them: it is kept with each request, and compared with others'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Method(u8);

impl Method {
    const KNOWN: [&str; 10] =
        ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "QUERY", "CONNECT", "TRACE"];
    /// How many there are.
    pub(super) const COUNT: usize = Self::KNOWN.len() + 1;

    #[inline]
    pub(super) fn of(method: &str) -> Self {
        Self(place(&Self::KNOWN, method))
    }

    /// Where it stands among the [`COUNT`](Self::COUNT).
    pub(super) fn place(self) -> usize {
        self.0.into()
    }

    pub(super) fn name(self) -> &'static str {
        Self::KNOWN.get(self.place()).copied().unwrap_or(OTHER)
    }

    pub(super) fn is_other(self) -> bool {
        self.place() == Self::KNOWN.len()
    }
}

/// A version that [`protocol_version`] knows, as its place among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KnownVersion(u8);

impl KnownVersion {
    const KNOWN: [&str; 5] = ["1.1", "2", "1.0", "3", "0.9"];

    #[inline]
    pub(super) fn of(version: &str) -> Option<Self> {
        Some(Self(place(&Self::KNOWN, version))).filter(|version| version.name().is_some())
    }

    pub(super) fn name(self) -> Option<&'static str> {
        Self::KNOWN.get(usize::from(self.0)).copied()
    }
}

/// Where it stands among those known; after them if it does not.
fn place(known: &[&str], text: &str) -> u8 {
    known.iter().take_while(|known| **known != text).fold(0, |place, _| place + 1)
}

/// The `error.type` of a request that its caller gave up, and of one whose handler panicked.
pub(super) const CANCELLED: &str = "cancelled";
pub(super) const PANIC: &str = "panic";

/// `{method} {template}`, or the method alone: never the path, which would make names unbounded (C§1.3).
pub(super) fn span_name(method: Method, template: Option<&str>) -> Cow<'static, str> {
    let method = if method.is_other() { "HTTP" } else { method.name() };
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
        let span_name = |method, template| span_name(Method::of(method), template);
        assert_eq!(span_name("GET", Some("/orders/{id}")), "GET /orders/{id}");
        assert_eq!(span_name("GET", None), "GET");
        assert_eq!(span_name("BREW", Some("/pot")), "HTTP /pot");
        assert_eq!(span_name("BREW", None), "HTTP");
        assert_eq!(span_name("get", None), "HTTP", "methods are case-sensitive (RFC 9110, 9.1)");
    }

    #[test]
    fn what_is_known_keeps_its_name() {
        for method in Method::KNOWN {
            assert_eq!((Method::of(method).name(), Method::of(method).is_other()), (method, false));
        }
        let other = Method::of("BREW");
        assert_eq!((other.name(), other.is_other(), other.place()), (OTHER, true, Method::COUNT - 1));
        let versions =
            [Version::HTTP_09, Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_3];
        for version in versions.map(protocol_version) {
            assert_eq!(version.and_then(KnownVersion::of).and_then(KnownVersion::name), version);
        }
        assert_eq!(KnownVersion::of("4"), None);
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
