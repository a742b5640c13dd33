//! Starting for the whole process.

use std::time::Duration;

use opentelemetry::global;
use opentelemetry_sdk::propagation::TraceContextPropagator;

use crate::{Client, Config, FlushError, InitError, Stats, TracingSetup, bridge, early, install_panic_hook};

/// Starts everything, for the whole process.
///
/// ```no_run
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let _highlight = highlight::init(highlight::Config::new("1jdkoe52").service_name("checkout"))?;
///     // ... the program ...
///     Ok(())
/// }
/// ```
///
/// Keep the guard until the end of `main`: dropping it delivers what is queued and stops. What is recorded before or after is lost,
/// and said to be: see [the list](crate#when-something-is-used-wrongly).
///
/// What it does to the process:
///
/// - starts one thread, named `highlight`; no async runtime is needed or touched;
/// - installs a `tracing` subscriber, if there is none: see [`TracingSetup`] for the other cases. It prints to standard error
///   ([`Config::console`]) and does not read `RUST_LOG`. It is installed for good: a program that installs its own afterwards gets
///   that crate's error, so build yours first, with [`layer()`](crate::layer);
/// - becomes the logger of the `log` crate, if there is none;
/// - adds itself in front of the panic hook ([`Config::panic_hook`]);
/// - sets OpenTelemetry's global tracer and meter providers, and the W3C trace context propagator.
///
/// What it has to say about itself goes to the `tracing` subscriber under the target `highlight`, or to standard error if there is none, or if
/// it is `init`'s own with the console switched off.
///
/// # Errors
///
/// An [`InitError`] that names the option and the remedy. [`InitError::AlreadyInitialized`] while an earlier guard lives: the
/// running client is not touched. After that guard is dropped, `init` starts anew.
///
/// # Panics
///
/// Never.
pub fn init(config: Config) -> Result<Highlight, InitError> {
    let client = Client::new(config)?;
    client.set_process_wide()?;
    let tracing_setup = bridge::install(&client);
    if client.is_enabled() {
        early::say(&client);
        if client.settings().panic_hook {
            install_panic_hook();
        }
        global::set_text_map_propagator(TraceContextPropagator::new());
        global::set_tracer_provider(client.tracer_provider());
        global::set_meter_provider(client.meter_provider().clone());
    }
    Ok(Highlight { client, tracing_setup })
}

/// The guard of [`init`]: delivers what is queued and stops when it is dropped.
///
/// Dropping takes at most [`shutdown_timeout`](Config::shutdown_timeout). It works everywhere, also inside a runtime, because the
/// delivery needs none.
///
/// It must be dropped, or the last second is lost. `std::process::exit` and a signal that the program does not handle (SIGTERM, at each
/// deploy) drop nothing: call [`shutdown`](Self::shutdown) before the one, and let `main` return on the other. Rust drops no statics
/// either; thread-locals of the main thread it does.
///
/// A process that forks, to become a daemon say, should do so before `init`: threads do not survive a fork, so the child has nobody
/// to deliver. There, flush, shutdown and drop return at once ([`FlushError::Forked`]), what it records is lost, and `init` starts
/// anew.
#[derive(Debug)]
#[must_use = "dropped here, it ends telemetry here: all spans, logs and errors from now on are lost; keep it until the end of \
              `main` by `let _highlight = highlight::init(..)?`, and not by `let _ = ..`, which drops it as well"]
pub struct Highlight {
    client: Client,
    tracing_setup: TracingSetup,
}

impl Highlight {
    /// The process-wide client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What `init` did about the `tracing` subscriber: installed its own, or found the program's.
    #[must_use]
    pub fn tracing_setup(&self) -> TracingSetup {
        self.tracing_setup
    }

    /// Delivers everything recorded so far, and goes on ([`Client::flush`]). Blocks for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        self.client.flush(timeout)
    }

    /// [`flush`](Self::flush) for async code, on any runtime ([`Client::flush_async`]).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn flush_async(&self, timeout: Duration) -> Result<(), FlushError> {
        self.client.flush_async(timeout).await
    }

    /// Delivers what is queued, for at most `timeout`, and stops: what dropping does, with the result told.
    ///
    /// # Errors
    ///
    /// As [`Client::shutdown`].
    pub fn shutdown(self, timeout: Duration) -> Result<(), FlushError> {
        self.client.shutdown(timeout)
    }

    /// [`shutdown`](Self::shutdown) for async code, on any runtime ([`Client::shutdown_async`]).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn shutdown_async(self, timeout: Duration) -> Result<(), FlushError> {
        self.client.shutdown_async(timeout).await
    }

    /// What became of everything recorded so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.client.stats()
    }
}

impl Drop for Highlight {
    fn drop(&mut self) {
        // There is nobody to tell; the worker says what it could not deliver.
        let _ = self.client.shutdown(self.client.settings().shutdown_timeout);
    }
}
