//! The explicit handle behind the verbs.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use opentelemetry::{Context, metrics::MeterProvider as _};
use opentelemetry_sdk::{logs::SdkLoggerProvider, metrics::SdkMeterProvider};

use crate::{
    Config, FlushError, InitError, RequestContext, Signals, Stats, ambient, assembly, bridge,
    config::{Filter, Resolved},
    context::Scope,
    future::WithContext,
    http::Instruments,
    leftovers, metrics,
    pipeline::{self, Pipeline, Transport},
    record::{Entry, LogRecord},
    sampling::Sampler,
    say, stack, switch,
    tracer::{Tracer, TracerProvider},
};

/// The client that the verbs fall back to; set by [`init`](crate::init).
static PROCESS_WIDE: ArcSwapOption<Inner> = ArcSwapOption::const_empty();

/// Where telemetry goes: a running pipeline and its settings.
///
/// [`init`](crate::init) makes one for the whole process, and that is all most programs need. Tests and programs that serve
/// several projects make their own, with no global involved, and hand it to a layer (`with_client`) or enter it:
///
/// ```
/// use highlight::{Client, Config, Level};
///
/// # fn main() -> Result<(), highlight::InitError> {
/// let client = Client::new(Config::new("1"))?;
/// client.in_scope(|| highlight::log(Level::Info, "goes to that client", []));
/// # Ok(())
/// # }
/// ```
///
/// Cloning is cheap. When the last clone goes, what is still queued is delivered within
/// [`shutdown_timeout`](Config::shutdown_timeout), for which it waits. A request that is still running then keeps its client
/// until it ends, and never waits: the rest is delivered behind its back.
#[derive(Clone)]
pub struct Client(Arc<Inner>, #[expect(dead_code, reason = "for its drop")] Option<Arc<Owner>>);

/// What the program's own handles have in common, and those in a request's context have not: the last to go waits for the
/// delivery. A request must not.
struct Owner(Arc<Inner>);

impl Drop for Owner {
    fn drop(&mut self) {
        // Else a request is not done with it.
        if Arc::strong_count(&self.0) == 1 {
            // What was lost by it is in the stats that nobody can read any more; the worker has said it.
            let _ = self.0.shutdown(self.0.settings.shutdown_timeout);
        }
    }
}

struct Inner {
    settings: Resolved,
    /// `None` if the client is disabled: then nothing is recorded at all.
    pipeline: Option<Pipeline>,
    tracer_provider: TracerProvider,
    tracer: Tracer,
    meter_provider: SdkMeterProvider,
    http: Instruments,
    metrics: metrics::Registry,
    /// Whether it delivers to a server.
    has_server: bool,
    stacks: stack::Budget,
}

impl Client {
    /// Starts a client of its own, without touching any global.
    ///
    /// Needs no async runtime: one thread, named `highlight`, does all the work.
    ///
    /// # Errors
    ///
    /// An [`InitError`] that names the option and the remedy, or says why the thread could not be started.
    #[expect(clippy::needless_pass_by_value, reason = "a configuration is used up")]
    pub fn new(config: Config) -> Result<Self, InitError> {
        Self::start(config.resolve(&|name| std::env::var(name).ok())?, None)
    }

    /// Starts a client that delivers over `transport`, or over HTTP if there is none.
    pub(crate) fn start(
        settings: Resolved,
        transport: Option<Box<dyn Transport>>,
    ) -> Result<Self, InitError> {
        for warning in &settings.warnings {
            say::warn(warning);
        }
        if settings.debug {
            say::debug(&format!("starting: {}", assembly::summary(&settings)));
        }
        let encoder = Arc::new(assembly::encoder(&settings));
        let (meter_provider, collector) = metrics::provider(Arc::clone(&encoder));
        let has_server = transport.is_none();
        let start = || assembly::pipeline(&settings, transport, encoder, collector);
        let pipeline = settings.enabled.then(start).transpose()?;
        let sampler = Sampler::new(&settings, pipeline.clone());
        let tracer_provider = TracerProvider::new(pipeline.clone(), sampler);
        let meter = meter_provider.meter("highlight");
        let inner = Inner {
            tracer: tracer_provider.own_tracer(),
            tracer_provider,
            http: Instruments::new(&meter),
            metrics: metrics::Registry::new(meter),
            stacks: stack::Budget::default(),
            meter_provider,
            pipeline,
            settings,
            has_server,
        };
        if inner.pipeline.is_some() {
            switch::turn_on();
            bridge::widen(inner.settings.filter.max_level());
        }
        let inner = Arc::new(inner);
        Ok(Self(Arc::clone(&inner), Some(Arc::new(Owner(inner)))))
    }

    /// The client that a verb called here would use: that of the current context, else the process-wide one.
    #[must_use]
    pub fn current() -> Option<Self> {
        // A program without a client pays for two look-ups and nothing else.
        ambient::map_current(|cx| cx.get::<Scope>().and_then(|scope| scope.client.clone()))
            .or_else(Self::process_wide)
    }

    /// Shows the client of `cx`, or else the process-wide one.
    pub(crate) fn with_that_of<T>(cx: &Context, show: impl FnOnce(&Self) -> T) -> Option<T> {
        match cx.get::<Scope>().and_then(|scope| scope.client.as_ref()) {
            Some(client) => Some(show(client)),
            None => Self::process_wide().as_ref().map(show),
        }
    }

    /// The client that a verb called here would use, if it is enabled. Calls `lost` if there is none.
    pub(crate) fn enabled_or(lost: impl FnOnce()) -> Option<Self> {
        if switch::is_off() {
            return None;
        }
        let current = Self::current();
        if current.is_none() {
            lost();
        }
        current.filter(Self::is_enabled)
    }

    /// The client to record with: the current one, if it is enabled and the code is not the exporter's own.
    pub(crate) fn recording() -> Option<Self> {
        Self::recording_or(|| ())
    }

    /// The same; `lost` is called if there is no client at all.
    pub(crate) fn recording_or(lost: impl FnOnce()) -> Option<Self> {
        if switch::is_off() || ambient::map_current(Context::is_telemetry_suppressed) {
            return None;
        }
        Self::enabled_or(lost)
    }

    pub(crate) fn process_wide() -> Option<Self> {
        PROCESS_WIDE.load_full().map(|inner| Self(inner, None))
    }

    /// The handle for a context: see [`Owner`].
    pub(crate) fn for_context(self) -> Self {
        Self(self.0, None)
    }

    /// Makes this the process-wide client, unless one is running.
    pub(crate) fn set_process_wide(&self) -> Result<(), InitError> {
        let running = |inner: &Arc<Inner>| inner.pipeline.as_ref().is_some_and(Pipeline::is_running);
        let current = PROCESS_WIDE.load();
        if current.as_ref().is_some_and(running) {
            return Err(InitError::AlreadyInitialized);
        }
        let before = PROCESS_WIDE.compare_and_swap(&*current, Some(Arc::clone(&self.0)));
        // Another thread may have been faster.
        let as_found = before.as_ref().map(Arc::as_ptr) == current.as_ref().map(Arc::as_ptr);
        if !as_found {
            return Err(InitError::AlreadyInitialized);
        }
        if !self.is_enabled() {
            switch::turn_off();
        }
        Ok(())
    }

    /// Whether anything is recorded. `false` if [`enabled`](Config::enabled) or a kill switch turned the client off.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.0.pipeline.is_some()
    }

    /// Runs `future` with this client, and no request, as the one that the verbs use.
    pub fn scope<F: Future>(&self, future: F) -> WithContext<F> {
        WithContext::new(future, self.context())
    }

    /// Runs `f` with this client, and no request, as the one that the verbs use.
    pub fn in_scope<T>(&self, f: impl FnOnce() -> T) -> T {
        let _guard = ambient::attach(&self.context());
        f()
    }

    fn context(&self) -> Context {
        RequestContext::default().attached_for(&ambient::current(), Some(self.clone()))
    }

    /// Delivers everything recorded so far. Blocks the calling thread, for at most `timeout`; needs no runtime.
    ///
    /// # Errors
    ///
    /// [`FlushError`] if the time ran out, or something recorded before the call was lost.
    pub fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        self.0.pipeline.as_ref().map_or(Ok(()), |pipeline| pipeline.flush(timeout))
    }

    /// [`flush`](Self::flush) for async code, on any runtime.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub async fn flush_async(&self, timeout: Duration) -> Result<(), FlushError> {
        match &self.0.pipeline {
            Some(pipeline) => pipeline.flush_async(timeout).await,
            None => Ok(()),
        }
    }

    /// Delivers what is queued, for at most `timeout`, and stops. Calling it again does nothing.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush); what could not be delivered is counted in [`Stats::dropped`].
    pub fn shutdown(&self, timeout: Duration) -> Result<(), FlushError> {
        self.0.shutdown(timeout)
    }

    /// [`shutdown`](Self::shutdown) for async code, on any runtime.
    ///
    /// # Errors
    ///
    /// As [`shutdown`](Self::shutdown).
    pub async fn shutdown_async(&self, timeout: Duration) -> Result<(), FlushError> {
        if !self.is_enabled() {
            return Ok(());
        }
        let client = Arc::clone(&self.0);
        pipeline::on_thread(move || client.shutdown(timeout)).await
    }

    /// A provider of OpenTelemetry loggers whose records go to this client: for `opentelemetry-appender-log`,
    /// `opentelemetry-appender-tracing`, and code that logs through OpenTelemetry's own interface.
    ///
    /// ```
    /// use highlight::otel::opentelemetry::logs::{LogRecord, Logger, LoggerProvider, Severity};
    ///
    /// let client = highlight::Client::new(highlight::Config::new("1"))?;
    /// let logger = client.logger_provider().logger("billing");
    /// let mut record = logger.create_log_record();
    /// record.set_severity_number(Severity::Info);
    /// record.set_body("invoice sent".into());
    /// logger.emit(record);
    /// # Ok::<(), highlight::InitError>(())
    /// ```
    ///
    /// Records get the session, the request and the user of the current context, as all others do, and are filtered by
    /// [`level`](Config::level) and [`filter`](Config::filter), by their target or else their logger's name. One from ERROR up with
    /// `exception.message` or `exception.type` is an error object, once for its request.
    ///
    /// [`layer()`](crate::layer), which [`init`](crate::init) installs, exports what `tracing` and `log` record by itself: with an
    /// appender beside it each record would be stored twice. A provider counts as a clone of the client. Its `force_flush` is
    /// [`flush`](Self::flush), for at most 10 s; its `shutdown` leaves the client running.
    #[must_use]
    pub fn logger_provider(&self) -> SdkLoggerProvider {
        bridge::logger_provider(self)
    }

    /// The provider of OpenTelemetry tracers whose spans go to this client: for libraries that take one. [`init`](crate::init)
    /// makes it OpenTelemetry's global one.
    ///
    /// ```
    /// use highlight::otel::opentelemetry::trace::{Tracer, TracerProvider};
    ///
    /// let client = highlight::Client::new(highlight::Config::new("1"))?;
    /// client.tracer_provider().tracer("billing").in_span("invoice", |_| ());
    /// # Ok::<(), highlight::InitError>(())
    /// ```
    ///
    /// Spans get the session and the request of the context that they start in.
    #[must_use]
    pub fn tracer_provider(&self) -> TracerProvider {
        self.0.tracer_provider.clone()
    }

    /// What became of everything recorded so far. All zero for a disabled client.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let stats = self.0.pipeline.as_ref().map(Pipeline::stats).unwrap_or_default();
        Stats { refused_measurements: self.0.metrics.refused(), ..stats }
    }

    /// Whether it was shut down.
    pub(crate) fn has_stopped(&self) -> bool {
        self.0.pipeline.as_ref().is_some_and(|pipeline| !pipeline.is_running())
    }

    /// Whether it delivers to a server, and not to a test.
    pub(crate) fn has_server(&self) -> bool {
        self.0.has_server
    }

    /// Whether a span has ended that was not sampled out.
    pub(crate) fn has_seen_spans(&self) -> bool {
        self.0.tracer_provider.has_seen_spans()
    }

    pub(crate) fn takes(&self, signal: Signals) -> bool {
        self.0.settings.signals.contains(signal)
    }

    /// Whether the stack of one more error may be taken.
    pub(crate) fn takes_stack(&self) -> bool {
        self.0.settings.stack_traces && self.0.stacks.take()
    }

    pub(crate) fn settings(&self) -> &Resolved {
        &self.0.settings
    }

    pub(crate) fn filter(&self) -> &Filter {
        &self.0.settings.filter
    }

    pub(crate) fn tracer(&self) -> &Tracer {
        &self.0.tracer
    }

    pub(crate) fn meter_provider(&self) -> &SdkMeterProvider {
        &self.0.meter_provider
    }

    pub(crate) fn http(&self) -> &Instruments {
        &self.0.http
    }

    pub(crate) fn metrics(&self) -> &metrics::Registry {
        &self.0.metrics
    }

    /// Whether the host of `uri` is allowed to learn the session and the trace: a private host, or one that
    /// [`Config::propagate_to`] names.
    #[must_use]
    pub fn may_propagate_to(&self, uri: &http::Uri) -> bool {
        self.0.settings.propagate_to.allows(uri)
    }

    /// Hands a log record to the pipeline.
    pub(crate) fn record(&self, mut record: LogRecord) {
        if let Some(pipeline) = &self.0.pipeline {
            pipeline.enter(Entry::Log(&mut record));
        }
        leftovers::leave(&mut record);
    }

    pub(crate) fn count_suppressed(&self) {
        if let Some(pipeline) = &self.0.pipeline {
            pipeline.count_suppressed();
        }
    }
}

impl Inner {
    fn shutdown(&self, timeout: Duration) -> Result<(), FlushError> {
        let Some(pipeline) = &self.pipeline else { return Ok(()) };
        let was_running = pipeline.is_running();
        let outcome = pipeline.shutdown(timeout);
        if let (Err(error), true) = (&outcome, was_running) {
            say::warn(&format!("telemetry was lost at the end: {error}"));
        }
        if self.settings.debug && was_running {
            say::debug(&format!("stopped: {:?}", pipeline.stats()));
        }
        outcome
    }
}

/// Two handles are equal when they are of the same client.
impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Client {}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.0.settings.endpoint)
            .field("enabled", &self.is_enabled())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
