//! How requests are delivered; and the HTTP client, one blocking POST per request.
//!
//! It is `ureq`, with rustls where the feature `tls` is on, and not with what the features of other crates choose. It runs on the worker's
//! thread only and needs no runtime.

use std::{
    fmt,
    io::{self, Read},
    time::{Duration, SystemTime},
};

use http::{HeaderMap, header};
use ureq::{Agent, unversioned::transport::DefaultConnector};

use super::{
    gzip::Gzip,
    partial_success,
    resolver::Addresses,
    retry::retry_after,
    segment::{Request, Signal},
};
use crate::config::{Certificate, Endpoint};

const USER_AGENT: &str = concat!("highlight-rust/", env!("CARGO_PKG_VERSION"));
/// An answer's body only says how many items were refused; more than this is not read.
const MAX_ANSWER: u64 = 64 * 1024;
/// Only the answer's status matters; who says 200 and then dawdles over the rest is not waited for.
const ANSWER_BODY: Duration = Duration::from_secs(1);
/// Nobody waits longer; and a time-out that cannot be added to the clock is no reason to panic.
const MAX_TIMEOUT: Duration = Duration::from_secs(3600);

/// How to reach the server.
#[derive(Clone)]
pub(crate) struct TransportSettings {
    /// Base address; `/v1/traces`, `/v1/logs`, `/v1/metrics` are appended. Default `http://localhost:4318`.
    pub(crate) endpoint: Endpoint,
    /// Sent with every request. Values are never logged.
    pub(crate) headers: HeaderMap,
    /// Authorities trusted **instead of** the public roots: the endpoint is one server, and the one who names its CA
    /// means this CA (so do `OTEL_EXPORTER_OTLP_CERTIFICATE` and the exporters that read it). Default: the public roots.
    pub(crate) certificates: Vec<Certificate>,
    /// Compress bodies. Default on.
    pub(crate) gzip: bool,
    /// Limit for one request, from connecting to the end of the answer. Default 10 s.
    pub(crate) timeout: Duration,
    /// Limit for connecting, TLS included. Default 5 s.
    pub(crate) connect_timeout: Duration,
}

impl TransportSettings {
    /// The defaults, with this base address.
    pub(crate) fn to(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            headers: HeaderMap::new(),
            certificates: Vec::new(),
            gzip: true,
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for TransportSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.keys().collect();
        f.debug_struct("TransportSettings")
            .field("endpoint", &self.endpoint)
            .field("headers (names)", &headers)
            .field("certificates", &self.certificates.len())
            .field("gzip", &self.gzip)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .finish()
    }
}

/// What the server answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(super) status: u16,
    /// How long it asks us to wait.
    pub(super) retry_after: Option<Duration>,
    /// Items that it refused of a request it accepted otherwise (OTLP partial success).
    pub(super) rejected: u64,
}

/// No answer came. The text never holds headers or bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(pub(super) String);

/// Where requests go: to the server, or into the memory of a test.
pub(crate) trait Transport: Send {
    /// Delivers a request and waits for the answer, for at most `limit` if there is one.
    fn send(&mut self, request: &Request, limit: Option<Duration>) -> Result<Answer, Failure>;

    /// What ends a request under way, from another thread; every later one fails at once. `None` if none takes time.
    fn interrupt(&self) -> Option<Interrupt> {
        None
    }
}

/// See [`Transport::interrupt`].
pub(crate) type Interrupt = Box<dyn Fn() + Send + Sync>;

/// To the server.
pub(super) struct Http {
    agent: Agent,
    addresses: Addresses,
    urls: [String; 3],
    headers: HeaderMap,
    gzip: Option<Gzip>,
    plain: Vec<u8>,
    timeout: Duration,
}

impl Http {
    pub(super) fn new(settings: TransportSettings) -> Self {
        let endpoint = &settings.endpoint;
        let addresses = Addresses::default();
        Self {
            agent: agent(&settings, addresses.clone()),
            addresses,
            urls: Signal::ALL.map(|signal| format!("{endpoint}/v1/{}", signal.as_str())),
            gzip: settings.gzip.then(Gzip::new),
            plain: Vec::new(),
            timeout: settings.timeout.min(MAX_TIMEOUT),
            headers: settings.headers,
        }
    }
}

