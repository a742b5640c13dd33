//! What waits to be passed on, and the thread that sends it.

use std::{
    collections::VecDeque,
    fmt, io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, HeaderName, Request, header};
use bytes::Bytes;
use ureq::Agent;

use super::{ForwardState, ForwardStats, OnChange};

/// How long the end waits for what is queued.
const LAST_CHANCE: Duration = Duration::from_secs(2);

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
    /// Starts the thread.
    pub(super) fn start(
        agent: Agent,
        base: String,
        queue_bytes: usize,
        on_change: Option<Box<OnChange>>,
    ) -> io::Result<Self> {
        let shared =
            Arc::new(Shared { queue_bytes, on_change, queue: Mutex::default(), changed: Condvar::new() });
        let worker = Worker { agent, base, shared: Arc::clone(&shared) };
        thread::Builder::new().name("highlight-forward".to_owned()).spawn(move || worker.run())?;
        Ok(Self(shared))
    }

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
