//! From a name to an answer: what can go wrong on the way, and what to do about it.

use std::{io::ErrorKind, time::Duration};

use ureq::Timeout;

use super::{Finding, endpoint::shown, http2};
use crate::{
    config::{Endpoint, Resolved},
    pipeline::{Deadline, Probe},
};

/// What one server of another protocol may take to say so.
const HTTP2_LIMIT: Duration = Duration::from_secs(3);

/// An answer came, whatever it says.
pub(super) fn made(settings: &Resolved, probe: &Probe, took: Duration) -> Finding {
    let endpoint = &settings.endpoint;
    let tls = match (endpoint.is_https(), settings.certificates.is_empty()) {
        (false, _) => "without TLS",
        (true, true) => "over TLS, with the public authorities",
        (true, false) => "over TLS, with the configured authorities",
    };
    let proxy =
        proxy(probe, endpoint).map(|proxy| format!(", through the proxy {proxy}")).unwrap_or_default();
    let message = format!("{endpoint} answers in {} {tls}{proxy}", shown(took));
    if endpoint.host() == "otel.highlight.io" {
        return Finding::warning(
            "connection",
            format!("{message}; but hosted Highlight has ended"),
            "use a server of your own, or the successor (`Config::launchdarkly`)",
        );
    }
    Finding::ok("connection", message)
}

/// No answer came.
pub(super) fn failed(error: &ureq::Error, settings: &Resolved, probe: &Probe, deadline: Deadline) -> Finding {
    let endpoint = &settings.endpoint;
    let proxy = proxy(probe, endpoint);
    // A proxy would be asked in the server's place.
    let may_be_grpc = is_no_http(error) && !endpoint.is_https() && proxy.is_none();
    let limit = deadline.remaining().unwrap_or(HTTP2_LIMIT).min(HTTP2_LIMIT);
    if may_be_grpc && http2::is_spoken_at(endpoint.host(), endpoint.port(), limit) {
        return Finding::problem(
            "connection",
            format!("{endpoint} speaks HTTP/2 only: it is a gRPC port"),
            "use the OTLP/HTTP port, which is usually 4318",
        );
    }
    let (message, remedy) = describe(error, endpoint);
    let Some(proxy) = proxy else { return Finding::problem("connection", message, remedy) };
    let remedy =
        "correct or take out HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, or name the endpoint's host in NO_PROXY";
    let message = if never_connected(error) {
        format!("the proxy {proxy} of the environment cannot be reached")
    } else {
        format!("{message} (through the proxy {proxy} of the environment)")
    };
    Finding::problem("connection", message, remedy)
}

/// Whether there was no connection at all, be it to a proxy.
fn never_connected(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Timeout(timeout) => matches!(timeout, Timeout::Resolve | Timeout::Connect),
        ureq::Error::Io(io) if io.kind() == ErrorKind::ConnectionRefused => true,
        _ => is_unknown_host(error),
    }
}

/// The proxy's host and port, if requests go through one. Never its user and password.
fn proxy(probe: &Probe, endpoint: &Endpoint) -> Option<String> {
    let proxy = probe.agent().config().proxy()?;
    let uri = endpoint.to_string().parse().ok()?;
    (!proxy.is_no_proxy(&uri)).then(|| format!("{}:{}", proxy.host(), proxy.port()))
}

/// Whether the other side accepted the connection, and then did not speak HTTP/1.1.
fn is_no_http(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Protocol(_) => true,
        ureq::Error::Io(error) => {
            matches!(
                error.kind(),
                ErrorKind::UnexpectedEof
                    | ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe
            )
        }
        ureq::Error::Timeout(timeout) => !matches!(timeout, Timeout::Resolve | Timeout::Connect),
        _ => false,
    }
}

/// The system's own look-up says so in words alone; the numbers are those of Windows.
fn is_unknown_host(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::HostNotFound => true,
        ureq::Error::Io(error) => {
            matches!(error.raw_os_error(), Some(11001..=11004))
                || error.to_string().contains("failed to lookup address")
        }
        _ => false,
    }
}

