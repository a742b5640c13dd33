//! The options of [`Config`], one method each. `options.md` has the table.

use std::{path::PathBuf, time::Duration};

use tracing::level_filters::LevelFilter;

use super::{
    Compression, Config, Signals,
    certificate::CertificateSource,
    mask::{Secret, Text},
};
use crate::{ErrorAction, ReportedError, Sampling, SpanKind, error::ErrorRule, sampling::SamplerFn};

/// Who is reporting, and where to.
impl Config {
    /// Base URL of the OTLP/HTTP receiver, `http` or `https`, without `/v1/...`.
    ///
    /// Self-hosted Highlight, an OpenTelemetry Collector and `highlight-local` listen on port 4318; 4317 is gRPC,
    /// which is not spoken.
    ///
    /// Environment: `HIGHLIGHT_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_ENDPOINT`. Default: `http://localhost:4318`.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(Text(url.into()));
        self
    }

    /// Name of the service, `service.name`.
    ///
    /// Environment: `HIGHLIGHT_SERVICE_NAME`, `OTEL_SERVICE_NAME`, `service.name` in `OTEL_RESOURCE_ATTRIBUTES`.
    /// Default: the name of the executable.
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.service_name = Some(name.into());
        self
    }

    /// Version of the service, `service.version`; best a Git commit, which links stack frames to the source (C§6.3).
    ///
    /// Environment: `HIGHLIGHT_SERVICE_VERSION`, `service.version` in `OTEL_RESOURCE_ATTRIBUTES`, then the
    /// variables of hosting platforms (see [the list](Config#the-services-version)). Default: none.
    pub fn service_version(mut self, version: impl Into<String>) -> Self {
        self.service_version = Some(version.into());
        self
    }

    /// The version that the build knew: pass [`build_version!()`](crate::build_version).
    ///
    /// Used where neither [`service_version`](Self::service_version) nor the environment names one; beats the
    /// variables of hosting platforms. Environment: none. Default: none.
    pub fn build_version(mut self, version: Option<&'static str>) -> Self {
        self.build_version = version;
        self
    }

    /// Deployment environment, such as `production`; sent under both names that are in use (C§3.2).
    ///
    /// Environment: `HIGHLIGHT_ENVIRONMENT`, `deployment.environment.name` or `deployment.environment` in
    /// `OTEL_RESOURCE_ATTRIBUTES`. Default: none.
    pub fn environment(mut self, name: impl Into<String>) -> Self {
        self.environment = Some(name.into());
        self
    }

    /// An attribute of everything that is sent. The server copies it onto every record (C§3.1), so a few will do.
    ///
    /// May be given several times; the last value of a key counts. The keys of the options above
    /// (`service.name`, ...) set these options, unless their own method does.
    ///
    /// Environment: `OTEL_RESOURCE_ATTRIBUTES`, as `key=value,key2=value2` with percent-encoded values; code wins
    /// for a key that both have. Default: none.
    pub fn resource_attribute(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.resource_attributes.insert(key.into(), value.into());
        self
    }

    /// Whether anything is recorded and sent at all. Switched off, every call is a cheap no-op.
    ///
    /// Environment: `HIGHLIGHT_ENABLED`, `OTEL_SDK_DISABLED` (`true` switches off). Either of them can switch off
    /// what code has switched on; neither can do the reverse. Default: `true`.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = Some(enabled);
        self
    }

    /// Whether the SDK tells on standard error what it starts with, what it finds, what it loses (once a minute), and how its books
    /// stand at the end.
    ///
    /// Environment: `HIGHLIGHT_DEBUG`. Default: `false`.
    pub fn debug(mut self, debug: bool) -> Self {
        self.debug = Some(debug);
        self
    }
}

/// What is recorded.
impl Config {
    /// Which signals are recorded; the others cost nothing.
    ///
    /// [`Signals::ERRORS`] alone lets nothing but errors and panics leave the process.
    ///
    /// Environment: `HIGHLIGHT_SIGNALS`, names separated by commas: `errors,logs`; also `all`, `none`.
    /// Default: all.
    pub fn signals(mut self, signals: Signals) -> Self {
        self.signals = Some(signals);
        self
    }

