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

use std::{
    collections::VecDeque,
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, HeaderName, Request, Uri, header};
use bytes::Bytes;
use ureq::Agent;

/// How long the end waits for what is queued.
const LAST_CHANCE: Duration = Duration::from_secs(2);

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
    #[must_use]
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// How long one request may take. Default: 10 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Is called once per change of state, on the thread that finds it; it should be quick.
    #[must_use]
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
        let shared = Arc::new(Shared {
            queue_bytes: self.queue_bytes,
            on_change: self.on_change,
            queue: Mutex::default(),
            changed: Condvar::new(),
        });
        let worker = Worker { agent, base: self.base, shared: Arc::clone(&shared) };
        thread::Builder::new().name("highlight-forward".to_owned()).spawn(move || worker.run())?;
        Ok(Passing(shared))
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

/// A request that waits.
struct Waiting {
    path: &'static str,
    headers: HeaderMap,
    body: Bytes,
}

impl Waiting {
    fn weight(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(k, v)| k.as_str().len() + v.len() + 64).sum();
        self.body.len() + headers + 256
    }
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    stats: ForwardStats,
    failing: bool,
    dropping: bool,
    end: End,
}

/// How near the end is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    #[default]
    Open,
    /// Nothing more comes in.
    Closed,
    /// Nobody waits for the worker any more.
    Abandoned,
    /// The worker is gone.
    Over,
}

struct Shared {
    queue_bytes: usize,
    on_change: Option<Box<OnChange>>,
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, state: Option<ForwardState>) {
        if let (Some(state), Some(tell)) = (state, &self.on_change) {
            tell(&state);
        }
    }
}

impl Queue {
    fn dropped(&mut self) -> Option<ForwardState> {
        self.stats.dropped += 1;
        let was = std::mem::replace(&mut self.dropping, true);
        (!was).then_some(ForwardState::Dropping)
    }

    fn passed(&mut self) -> Option<ForwardState> {
        self.stats.passed += 1;
        let was = self.failing || self.dropping;
        self.failing = false;
        // Dropping is over when nothing waits, not with the first gap.
        self.dropping &= !self.waiting.is_empty();
        (was && !self.dropping).then_some(ForwardState::Working)
    }

    fn failed(&mut self, reason: String) -> Option<ForwardState> {
        self.stats.failed += 1;
        let was = std::mem::replace(&mut self.failing, true);
        (!was).then_some(ForwardState::Failing(reason))
    }
}

/// Where the receiver leaves what goes on.
#[derive(Clone)]
pub(crate) struct Passing(Arc<Shared>);

impl fmt::Debug for Passing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Passing").field(&self.stats()).finish()
    }
}

impl Passing {
    /// Never waits.
    pub(crate) fn pass_on(&self, path: &'static str, headers: &HeaderMap, body: Bytes) {
        let waiting = Waiting { path, headers: passed_on(headers), body };
        let weight = waiting.weight();
        let mut queue = self.0.lock();
        if queue.end > End::Open || queue.bytes + weight > self.0.queue_bytes {
            let news = queue.dropped();
            drop(queue);
            self.0.tell(news);
            return;
        }
        queue.bytes += weight;
        queue.stats.queued += 1;
        queue.waiting.push_back(waiting);
        drop(queue);
        self.0.changed.notify_all();
    }

    pub(crate) fn stats(&self) -> ForwardStats {
        self.0.lock().stats
    }

    /// Gives what waits a last chance, for a bounded time.
    pub(crate) fn finish(&self) {
        let deadline = Instant::now() + LAST_CHANCE;
        let mut queue = self.0.lock();
        queue.end = queue.end.max(End::Closed);
        self.0.changed.notify_all();
        while queue.end < End::Over {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                queue.end = End::Abandoned;
                return;
            }
            let waited = self.0.changed.wait_timeout(queue, left);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// What describes the message and its sender, and not the connection it came on.
fn passed_on(headers: &HeaderMap) -> HeaderMap {
    const NOT: [HeaderName; 13] = [
        header::HOST,
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::TE,
        header::TRAILER,
        header::UPGRADE,
        header::EXPECT,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        // The answer is not passed back, so nothing about it is asked for.
        header::ACCEPT_ENCODING,
        HeaderName::from_static("keep-alive"),
        header::COOKIE,
    ];
    let kept = headers.iter().filter(|(name, _)| !NOT.contains(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

struct Worker {
    agent: Agent,
    base: String,
    shared: Arc<Shared>,
}

impl Worker {
    fn run(self) {
        while let Some(waiting) = self.next() {
            let outcome = self.send(&waiting);
            let mut queue = self.shared.lock();
            queue.bytes = queue.bytes.saturating_sub(waiting.weight());
            queue.stats.queued = queue.stats.queued.saturating_sub(1);
            let news = match outcome {
                Ok(()) => queue.passed(),
                Err(reason) => queue.failed(reason),
            };
            drop(queue);
            self.shared.tell(news);
        }
        self.shared.lock().end = End::Over;
        self.shared.changed.notify_all();
    }

    /// Waits for a request; `None` at the end.
    fn next(&self) -> Option<Waiting> {
        let mut queue = self.shared.lock();
        loop {
            if queue.end == End::Abandoned {
                return None;
            }
            if let Some(waiting) = queue.waiting.pop_front() {
                return Some(waiting);
            }
            if queue.end == End::Closed {
                return None;
            }
            queue = self.shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A connection kept alive may have been closed a moment ago, so what ends in a disconnect is
    /// tried once more.
    fn send(&self, waiting: &Waiting) -> Result<(), String> {
        let status = match self.post(waiting) {
            Err(ureq::Error::Io(error)) if is_disconnect(&error) => self.post(waiting),
            outcome => outcome,
        };
        match status {
            Ok(200..=299) => Ok(()),
            Ok(status) => Err(format!("{} answers {status}", self.base)),
            Err(error) => Err(format!("{}: {error}", self.base)),
        }
    }

    fn post(&self, waiting: &Waiting) -> Result<u16, ureq::Error> {
        let mut request = Request::post(format!("{}{}", self.base, waiting.path));
        if let Some(headers) = request.headers_mut() {
            headers.clone_from(&waiting.headers);
        }
        let request = request.body(&waiting.body[..])?;
        let mut response = self.agent.run(request)?;
        // Read to its end, the connection can be used again.
        let _ = response.body_mut().with_config().limit(64 << 10).read_to_vec();
        Ok(response.status().as_u16())
    }
}

fn is_disconnect(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}
