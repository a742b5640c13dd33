//! Ties everything a Rust service does to the browser session that caused it.
//!
//! A browser client records a session and adds `x-highlight-request: <session>/<request>` to its calls. This crate
//! puts both ids on **every span, log, error and panic** of the request, in this service and the ones behind it,
//! and sends them over OTLP to [Highlight](https://github.com/highlight/highlight) (self-hosted), its successor, an
//! OpenTelemetry Collector, or `highlight-local` on a laptop.
//!
//! ```no_run
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let _highlight = highlight::init(highlight::Config::new("1jdkoe52").service_name("checkout"))?;
//!     tracing::info!("started"); // `tracing` and `log` are exported as they are
//!     Ok(())
//! }
//! ```
//!
//! A web service adds one layer to its router (`highlight-axum`, `highlight-actix`, `highlight-tower`), and that is all, with one exception: a bare
//! `tokio::spawn` or `std::thread::spawn` loses the request, which no library can change. Use [`spawn`] and its twins. For the rest:
//!
//! | to | use |
//! |---|---|
//! | start, and stop in order | [`init`], [`Config`], the [`Highlight`] guard |
//! | report an error | [`consume_error`], [`ErrorReport`], [`ConsumeError`] on a `Result` or `Option` |
//! | ignore, title or demote errors by type | [`Config::error_rule`] |
//! | log without a macro | [`log()`](log()) |
//! | time a piece of work | [`start_active_span`], [`try_start_active_span`], [`in_span`], [`try_in_span`], [`SpanBuilder`] |
//! | measure and count | [`metrics`] |
//! | keep the request in tasks and threads | [`spawn`], [`spawn_blocking`], [`spawn_thread`], [`in_current_scope`], [`callback_in_current_scope`], [`InCurrentScope`] |
//! | say who is served | [`set_user`], [`User`] |
//! | keep things private | [`Config::redact`], [`Config::before_send`], [`http::Recording`] |
//! | read and forward the headers | [`parse_headers`], [`propagation`], [`RequestContext`] |
//! | send and process messages | [`messaging`] |
//! | build a subscriber of your own | [`layer()`](layer()) |
//! | do without globals | [`Client`] |
//! | know what was lost | [`Stats`] |
//! | test what is recorded | `testing`, with the feature of that name |
//! | know why nothing arrives | [`diagnose`] |
//!
//! # What it promises
//!
//! - **Never in the way**: no call blocks or waits for the network. One bounded queue, one worker thread; a full queue drops, and counts.
//! - **Never the end**: it does not panic, needs no async runtime, and works on any or none.
//! - **Never silent about losses**: [`Client::stats`] balances: everything produced was exported, is queued, or was dropped for a reason.
//! - **Nothing private unasked**: secrets are redacted, client addresses, headers and bodies are not recorded, and session
//!   ids are forwarded to [allowed hosts](propagation) only. [Below](#what-leaves-the-process) is the whole of it.
//!
//! # Where errors come from
//!
//! One failure makes one error object, however often it is seen on its way up ([`consume_error`]):
//!
//! - [`consume_error`], [`ErrorReport`] and [`ConsumeError`];
//! - a `tracing` or `log` record at ERROR with a field `error`, `err` or `exception`, in any spelling (a bare `error!("text")` is a log line, unless [`Config::errors_from_logs`]);
//! - [`try_start_active_span`] and [`try_in_span`];
//! - the handler error types of the framework crates, at the `?`;
//! - panics, with severity `fatal` ([`Config::panic_hook`]).
//!
//! All of them take what is [`Reportable`], and all are asked about by [`Config::error_rule`]. An error has its type, message and causes, the
//! place, thread and route, and the stack that it carries or else that of the report, within [a limit](Config::stack_traces).
//!
//! # What leaves the process
//!
//! | of | leaves | does not, unless asked for |
//! |---|---|---|
//! | a request to a server | method, path, route, query, host, user agent, status, times, sizes | [headers, bodies](http::Recording), the [client's address](http::ServerOptions::client_address) |
//! | a request by a client | method, URL, status, times | headers, bodies (neither can be asked for) |
//! | a log, a span, a metric | what the program writes into it | |
//! | an error, a panic | message, type, causes, stack: names of functions, paths of source files, lines | |
//! | a user | what [`set_user`] is told | |
//! | the process | service, version, environment, host name, process id, what [`Config::resource_attribute`] adds | environment variables, arguments |
//!
//! On its way everything goes through these, on the worker, in this order:
//!
//! 1. [`Config::before_send`]: a function of the program's, which edits or drops.
//! 2. [`Config::redact_with`]: another one, which sees each text.
//! 3. [`Config::redact`]: secrets become `[REDACTED]`, by the name that they have, by the place where they stand (`https://user:password@host`), and by how they look
//!    (`Bearer x`, JSON Web Tokens, private keys, card numbers). [`Config::redact_key`] and [`Config::redact_pattern`] add to it, [`Config::redact_except`] takes from it.
//!
//! It holds for every text in spans (names, attributes, statuses, events, links), logs, errors (messages, causes, stacks, panics), metrics, the resource and
//! instrumentation scopes, for recorded headers and bodies, at any depth of lists and maps.
//!
//! No list of names is complete, and a secret in plain words cannot be told from other words. Keep secrets in types whose `Debug` does not show them, and name private
//! paths with [`Recording::never`](http::Recording::never).
//!
//! What it costs: see [`Config::redact`]. While nobody fails, errors cost nothing: [`try_in_span`] takes as long as [`in_span`], and
//! [`ConsumeError`] on a success what a `match` does (`benches/errors.rs`). A report costs about a microsecond and [its stack](Config::stack_traces).
//!
//! # When something is used wrongly
//!
//! The compiler says it, or else the process does, once, under the target `highlight` or on standard error.
//!
//! | used wrongly | said by | with |
//! |---|---|---|
//! | the guard is dropped where it is made: `init(..)?;` | the compiler | what is lost by it (`unused_must_use`) |
//! | the same by `let _ = init(..)?`, or a guard that ends before the program | the client, when it loses the first item | the line to write; rustc's lint `let_underscore_drop` sees the first |
//! | something is recorded before [`init`], by [`layer()`](layer()), a framework's layer or this crate's functions | `init` | where, if the filter would have taken it |
//! | a subscriber without [`layer()`](layer()), the program's or this thread's | `init` | where to add it; also [`Highlight::tracing_setup`] |
//! | a logger of the `log` crate before `init` | `init` | what becomes of its records |
//! | a second `init` | its result, as any wrong option is | an [`InitError`] that names the remedy |
//! | [`spawn`], `testing` without their features | the compiler | the feature |
//! | a type that is no error where one is reported | the compiler | what can be: [`Reportable`] |
//! | a request or message where its headers are read or written | the compiler | what can be: [`Carrier`](propagation::Carrier), [`CarrierMut`](propagation::CarrierMut) |
//! | a future for [`spawn`] that cannot leave its thread | the compiler | the value that keeps it there |
//! | a builder, report, context, layer, future or closure that nothing is done with | the compiler | what is to be done (`unused_must_use`) |
//! | an endpoint, a name, a certificate that will not do | [`diagnose`], `highlight-local doctor` | the remedy |
//!
//! Three things nobody can see: what `tracing` records before `init` while there is no subscriber at all; a future that is made in
//! [`in_span`] or [`in_scope`](RequestContext::in_scope) and awaited outside, where it belongs to the span around (for futures there are
//! [`start_active_span`] and [`scope`](RequestContext::scope)); and a bare `tokio::spawn`, for which [`spawn`] has a lint.
//!
//! # Beside OpenTelemetry
//!
//! What instruments itself with OpenTelemetry is part of the request, as long as it uses the same version ([`otel`]): spans of its
//! global tracer, with the current context or one that is handed over, carry the ids and the user, and are sampled, redacted and counted
//! as our own; so are spans of [`Client::tracer_provider`], metrics of its global meter, and logs of [`Client::logger_provider`]. What it starts in a context made anew, of nothing
//! but a span's ids, cannot know the request.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `tls` | yes | endpoints that are `https://`; without it `init` refuses them, and rustls and ring are not built |
//! | `backtrace` | yes | stacks are captured under a lock of their own; without it the standard library captures them, and while it resolves the first one (a fraction of a second), panics and other errors of the process wait |
//! | `tokio` | no; the framework crates turn it on | [`spawn`], [`spawn_blocking`] |
//! | `serde` | no | serde for [`RequestContext`], as the header's value |
//! | `testing` | no; for `[dev-dependencies]` | `testing`: what the code under test would have sent, per test |
//! | `anyhow` | no | errors of `anyhow`, with the backtrace that they carry |
//! | `eyre`, `color-eyre` | no | errors of `eyre`, with the backtrace that its own handler or that of `color-eyre` carries |
//! | `tracing-error` | no | the `tracing` spans that an error passed through, as `error.span_trace`; needs `tracing_error::ErrorLayer` in a subscriber of the program's own |
//!
//! `C§n` is paragraph n of `docs/contract.md` in the repository.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(all(test, not(all(feature = "backtrace", feature = "tls"))))]
compile_error!("the unit tests are of what the default features do, too: leave them on");