    /// The most detailed level that is recorded, of spans and events of `tracing` and records of `log`.
    ///
    /// Takes a [`Level`](crate::Level), or `tracing`'s `Level` or `LevelFilter`.
    ///
    /// Environment: `HIGHLIGHT_LEVEL`, one of `off`, `error`, `warn`, `info`, `debug`, `trace`. Default: `info`.
    pub fn level(mut self, level: impl Into<LevelFilter>) -> Self {
        self.level = Some(level.into());
        self
    }

    /// Levels by target: `my_crate=debug,hyper=off`. A level alone replaces [`level`](Self::level).
    ///
    /// A target covers the modules inside it; the longest one that matches decides. Spans or fields cannot be named.
    /// The crates that this SDK itself exports with are never recorded. `RUST_LOG` is not read.
    ///
    /// Environment: `HIGHLIGHT_LOG`. Default: none.
    pub fn filter(mut self, directives: impl Into<String>) -> Self {
        self.filter = Some(directives.into());
        self
    }

    /// Whether the subscriber that `init` installs also prints to the terminal.
    ///
    /// One that does not print is leaner: a request costs a tenth less, besides what printing costs. To a program it is the same, but for
    /// `Span::current()` in a handler: each is a span of its own there, which stands for the request as before, and has no fields. What
    /// this crate has to say about itself goes to standard error.
    ///
    /// Without effect where the program installs a subscriber of its own.
    ///
    /// Environment: `HIGHLIGHT_CONSOLE`. Default: `true`.
    pub fn console(mut self, console: bool) -> Self {
        self.console = Some(console);
        self
    }

    /// Whether a log at `error` level becomes an error object even without an `error` field.
    ///
    /// Environment: `HIGHLIGHT_ERRORS_FROM_LOGS`. Default: `false`.
    pub fn errors_from_logs(mut self, promote: bool) -> Self {
        self.errors_from_logs = Some(promote);
        self
    }

    /// Whether panics are reported, through a hook that calls the one before it.
    ///
    /// Environment: `HIGHLIGHT_PANIC_HOOK`. Default: `true`.
    pub fn panic_hook(mut self, install: bool) -> Self {
        self.panic_hook = Some(install);
        self
    }

