//! For the tests of a program: what its code would have sent, caught per test.
//!
//! ```
//! # #[derive(Debug)] struct Declined;
//! # impl std::fmt::Display for Declined {
//! #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("payment declined") }
//! # }
//! # impl std::error::Error for Declined {}
//! # fn checkout(order: u32) {
//! #     tracing::info!(order, "charging");
//! #     highlight::consume_error(&Declined);
//! # }
//! let telemetry = highlight::testing::capture();
//! telemetry.in_scope(|| checkout(7));
//!
//! let error = telemetry.errors().one();
//! assert_eq!(error.message, "payment declined");
//! assert_eq!(telemetry.logs().with_message("charging").one().attributes["order"], "7");
//! ```
//!
//! A capture is a [`Client`] whose requests end in memory. Everything before that is real: what is seen here went through
//! sampling, redaction and encoding, and was read back from the bytes that the server would have got. There is no port, no
//! global client, no setup and no waiting: reading delivers first. So tests run in parallel, on any runtime or none, and each
//! sees what it caused.
//!
//! It needs the feature `testing`, for tests alone:
//!
//! ```toml
//! [dev-dependencies]
//! highlight = { path = "../highlight-rust/highlight", features = ["testing"] }
//! ```
//!
//! # Into the capture
//!
//! | code under test | goes in with |
//! |---|---|
//! | a function | [`telemetry.in_scope(\|\| checkout(7))`](Capture::in_scope) |
//! | a future | [`telemetry.scope(checkout(7)).await`](Capture::scope) |
//! | a router, called without a server | `telemetry.scope(app.oneshot(request)).await`: its layers report to the capture; the request's span ends with the response |
//! | a server in tasks or threads of its own | its layer's `.with_client(telemetry.client().clone())` |
//! | outgoing calls, messages, tasks of `highlight::spawn` | by themselves: what is current is theirs too |
//!
//! A request is [parsed](crate::parse_headers), or simply written:
//!
//! ```
//! let telemetry = highlight::testing::capture();
//! let request: highlight::RequestContext = "session1/request001".parse()?;
//!
//! telemetry.in_scope(|| request.in_scope(|| tracing::info!("order placed")));
//!
//! let log = telemetry.logs().one();
//! assert_eq!(log.session_id.as_deref(), Some("session1"));
//! assert_eq!(log.request_id.as_deref(), Some("request001"));
//! # Ok::<(), std::convert::Infallible>(())
//! ```
//!
//! # Out of it
//!
//! [`spans`](Capture::spans), [`logs`](Capture::logs), [`errors`](Capture::errors) and [`metrics`](Capture::metrics) are
//! slices that know what else there was: [`one`](Records::one) and [`assert_none`](Records::assert_none) fail with everything
//! captured, and with what may be the reason if it is nothing. `println!("{telemetry}")` shows the same:
//!
//! ```text
//! session session1, request request001
//! └─ span POST /orders (server)  failed  http.response.status_code=500
//!    ├─ log INFO  charging  order=7
//!    └─ error payment declined  (shop::Declined)
//!       <- card expired
//! metrics
//! └─ orders  1
//! ```
//!
//! # With the program's own configuration
//!
//! [`capture_with`] takes a [`Config`], to see its redaction, sampling, signals and filter at work:
//!
//! ```
//! use highlight::{Config, testing};
//!
//! let telemetry = testing::capture_with(Config::new("1jdkoe52").sample_rate(0.0));
//! telemetry.in_scope(|| {
//!     highlight::in_span("sum up", |_| tracing::warn!(url = "https://shop/?token=4f2a", "odd sum"));
//! });
//! telemetry.spans().assert_none();
//! assert_eq!(telemetry.logs().one().attributes["url"], "https://shop/?token=[REDACTED]");
//! ```
//!
//! The environment is not read, so that a test says the same on every machine.
//!
//! # `tracing`, `log` and panics
//!
//! The first capture of a process installs what catches them, for all captures: a `tracing` subscriber, a logger of the `log`
//! crate and a panic hook. What runs outside of every capture is not recorded by it. Limits:
//!
//! - **A subscriber of the program's own** that was installed before should hold [`layer()`](crate::layer). If it does not, the
//!   capture puts one of its own in its place for what runs directly in `in_scope` and `scope`; `tracing` in other threads, and
//!   behind `with_client`, goes to the program's subscriber alone. Errors, [`log()`](crate::log()), metrics and spans of this
//!   crate are captured everywhere. One that is installed afterwards is refused: use `try_init` in tests.
//! - **A logger of the program's own** that was installed before keeps the records of the `log` crate for itself.
//! - **A bare `tokio::spawn` or `std::thread::spawn`** leaves the capture, as it leaves the request: see [`spawn`](crate::spawn_thread).
//! - **Stacks**: while the symbols of the process are read, for its first error, the stack of another is its place alone.
//!
//! # Panics
//!
//! Where library code of this crate never panics, this module does: a failed assertion, an invalid configuration, and a worker
//! that does not answer end the test, with the reason.