fn is_tls(error: &ureq::Error) -> bool {
    #[cfg(feature = "tls")]
    if matches!(error, ureq::Error::Rustls(_)) {
        return true;
    }
    matches!(error, ureq::Error::Tls(_))
}

/// What happened, and what to do.
pub(super) fn describe(error: &ureq::Error, endpoint: &Endpoint) -> (String, &'static str) {
    let text = error.to_string();
    match error {
        _ if is_unknown_host(error) => (
            format!("no address is known for the host {}", endpoint.host()),
            "check the spelling, and whether this machine, container or network can resolve it",
        ),
        ureq::Error::Timeout(Timeout::Resolve) => (
            format!("looking up the host {} takes too long", endpoint.host()),
            "check the DNS server of this machine",
        ),
        ureq::Error::Timeout(Timeout::Connect) => (
            format!("no connection to {endpoint} in time"),
            "check host and port, and the firewalls and network policies in between",
        ),
        ureq::Error::Timeout(_) => (
            format!("{endpoint} takes the connection, but does not answer in time"),
            "check that an OTLP/HTTP receiver listens there, and its load",
        ),
        ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => (
            format!("nothing listens at {endpoint}: the connection is refused"),
            "start the receiver (for a laptop: `highlight-local`), or set the endpoint; in a container, localhost is the container itself",
        ),
        _ if text.contains("UnknownIssuer") => (
            format!("the certificate of {endpoint} is signed by nobody who is trusted"),
            "give the server's authority with `Config::certificate` or HIGHLIGHT_OTLP_CERTIFICATE",
        ),
        _ if text.contains("CaUsedAsEndEntity") => (
            format!("the certificate of {endpoint} calls itself an authority, so it is no server's"),
            "give the server a certificate that an authority signed, or one that signed itself with `basicConstraints=critical,CA:FALSE` \
             (`docs/self-hosting.md` has the command), and name that with `Config::certificate` or HIGHLIGHT_OTLP_CERTIFICATE",
        ),
        _ if text.contains("not valid for name") || text.contains("NotValidForName") => (
            format!("the certificate of {endpoint} is for another name"),
            "use the name that the certificate is for, or give the server a certificate for this one",
        ),
        _ if text.contains("certificate expired") || text.contains("certificate not valid yet") => (
            format!("the certificate of {endpoint} is not valid at this time"),
            "renew it, or set this machine's clock",
        ),
        _ if text.contains("InvalidContentType") => {
            (format!("{endpoint} does not speak TLS"), "write `http://`, or use the server's TLS port")
        }
        _ if text.contains("invalid peer certificate") => (
            format!("the certificate of {endpoint} is not accepted: {text}"),
            "give the server a certificate that is, or its authority with `Config::certificate`",
        ),
        _ if is_tls(error) => (
            format!("TLS with {endpoint} fails: {text}"),
            "check that an OTLP/HTTP receiver listens there with TLS",
        ),
        ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => (
            format!("the proxy does not connect to {endpoint}"),
            "check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY",
        ),
        ureq::Error::Protocol(_) => (
            format!("{endpoint} does not speak HTTP/1.1"),
            "use the OTLP/HTTP port, which is usually 4318; a TLS port wants `https://`",
        ),
        ureq::Error::Io(error) if endpoint.is_https() => (
            format!("the connection to {endpoint} fails: {error}"),
            "check that an OTLP/HTTP receiver listens there with TLS; a plain port wants `http://`",
        ),
        ureq::Error::Io(error) => (
            format!("the connection to {endpoint} fails: {error}"),
            "check that an OTLP/HTTP receiver listens there; a TLS port wants `https://`",
        ),
        _ => (format!("the request to {endpoint} fails"), "check that an OTLP/HTTP receiver listens there"),
    }
}