    /// What is to become of errors: reported as they are or under a title, as log lines, or not at all.
    ///
    /// ```
    /// use highlight::{Config, ErrorAction, Level};
    ///
    /// # #[derive(Debug)] enum OrderError { SoldOut, Declined(u16), Gateway(std::io::Error) }
    /// # impl std::fmt::Display for OrderError {
    /// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{self:?}") }
    /// # }
    /// # impl std::error::Error for OrderError {}
    /// let config = Config::new("1jdkoe52").error_rule(|error| match error.find::<OrderError>() {
    ///     // The customer's bad luck.
    ///     Some(OrderError::SoldOut) => ErrorAction::Ignore,
    ///     Some(OrderError::Declined(_)) => ErrorAction::Log(Level::Info),
    ///     // Its text has an order's number in it; the server would make a group of each.
    ///     Some(OrderError::Gateway(_)) => ErrorAction::Title("the gateway failed".into()),
    ///     None => ErrorAction::Report,
    /// });
    /// # drop(config);
    /// ```
    ///
    /// It is asked about every error before it is reported, also about one that was reported before, on the thread that reports,
    /// with the client that is current there. So the same rule holds wherever an error shows up. Of a log line like `error!(error = %e)`, only
    /// the text is known. Where it panics, errors are reported as they are. It is not asked about errors that it reports itself, and not
    /// about panics: one of its own there would end the process.
    ///
    /// Environment: none. Default: none.
    pub fn error_rule(
        mut self,
        rule: impl Fn(&ReportedError<'_>) -> ErrorAction + Send + Sync + 'static,
    ) -> Self {
        self.error_rule = Some(ErrorRule::new(rule));
        self
    }

    /// Whether errors have the stack of the place where they were reported, or the one that they carry. Without it, they have the place
    /// alone: file and line.
    ///
    /// Taking a stack is the dearest part of reporting an error: with forty frames, a report takes the calling thread about eleven times as
    /// long as without (14 µs against 1.3 µs, measured with two cores by `benches/errors.rs`). So the first 100 have one, and then 20
    /// per second; the others have their place. Names and lines are found out by the worker.
    ///
    /// Environment: `HIGHLIGHT_STACK_TRACES`. Default: `true`.
    pub fn stack_traces(mut self, take: bool) -> Self {
        self.stack_traces = Some(take);
        self
    }

    /// Whether the source code around each of the program's own stack frames is sent, five lines on either side, in the attribute
    /// `exception.structured_stacktrace`, which Highlight's successor shows (C§6.3).
    ///
    /// It is read from where it was when the program was compiled, on the worker, so this is of use only where that is also where the program
    /// runs. Other frames are sent without.
    ///
    /// Environment: `HIGHLIGHT_SOURCE_CONTEXT`. Default: `false`; `true` with [`launchdarkly`](Self::launchdarkly).
    pub fn source_context(mut self, send: bool) -> Self {
        self.source_context = Some(send);
        self
    }

    /// What stack frames show in place of the beginning of a path, named as the compiler's option is: `("/build", "/services/shop")`. The server
    /// links a frame to its source by the path from the repository's root (C§6.3).
    ///
    /// May be given several times; the longest prefix that matches counts. Without any, frames of the program's workspace have their path from
    /// the workspace's root (`/src/orders.rs`), those of dependencies begin with the package (`serde-1.0.229/src/de.rs`), and those of
    /// the standard library with the crate (`core/src/option.rs`). So this is needed only where the workspace is not the repository's root.
    ///
    /// Environment: `HIGHLIGHT_REMAP_PATH_PREFIX`, as `from=to,from2=to2` with percent-encoded values; adds to what code lists, which comes first
    /// for the same prefix. Default: none.
    pub fn remap_path_prefix(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.remap_path_prefix.push((from.into(), to.into()));
        self
    }

    /// Whether a request also enters a `tracing` span (target `highlight::request`), which shows it on the console
    /// and carries it through `.in_current_span()`. It is not exported.
    ///
    /// Environment: `HIGHLIGHT_REQUEST_SPAN`. Default: `true`.
    pub fn request_span(mut self, enter: bool) -> Self {
        self.request_span = Some(enter);
        self
    }

    /// Share of the requests whose spans are sent, from 0.0 to 1.0. Errors and logs are always sent.
    ///
    /// Services with the same rate decide alike, because the trace id decides.
    ///
    /// Environment: `HIGHLIGHT_SAMPLE_RATE`; else `OTEL_TRACES_SAMPLER`: `always_on`, `always_off`, or
    /// `traceidratio` with the rate in `OTEL_TRACES_SAMPLER_ARG`, each also with `parentbased_` before it.
    /// Default: 1.0.
    pub fn sample_rate(mut self, rate: f64) -> Self {
        self.sample_rate = Some(rate);
        self
    }

    /// In place of [`sample_rate`](Self::sample_rate), for requests whose first span in this process has this kind: all
    /// that servers are asked, say, and a tenth of what consumers are sent. What is below that span goes with it.
    ///
    /// May be given several times, once for each kind.
    ///
    /// Environment: `HIGHLIGHT_SAMPLE_RATE_FOR`, as `server=1.0,consumer=0.1` of `internal`, `server`, `client`, `producer`,
    /// `consumer`; code wins for a kind that both have. Default: none.
    pub fn sample_rate_for(mut self, kind: SpanKind, rate: f64) -> Self {
        self.sample_rate_for.insert(kind, rate);
        self
    }

    /// A function that chooses the rate of each request, before the rates above: `None` leaves it to them.
    ///
    /// ```
    /// use highlight::Config;
    ///
    /// let config = Config::new("1").sample_rate(0.1).sampler(|request| match request.path().as_deref() {
    ///     Some("/checkout") => Some(1.0),
    ///     Some("/health") => Some(0.0),
    ///     _ => None,
    /// });
    /// # drop(config);
    /// ```
    ///
    /// It is asked about each span without a parent in this process, as it starts, on its own thread: be quick. It gives a rate
    /// rather than a verdict so that the effective id goes on deciding: services with the same rate decide alike. A rate outside of
    /// 0.0 to 1.0 is the nearest inside. Where it panics, the rates above decide. It is not asked about
    /// spans that it starts itself.
    ///
    /// Environment: none. Default: none.
    pub fn sampler(mut self, sampler: impl Fn(&Sampling<'_>) -> Option<f64> + Send + Sync + 'static) -> Self {
        self.sampler = Some(SamplerFn::new(sampler));
        self
    }

    /// Whether an incoming `traceparent` decides on sampling in place of the rates and of [`sampler`](Self::sampler).
    ///
    /// Environment: `HIGHLIGHT_TRUST_PARENT_SAMPLING`. Default: `false`.
    pub fn trust_parent_sampling(mut self, trust: bool) -> Self {
        self.trust_parent_sampling = Some(trust);
        self
    }
}

/// Who learns of a request, and what.
impl Config {
    /// Whether session and trace are read from incoming requests. Say `false` at a public edge whose callers are not
    /// browsers of yours.
    ///
    /// Environment: `HIGHLIGHT_TRUST_INCOMING`. Default: `true`.
    pub fn trust_incoming(mut self, trust: bool) -> Self {
        self.trust_incoming = Some(trust);
        self
    }

    /// Whether a request without a session in its headers belongs to the one that its cookie `sessionSecureID` names: a page load, which
    /// can carry no header. The browser client's companions for server-side rendering set it (C§4.4).
    ///
    /// Only what [`trust_incoming`](Self::trust_incoming) trusts is read.
    ///
    /// Environment: `HIGHLIGHT_SESSION_COOKIE`. Default: `false`.
    pub fn session_cookie(mut self, read: bool) -> Self {
        self.session_cookie = Some(read);
        self
    }

    /// A host that outgoing requests may carry session and trace to: `api.example.com`, `*.example.com` (its
    /// subdomains, not itself), an address, each with an optional `:port`.
    ///
    /// May be given several times, and adds to the private hosts that are always allowed: loopback, private
    /// addresses (RFC 1918, RFC 4193), names without dots, and names below `.internal`, `.local`, `.localhost`
    /// and `.svc`. Link-local addresses and metadata services are not among them.
    ///
    /// Environment: `HIGHLIGHT_PROPAGATE_TO`, separated by commas; adds to what code lists.
    /// Default: private hosts only.
    pub fn propagate_to(mut self, host: impl Into<String>) -> Self {
        self.propagate_to.push(host.into());
        self
    }
}

/// How it is sent.
impl Config {
    /// How request bodies are compressed.
    ///
    /// Environment: `HIGHLIGHT_OTLP_COMPRESSION`, `OTEL_EXPORTER_OTLP_COMPRESSION`: `gzip` or `none`.
    /// Default: gzip.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// A header of every request to the endpoint, such as the token of a gateway. Values are never printed.
    ///
    /// One exception is not ours to prevent: a logger of the program's own that lets TRACE of the target `ureq_proto` through shows all
    /// bytes that the HTTP client sends. The logger that `init` installs shows none of it.
    ///
    /// May be given several times; the last value of a name counts.
    ///
    /// Environment: `HIGHLIGHT_OTLP_HEADERS`, `OTEL_EXPORTER_OTLP_HEADERS`, as `name=value,name2=value2` with
    /// percent-encoded values; code wins for a name that both have. The latter variable is obeyed only if the
    /// endpoint is the default or comes from `OTEL_EXPORTER_OTLP_ENDPOINT`. Default: none.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), Secret(value.into())));
        self
    }

    /// A PEM file with certificate authorities to trust, for servers with a certificate of their own making (C§1.1).
    /// It is read when `init` runs.
    ///
    /// May be given several times.
    ///
    /// Environment: `HIGHLIGHT_OTLP_CERTIFICATE`, `OTEL_EXPORTER_OTLP_CERTIFICATE`; not read if code names a
    /// certificate. Default: none, which leaves the public authorities.
    pub fn certificate(mut self, path: impl Into<PathBuf>) -> Self {
        self.certificates.push(CertificateSource::File(path.into()));
        self
    }

    /// The same as [`certificate`](Self::certificate) from memory, as with `include_bytes!`.
    ///
    /// May be given several times. Environment: none. Default: none.
    pub fn certificate_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates.push(CertificateSource::Pem(Secret(pem.into())));
        self
    }

