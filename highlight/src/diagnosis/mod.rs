//! Why does nothing arrive? Looks at everything between a program and its server, and says what to do.
//!
//! ```no_run
//! let _highlight = highlight::init(highlight::Config::new("1jdkoe52"))?;
//! print!("{}", highlight::diagnose());
//! # Ok::<(), highlight::InitError>(())
//! ```
//!
//! ```text
//! ok       configuration endpoint http://localhost:4317, project 1jdkoe52, service checkout, version none, [...]
//! ok       project       well-formed; compare it with the project's settings, because the server says [...]
//! ok       environment   HIGHLIGHT_ENVIRONMENT=production, OTEL_EXPORTER_OTLP_HEADERS=[hidden]
//! warning  configuration the endpoint http://localhost:4317 looks like a gRPC port
//!                        -> OTLP/HTTP is usually on port 4318
//! problem  connection    http://localhost:4317 speaks HTTP/2 only: it is a gRPC port
//!                        -> use the OTLP/HTTP port, which is usually 4318
//! ok       subscriber    the current `tracing` subscriber holds `highlight::layer()`
//! ok       spans         spans are recorded
//! ok       exports       12 items produced, 0 exported, 12 queued
//! 1 problem, 1 warning
//! ```
//!
//! For programs there are [`Diagnosis::findings`] and [`Diagnosis::verdict`]: a readiness check, or a subcommand of the program's own
//! with an exit status. [`Config::diagnose`] asks before anything is started, and `highlight-local doctor` from outside of any program.
//!
//! # Checks
//!
//! | check | looks at |
//! |---|---|
//! | `client` | whether `init` was called and its guard lives |
//! | `configuration` | whether `init` accepts the options, what they amount to, and what it would warn of |
//! | `project` | the form of the project id (C§2): the server answers 200 to a wrong one, and drops everything |
//! | `environment` | the variables that are read, secrets hidden |
//! | `connection` | name, connection, TLS and protocol of the endpoint, with the client, the certificates and the proxy of the exporter |
//! | `answer` | what it answers to an export request of each signal that holds nothing |
//! | `clock` | this machine's clock against the `Date` of that answer |
//! | `subscriber` | whether the current `tracing` subscriber holds [`layer()`](crate::layer()) |
//! | `spans` | whether any span has been recorded yet |
//! | `exports` | what became of everything recorded so far ([`Stats`](crate::Stats)) |
//! | `preflight` | [`preflight`]: whether a service lets the browser send what ties its requests to the session |
//!
//! # What it does to the program
//!
//! It blocks the calling thread, for at most the given time, and nothing else; from async code call it in `spawn_blocking` or on a thread.
//! It needs no runtime and does not panic. The requests hold no telemetry, but the configured headers. A client that is switched
//! off asks nobody, nor does a test's.

mod answer;
mod clock;
mod configuration;
mod connection;
mod endpoint;
mod finding;
mod http2;
mod preflight;
mod program;

use std::time::Duration;

pub use self::{
    finding::{Diagnosis, Finding, Verdict},
    preflight::preflight,
};
use crate::{Client, Config, pipeline::Deadline};

/// How long [`diagnose`] may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Looks at everything between this program and its server: see [`diagnosis`](crate::diagnosis). Takes at most 10 s.
///
/// It is about the client that a verb called here would use ([`Client::current`]). Without one, that is the finding, and the
/// rest is judged by the environment alone.
///
/// ```no_run
/// use highlight::diagnosis::Verdict;
///
/// let diagnosis = highlight::diagnose();
/// print!("{diagnosis}");
/// if diagnosis.verdict() == Verdict::Problem {
///     std::process::exit(1);
/// }
/// ```
pub fn diagnose() -> Diagnosis {
    if let Some(client) = Client::current() {
        return client.diagnose(TIMEOUT);
    }
    let mut diagnosis = Diagnosis::from_iter([program::no_client()]);
    diagnosis.extend(Config::from_env().diagnose(TIMEOUT));
    diagnosis
}

impl Client {
    /// Looks at everything between this client and its server, for at most `timeout`: see [`diagnosis`](crate::diagnosis).
    pub fn diagnose(&self, timeout: Duration) -> Diagnosis {
        let deadline = Deadline::after(timeout);
        let mut diagnosis = Diagnosis::default();
        diagnosis.extend(program::life(self));
        configuration::accepted(self.settings(), &process_environment, &mut diagnosis);
        if self.is_enabled() {
            if self.has_server() {
                endpoint::check(self.settings(), deadline, &mut diagnosis);
            }
            program::check(self, &mut diagnosis);
        }
        diagnosis
    }
}

impl Config {
    /// Looks at everything between a program with this configuration and its server, for at most `timeout`, without starting anything: see
    /// [`diagnosis`](crate::diagnosis).
    ///
    /// What [`init`](crate::init) would refuse is a finding here.
    ///
    /// ```
    /// use std::time::Duration;
    /// use highlight::{Config, diagnosis::Verdict};
    ///
    /// let diagnosis = Config::new("asdf").endpoint("http://localhost:1").diagnose(Duration::from_secs(1));
    /// assert_eq!(diagnosis.verdict(), Verdict::Problem);
    /// ```
    pub fn diagnose(&self, timeout: Duration) -> Diagnosis {
        let deadline = Deadline::after(timeout);
        let mut diagnosis = Diagnosis::default();
        if let Some(settings) = configuration::resolve(self, &process_environment, &mut diagnosis) {
            endpoint::check(&settings, deadline, &mut diagnosis);
        }
        diagnosis
    }
}

fn process_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests;