#![expect(clippy::panic, reason = "a test's panic is its verdict")]

mod decode;
mod model;
mod records;
mod subscriber;
mod tree;

use std::{
    fmt,
    future::Future,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
    time::Duration,
};

use self::decode::Received;
pub use self::{
    model::{Attributes, ErrorObject, Log, Metric, MetricValue, Span, SpanStatus},
    records::Records,
};
use crate::{Client, Config, pipeline::Memory};

/// No test waits this long, unless something hangs.
const HANG: Duration = Duration::from_secs(60);

/// The project that a test reports to.
const PROJECT: &str = "1";

/// A capture with the default configuration.
///
/// # Panics
///
/// If the operating system has no thread to give.
#[must_use]
#[track_caller]
pub fn capture() -> Capture {
    capture_with(Config::new(PROJECT))
}

/// A capture with this configuration; without a project, if it names none.
///
/// Options about the network have no effect, and the environment is not read.
///
/// # Panics
///
/// If the configuration is invalid: with the [`InitError`](crate::InitError)'s text.
#[must_use]
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "a configuration is used up, as by `init`")]
pub fn capture_with(config: Config) -> Capture {
    let memory = Memory::default();
    let environment = |name: &str| (name == "HIGHLIGHT_PROJECT_ID").then(|| PROJECT.to_owned());
    let client = config
        .resolve(&environment)
        .and_then(|settings| Client::start(settings, Some(Box::new(memory.clone()))))
        .unwrap_or_else(|error| panic!("the capture could not be started: {error}"));
    subscriber::prepare(client.settings().panic_hook);
    Capture { client, memory }
}

/// What the code under test would have sent. Made by [`capture`] and [`capture_with`]; see the [module](self).
///
/// It shows everything captured (`Display`), by session and request, as a tree.
pub struct Capture {
    client: Client,
    memory: Memory,
}

impl Capture {
    /// The client that captures, for a layer's `with_client`.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Runs `f`, which is not async, in the capture, and outside any request.
    ///
    /// Captures nest: what runs in the inner one is the inner one's.
    pub fn in_scope<T>(&self, f: impl FnOnce() -> T) -> T {
        subscriber::with_layer(|| self.client.in_scope(f))
    }

    /// Runs `future` in the capture, and outside any request. It is `Send` where the future is.
    pub fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        subscriber::WithLayer::new(self.client.scope(future))
    }

    /// The spans that have ended, in the order of their start.
    #[must_use]
    #[track_caller]
    pub fn spans(&self) -> Records<Span> {
        Records::of("span", self.received(), |received| &received.spans)
    }

    /// The log lines, in the order of their time. The lines of errors are with their [errors](Self::errors).
    #[must_use]
    #[track_caller]
    pub fn logs(&self) -> Records<Log> {
        Records::of("log line", self.received(), |received| &received.logs)
    }

    /// The errors, in the order of their time: reported, logged, returned and panicked ones, each once for its request.
    #[must_use]
    #[track_caller]
    pub fn errors(&self) -> Records<ErrorObject> {
        Records::of("error", self.received(), |received| &received.errors)
    }

    /// The metrics: one record for each instrument and set of attributes, with all that was measured up to now.
    #[must_use]
    #[track_caller]
    pub fn metrics(&self) -> Records<Metric> {
        Records::of("metric", self.received(), |received| &received.metrics)
    }

    /// Asserts that all spans, log lines and errors are stored under one trace id.
    ///
    /// That is the request's id where there is a request (C§4.3), and OpenTelemetry's trace id where there is none.
    ///
    /// # Panics
    ///
    /// With everything captured, if there are several, if there is none, or if a record has none.
    #[track_caller]
    pub fn assert_one_trace(&self) {
        let received = self.received();
        let mut ids: Vec<_> = received.filed().map(|filed| filed.trace).collect();
        ids.sort_unstable();
        ids.dedup();
        match ids[..] {
            [Some(_)] => {}
            [] => panic!("expected one trace, found nothing\n\n{received}"),
            _ => {
                let ids: Vec<_> = ids.iter().map(|id| id.unwrap_or("no trace at all")).collect();
                panic!("expected one trace, found {}: {}\n\n{received}", ids.len(), ids.join(", "))
            }
        }
    }

    /// Delivers, and reads all of it.
    #[track_caller]
    fn received(&self) -> Arc<Received> {
        // What could not be delivered is among the notes.
        let flushed = self.client.flush(HANG);
        if matches!(flushed, Err(crate::FlushError::Timeout(_))) {
            panic!("the capture's worker does not answer: {:?}", self.client.stats());
        }
        Arc::new(Received::read(&self.memory, &self.client))
    }
}

/// A panic in the code under test is captured, and leaves the capture whole.
impl UnwindSafe for Capture {}

impl RefUnwindSafe for Capture {}

impl fmt::Display for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.received().fmt(f)
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").field("client", &self.client).finish_non_exhaustive()
    }
}