    /// How long one request to the endpoint may take, from 1 ms to a day.
    ///
    /// Environment, in milliseconds: `HIGHLIGHT_EXPORT_TIMEOUT`, `OTEL_EXPORTER_OTLP_TIMEOUT`. Default: 10 s.
    pub fn export_timeout(mut self, timeout: Duration) -> Self {
        self.export_timeout = Some(timeout);
        self
    }

    /// How long the guard waits for what is still unsent when it is dropped, from 0 to a day.
    ///
    /// Environment, in milliseconds: `HIGHLIGHT_SHUTDOWN_TIMEOUT`. Default: 3 s.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = Some(timeout);
        self
    }

    /// How long an item waits for company before it is sent, from 1 ms to a day.
    ///
    /// Environment, in milliseconds: `HIGHLIGHT_EXPORT_INTERVAL`. Default: 1 s.
    pub fn export_interval(mut self, interval: Duration) -> Self {
        self.export_interval = Some(interval);
        self
    }

    /// How long an item is kept for an endpoint that does not answer, from 0 (one attempt) to a day. The queue's
    /// limits hold all the time. With a [`spool`](Self::spool), its age limit takes the place of this one.
    ///
    /// Environment, in milliseconds: `HIGHLIGHT_RETRY_FOR`. Default: 5 min.
    pub fn retry_for(mut self, time: Duration) -> Self {
        self.retry_for = Some(time);
        self
    }

    /// How many items may wait to be sent, at least 1. What exceeds it is dropped and counted.
    ///
    /// Environment: `HIGHLIGHT_QUEUE_ITEMS`. Default: 65,536, which [`queue_bytes`](Self::queue_bytes) comes
    /// before unless the items are small.
    pub fn queue_items(mut self, items: usize) -> Self {
        self.queue_items = Some(items);
        self
    }

    /// How many bytes of items may wait to be sent, at least 1. What exceeds it is dropped and counted.
    ///
    /// Environment: `HIGHLIGHT_QUEUE_BYTES`. Default: 32 MiB (33,554,432).
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = Some(bytes);
        self
    }

    /// A directory that keeps what cannot be delivered, until the endpoint is back or a later process finds it. Made if it is missing.
    ///
    /// While the endpoint is away, what is due goes there rather than waiting in memory, and outlives the process, also a
    /// `kill -9`; lost with the process is what it recorded since the last request began, or within one
    /// [`export_interval`](Self::export_interval); and, with the machine's power, what the operating system had not yet written. At the end, what `shutdown` could not deliver in time
    /// goes there too. Fresh telemetry is sent first, then the oldest of the directory, one request at a time.
    ///
    /// Any number of processes may share it: each has its own files, and takes over those of processes that are gone, at its start and
    /// once a minute. They are sent to this configuration's endpoint, so services with another endpoint or other credentials need
    /// another directory. It holds what would be sent, after redaction, for the owner's eyes only; links are not followed. On
    /// file systems without locks it stays empty.
    ///
    /// Delivery is at least once: what the server has taken from a process that is killed before it could note that, is sent again.
    /// A disk that is full or cannot be written costs nothing that memory can keep; a damaged file costs what is in it. Both are said,
    /// and counted: [`Stats::spooled`](crate::Stats::spooled), [`Dropped::spool`](crate::Dropped::spool).
    ///
    /// Environment: `HIGHLIGHT_SPOOL`. Default: none, nothing is written.
    pub fn spool(mut self, directory: impl Into<PathBuf>) -> Self {
        self.spool = Some(directory.into());
        self
    }

    /// How many bytes a process may have in the [`spool`](Self::spool), at least 1. The oldest make room for new ones, and are counted.
    ///
    /// Environment: `HIGHLIGHT_SPOOL_BYTES`. Default: 64 MiB (67,108,864).
    pub fn spool_bytes(mut self, bytes: usize) -> Self {
        self.spool_bytes = Some(bytes);
        self
    }

    /// How old telemetry in the [`spool`](Self::spool) may be to be sent, up to 30 days; what is older is counted as `expired`.
    ///
    /// Environment, in milliseconds: `HIGHLIGHT_SPOOL_AGE`. Default: 24 h.
    pub fn spool_age(mut self, age: Duration) -> Self {
        self.spool_age = Some(age);
        self
    }
}