impl Transport for Http {
    /// Waits at most for the timeout of the settings, or for `limit`.
    ///
    /// A connection kept alive may have been closed by the server a moment ago; so a first try that ends in a
    /// disconnect is repeated at once.
    fn send(&mut self, request: &Request, limit: Option<Duration>) -> Result<Answer, Failure> {
        let timeout = limit.map_or(self.timeout, |limit| limit.min(self.timeout));
        let (body, encoding) = match &mut self.gzip {
            Some(gzip) => (gzip.compress(&request.segments), Some("gzip")),
            None => (join(&mut self.plain, request), None),
        };
        let post = || {
            let mut builder = self
                .agent
                .post(&self.urls[request.signal as usize])
                .header(header::CONTENT_TYPE, "application/x-protobuf");
            if let Some(encoding) = encoding {
                builder = builder.header(header::CONTENT_ENCODING, encoding);
            }
            for (name, value) in &self.headers {
                builder = builder.header(name, value);
            }
            builder.config().timeout_global(Some(timeout)).build().send(body)
        };
        let mut response = post()
            .or_else(|error| if is_disconnect(&error) { post() } else { Err(error) })
            .map_err(|error| {
                self.addresses.forget();
                Failure(describe(&error))
            })?;
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| retry_after(value, SystemTime::now()));
        let status = response.status();
        let mut answer = Vec::new();
        // An answer cut short is an answer: the status is what counts. Reading it lets the connection be
        // used again.
        let read = response.body_mut().as_reader().take(MAX_ANSWER).read_to_end(&mut answer);
        let rejected = match read {
            Ok(_) if status.is_success() => partial_success::rejected(&answer),
            _ => 0,
        };
        Ok(Answer { status: status.as_u16(), retry_after, rejected: rejected.min(request.items()) })
    }

    fn interrupt(&self) -> Option<Interrupt> {
        let agent = self.agent.clone();
        Some(Box::new(move || agent.clone().shutdown()))
    }
}

pub(super) fn agent(settings: &TransportSettings, addresses: Addresses) -> Agent {
    let mut config = Agent::config_builder()
        .user_agent(USER_AGENT)
        .http_status_as_error(false)
        // A redirect is an error of configuration: telemetry, with its headers, goes to the named server
        // or nowhere.
        .max_redirects(0)
        .timeout_connect(Some(settings.connect_timeout.min(MAX_TIMEOUT)))
        .timeout_recv_body(Some(ANSWER_BODY));
    #[cfg(feature = "tls")]
    {
        config = config.tls_config(tls(&settings.certificates));
    }
    if settings.endpoint.is_loopback() {
        config = config.proxy(None);
    }
    Agent::with_parts(config.build(), DefaultConnector::default(), addresses)
}

#[cfg(feature = "tls")]
fn tls(certificates: &[Certificate]) -> ureq::tls::TlsConfig {
    let roots = match certificates {
        [] => ureq::tls::RootCerts::WebPki,
        _ => certificates.to_vec().into(),
    };
    ureq::tls::TlsConfig::builder().root_certs(roots).build()
}

/// The segments one after another, in a buffer that is kept.
fn join<'a>(buffer: &'a mut Vec<u8>, request: &Request) -> &'a [u8] {
    const KEPT: usize = 1 << 20;
    buffer.clear();
    buffer.shrink_to(KEPT);
    for segment in &request.segments {
        buffer.extend_from_slice(&segment.bytes);
    }
    buffer
}

fn is_disconnect(error: &ureq::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error, ureq::Error::Io(error)
        if matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof))
}

/// A short reason without anything that came from a header or a body: those may hold secrets.
fn describe(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::NotConnected => {
            "no answer before the end".to_owned()
        }
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Timeout(phase) => format!("timeout ({phase})"),
        ureq::Error::HostNotFound => "host not found".to_owned(),
        #[cfg(feature = "tls")]
        ureq::Error::Rustls(error) => format!("TLS: {error}"),
        ureq::Error::Tls(error) => format!("TLS: {error}"),
        ureq::Error::ConnectProxyFailed(_) => "the proxy refused to connect".to_owned(),
        ureq::Error::Protocol(_) => "the answer is not HTTP".to_owned(),
        ureq::Error::LargeResponseHeader(..) => "the answer's header is too long".to_owned(),
        _ => "the request failed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn debug_shows_no_header_value() {
        let mut settings = TransportSettings::to(Endpoint::parse("http://localhost").unwrap());
        settings.headers.insert(header::AUTHORIZATION, HeaderValue::from_static("hunter2"));
        let text = format!("{settings:?}");
        assert!(text.contains("authorization"));
        assert!(!text.contains("hunter2"));
    }
}
