//! Single requests over the exporter's own client, for [`diagnosis`](crate::diagnosis): what does the other side make of them?

use std::{
    io::Read,
    time::{Duration, Instant, SystemTime},
};

use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use ureq::{Agent, AsSendBody};

use super::{
    gzip::Gzip,
    resolver::Addresses,
    segment::Signal,
    transport::{self, TransportSettings},
    worker::contained,
};

/// What is read of an answer's body: enough to recognise a web page.
const HEAD: u64 = 4096;

/// Sends to one server.
pub(crate) struct Probe {
    agent: Agent,
    settings: TransportSettings,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body's beginning.
    pub(crate) head: String,
    /// When the answer's headers were there.
    pub(crate) at: SystemTime,
    /// How long that took.
    pub(crate) took: Duration,
}

impl Reply {
    /// A header's text; empty if it is not there, or no text.
    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Probe {
    pub(crate) fn new(settings: TransportSettings) -> Self {
        Self { agent: transport::agent(&settings, Addresses::default()), settings }
    }

    /// The client, with the proxy it would use.
    pub(crate) fn agent(&self) -> &Agent {
        &self.agent
    }

    /// The longest that a request may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.settings.timeout
    }

    /// An export request as any other, but for the telemetry in it.
    pub(crate) fn export(&self, signal: Signal, limit: Duration) -> Result<Reply, ureq::Error> {
        let url = format!("{}/v1/{}", self.settings.endpoint, signal.as_str());
        let mut request =
            Request::post(url).header(header::CONTENT_TYPE, "application/x-protobuf").body(Vec::new())?;
        request.headers_mut().extend(self.settings.headers.clone());
        if self.settings.gzip {
            *request.body_mut() = Gzip::new().compress(&[]).to_vec();
            request.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        self.send(request, limit)
    }

    /// An `OPTIONS` request with these headers, and none of the exporter's own.
    pub(crate) fn options(
        &self,
        url: &http::Uri,
        headers: HeaderMap,
        limit: Duration,
    ) -> Result<Reply, ureq::Error> {
        let mut request = Request::builder().method(Method::OPTIONS).uri(url).body(())?;
        *request.headers_mut() = headers;
        self.send(request, limit)
    }

    fn send(
        &self,
        request: Request<impl AsSendBody + 'static>,
        limit: Duration,
    ) -> Result<Reply, ureq::Error> {
        let request = self.agent.configure_request(request).timeout_global(Some(limit)).build();
        let started = Instant::now();
        let exchange = || {
            let mut response = self.agent.run(request)?;
            let (at, took) = (SystemTime::now(), started.elapsed());
            let mut head = Vec::new();
            // What is cut short is judged by what there is.
            let _ = response.body_mut().as_reader().take(HEAD).read_to_end(&mut head);
            let (parts, _) = response.into_parts();
            let head = String::from_utf8_lossy(&head).into_owned();
            Ok(Reply { status: parts.status, headers: parts.headers, head, at, took })
        };
        contained(exchange).unwrap_or(Err(ureq::Error::ConnectionFailed))
    }
}