mod ambient;
mod assembly;
mod attribute;
mod before_send;
mod bridge;
mod callback;
mod client;
mod config;
mod console;
mod context;
pub mod diagnosis;
mod early;
mod encode;
mod error;
mod future;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
mod ids;
mod init;
mod leftovers;
mod level;
mod logs;
pub mod messaging;
pub mod metrics;
mod panic_hook;
mod pipeline;
mod prefetch;
pub mod propagation;
mod record;
mod redact;
mod sampling;
mod say;
mod seen;
mod span;
mod span_builder;
mod span_kind;
mod stack;
mod stats;
mod switch;
mod task;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
mod thread;
mod tracer;
mod user;

#[cfg(feature = "tokio")]
pub use self::task::{spawn, spawn_blocking};
pub use self::{
    attribute::{KeyValue, Value},
    before_send::{Outgoing, OutgoingKind},
    bridge::{TracingSetup, layer},
    client::Client,
    config::{Compression, Config, InitError, ParseSignalsError, Signals},
    context::RequestContext,
    diagnosis::{Diagnosis, diagnose},
    error::{ConsumeError, ErrorAction, ErrorReport, Reportable, ReportedError, consume_error},
    future::{InCurrentScope, WithContext},
    init::{Highlight, init},
    level::{Level, ParseLevelError},
    logs::log,
    panic_hook::install_panic_hook,
    pipeline::FlushError,
    propagation::parse_headers,
    sampling::Sampling,
    span::{Span, in_span, start_active_span, try_in_span, try_start_active_span},
    span_builder::SpanBuilder,
    span_kind::SpanKind,
    stats::{Dropped, Stats},
    task::{callback_in_current_scope, in_current_scope, spawn_thread},
    user::{User, set_user},
};

/// What the macros of this crate expand to, and nobody else may use.
#[doc(hidden)]
pub mod __private {
    pub use crate::config::first_set;
}

/// What tasks and threads are given can go there.
const _: () = {
    const fn goes_anywhere<T: Send + Sync + 'static>() {}
    goes_anywhere::<Client>();
    goes_anywhere::<ErrorReport>();
    goes_anywhere::<Highlight>();
    goes_anywhere::<RequestContext>();
    goes_anywhere::<Span>();
    goes_anywhere::<SpanBuilder>();
};

/// The OpenTelemetry crates that this crate is built on, in its versions.
///
/// Types of another version are other types: a span made with them would not be seen here.
pub mod otel {
    pub use opentelemetry;
    pub use opentelemetry_sdk;
    pub use tracing_opentelemetry;

    pub use crate::tracer::{Span, Tracer, TracerProvider};
}
