//! Passes every request on to one real server, while it is shown here.
//!
//! ```
//! use highlight_local::{Forward, Receiver};
//!
//! let forward = Forward::to("https://otel.example.org:4318")?;
//! let receiver = Receiver::builder().address(0).forward(forward).start()?;
//! let stats = receiver.forward_stats().unwrap_or_default();
//! assert_eq!((stats.passed, stats.failed, stats.dropped), (0, 0, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What goes on is the body as it came, byte for byte, in its encoding, with the headers that say
//! what it is and whose: all but those that belong to the connection, and a browser's cookies, which
//! were not meant for that server. Calls over gRPC go on as OTLP over HTTP, the same message.
//!
//! The sender is answered from here, at once; it does not learn what the other server says. So a
//! request that fails there is not sent again: it is counted, and said once per change of state. A
//! thread of its own sends; what waits for it is bounded in bytes, and what is over that is dropped
//! and counted. Redirects are not followed: telemetry goes to the server named or nowhere.

mod queue;

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use axum::http::Uri;
use ureq::Agent;

pub(crate) use queue::Passing;

/// Why a target is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "cannot forward to {given:?}: {reason}; give the base address of one OTLP/HTTP server, such as \
     http://otel.internal:4318"
)]
pub struct ForwardError {
    /// What was given.
    given: String,
    reason: &'static str,
}

/// Where requests are passed on to, and how.
#[must_use = "it does nothing until it is handed to `ReceiverBuilder::forward`"]
pub struct Forward {
    base: String,
    host: String,
    port: u16,
    queue_bytes: usize,
    timeout: Duration,
    on_change: Option<Box<OnChange>>,
}

type OnChange = dyn Fn(&ForwardState) + Send + Sync;

/// How it goes, for whoever is told of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ForwardState {
    /// The server answers 2xx.
    Working,
    /// It does not: the reason.
    Failing(String),
    /// It is too slow for what comes in; requests are dropped.
    Dropping,
}

impl fmt::Display for ForwardState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Working => f.write_str("requests are passed on"),
            Self::Failing(reason) => write!(f, "requests cannot be passed on: {reason}"),
            Self::Dropping => f.write_str("requests come faster than they are passed on; some are dropped"),
        }
    }
}

/// What became of the requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ForwardStats {
    /// Answered with 2xx.
    pub passed: u64,
    /// Answered with something else, or not at all.
    pub failed: u64,
    /// Not sent, since too much was waiting.
    pub dropped: u64,
    /// Still waiting, or on the way.
    pub queued: u64,
}

impl Forward {
    /// To this server: `http` or `https`, a host, and a path if OTLP is below one (`/v1/traces` and
    /// its like are appended).
    pub fn to(url: &str) -> Result<Self, ForwardError> {
        let no = |reason| ForwardError { given: url.to_owned(), reason };
        if url.contains('@') {
            // Not repeated, for what is before it may be a secret.
            let given = "…@…".to_owned();
            let reason = "it holds a user name or password; senders bring their own headers";
            return Err(ForwardError { given, reason });
        }
        let uri: Uri = url.parse().map_err(|_| no("it is no URL"))?;
        let port = match uri.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            _ => return Err(no("it must begin with http:// or https://")),
        };
        let authority = uri.authority().ok_or_else(|| no("it names no host"))?;
        if uri.query().is_some() {
            return Err(no("it has a query"));
        }
        Ok(Self {
            base: url.trim_end_matches('/').to_owned(),
            host: authority.host().trim_matches(['[', ']']).to_ascii_lowercase(),
            port: authority.port_u16().unwrap_or(port),
            queue_bytes: 64 << 20,
            timeout: Duration::from_secs(10),
            on_change: None,
        })
    }

    /// How much may wait, in bytes. Default: 64 MiB.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// How long one request may take. Default: 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Is called once per change of state, on the thread that finds it; it should be quick.
    pub fn on_change(mut self, tell: impl Fn(&ForwardState) + Send + Sync + 'static) -> Self {
        self.on_change = Some(Box::new(tell));
        self
    }

    /// The address that was given, without a slash at its end.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.base
    }

    /// Whether a receiver at this address would get its own requests back.
    pub(crate) fn leads_to(&self, receiver: SocketAddr) -> bool {
        let is_same_host = match self.host.parse::<IpAddr>() {
            Ok(ip) => {
                ip == receiver.ip()
                    || ip.is_unspecified()
                    || receiver.ip().is_unspecified() && ip.is_loopback()
            }
            Err(_) => {
                self.host == "localhost" && (receiver.ip().is_loopback() || receiver.ip().is_unspecified())
            }
        };
        is_same_host && self.port == receiver.port()
    }

    pub(crate) fn start(self) -> io::Result<Passing> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(self.timeout));
        if self.host == "localhost" || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()) {
            // The environment's proxy is for servers elsewhere.
            config = config.proxy(None);
        }
        let agent = config.build().new_agent();
        Passing::start(agent, self.base, self.queue_bytes, self.on_change)
    }
}

impl fmt::Debug for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forward")
            .field("target", &self.base)
            .field("queue_bytes", &self.queue_bytes)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
