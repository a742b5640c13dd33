//! Where telemetry is sent.

use std::{fmt, net::IpAddr};

use http::Uri;

use super::error::Remedy;

/// Port that collectors speak gRPC on, which this crate does not (C§1.1).
const GRPC_PORT: u16 = 4317;

/// The base URL of an OTLP/HTTP receiver, checked and without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    base: String,
    host: String,
    port: Option<u16>,
}

impl Endpoint {
    pub(crate) fn parse(text: &str) -> Result<Self, Remedy> {
        let refuse = |remedy: &'static str| Err(Remedy::Borrowed(remedy));

        // `Uri` drops a fragment without a word.
        if text.contains('#') {
            return refuse("leave out the fragment (`#...`)");
        }
        let Ok(uri) = text.parse::<Uri>() else {
            return refuse("write a URL such as `http://localhost:4318`");
        };
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return refuse("write the scheme too, such as `http://localhost:4318`");
        };
        if !matches!(scheme, "http" | "https") {
            return refuse("use `http://` or `https://`");
        }
        if scheme == "https" && cfg!(not(feature = "tls")) {
            return refuse("turn on the feature `tls` of `highlight`, or use `http://`");
        }
        if authority.as_str().contains('@') {
            return refuse("leave out user and password, and send credentials as a `header`");
        }
        if authority.host().is_empty() {
            return refuse("write the host too, such as `http://localhost:4318`");
        }
        let port = authority.port_u16();
        let has_port = authority.as_str().len() > authority.host().len();
        if port == Some(0) || (has_port && port.is_none()) {
            return refuse("use a port between 1 and 65535");
        }
        if uri.query().is_some() {
            return refuse("leave out the query (`?...`)");
        }
        let path = uri.path().trim_end_matches('/');
        if ["/v1/traces", "/v1/logs", "/v1/metrics"].iter().any(|signal| path.ends_with(signal)) {
            return refuse("leave out `/v1/...`, which is appended for each signal");
        }
        Ok(Self { base: format!("{scheme}://{authority}{path}"), host: authority.host().to_owned(), port })
    }

    /// Whether it is on this machine, where no proxy of the environment can reach it.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.host();
        host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Whether TLS is spoken to it.
    pub(crate) fn is_https(&self) -> bool {
        self.base.starts_with("https:")
    }

    /// Without brackets, if it is an IPv6 address.
    pub(crate) fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap_or(if self.is_https() { 443 } else { 80 })
    }

    pub(super) fn is_grpc_port(&self) -> bool {
        self.port == Some(GRPC_PORT)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_base_url_keeps_scheme_host_port_and_path() {
        for (text, base) in [
            ("http://localhost:4318", "http://localhost:4318"),
            ("http://localhost:4318/", "http://localhost:4318"),
            ("HTTPS://Collector", "https://Collector"),
            ("http://[::1]:4318", "http://[::1]:4318"),
            ("http://10.0.0.7/otel/", "http://10.0.0.7/otel"),
        ] {
            let endpoint = Endpoint::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(endpoint.to_string(), base);
        }
    }

    #[test]
    fn what_cannot_be_posted_to_is_refused_with_a_remedy_for_it() {
        for (text, remedy) in [
            ("localhost:4318", "scheme"),
            ("/v1", "scheme"),
            ("collector", "scheme"),
            ("grpc://localhost:4317", "http://"),
            ("unix:///run/otel.sock", "URL"),
            ("http://", "URL"),
            ("http://:4318", "host"),
            ("http://host:0", "port"),
            ("http://host:65536", "port"),
            ("http://host:", "port"),
            ("http://user:secret@host:4318", "header"),
            ("http://host:4318?key=1", "query"),
            ("http://host:4318/#top", "fragment"),
            ("http://host:4318/v1/traces", "/v1/"),
            ("http://host:4318/otel/v1/logs/", "/v1/"),
            ("http://ho st", "URL"),
            ("http://höst", "URL"),
        ] {
            match Endpoint::parse(text) {
                Ok(endpoint) => panic!("{text} was taken as {endpoint}"),
                Err(why) => assert!(why.contains(remedy), "{text}: {why}"),
            }
        }
    }

    #[test]
    fn loopback_is_recognised() {
        for (text, is_loopback) in [
            ("http://localhost:4318", true),
            ("http://LOCALHOST", true),
            ("http://127.9.0.1:1", true),
            ("http://[::1]:4318", true),
            ("http://localhost.example.com", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(
                Endpoint::parse(text).map(|endpoint| endpoint.is_loopback()),
                Ok(is_loopback),
                "{text}"
            );
        }
    }

    #[test]
    fn the_grpc_port_is_recognised() {
        for (text, is_grpc) in
            [("http://collector:4317", true), ("http://collector:4318", false), ("http://collector", false)]
        {
            assert_eq!(Endpoint::parse(text).map(|endpoint| endpoint.is_grpc_port()), Ok(is_grpc));
        }
    }

    proptest! {
        #[test]
        fn an_accepted_endpoint_always_gives_a_url(text in "https?://[a-z0-9.:@/?#%\\[\\]-]{0,30}") {
            if let Ok(endpoint) = Endpoint::parse(&text) {
                let uri = format!("{endpoint}/v1/logs").parse::<Uri>();
                prop_assert!(uri.is_ok_and(|uri| uri.path().ends_with("/v1/logs")
                    && uri.host().is_some_and(|host| !host.is_empty())));
                prop_assert_eq!(Endpoint::parse(&endpoint.to_string()), Ok(endpoint));
            }
        }
    }
}
