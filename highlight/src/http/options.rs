//! What a server integration can be told.

use std::{cell::Cell, fmt, sync::Arc};

use super::{Recording, ServerRequest, ServerTracer};
use crate::{Client, Signals, callback::Callback, early};

/// What the program says of a request.
pub(super) type Predicate = Callback<dyn Fn(&ServerRequest<'_>) -> bool + Send + Sync>;

pub(super) fn predicate(
    function: impl Fn(&ServerRequest<'_>) -> bool + Send + Sync + 'static,
    warning: &'static str,
) -> Predicate {
    thread_local!(static ASKING: Cell<bool> = const { Cell::new(false) });
    Callback::new(Arc::new(function), &ASKING, warning)
}

/// The options that the layers of all frameworks share.
///
/// Cloning is cheap.
#[derive(Clone, Default)]
#[must_use = "it does nothing until it is handed to a layer"]
pub struct ServerOptions {
    /// `None` if nothing differs from the default: frameworks clone a layer for each request, so it is to be small.
    changed: Option<Arc<Options>>,
}

#[derive(Clone)]
pub(super) struct Options {
    pub(super) client: Option<Client>,
    pub(super) exclude: Option<Predicate>,
    pub(super) client_address: bool,
    pub(super) log_failures: bool,
    pub(super) recording: Option<Arc<Recording>>,
}

static DEFAULT: Options = Options::new();

impl Options {
    const fn new() -> Self {
        Self { client: None, exclude: None, client_address: false, log_failures: false, recording: None }
    }
}

impl ServerOptions {
    pub(super) fn get(&self) -> &Options {
        self.changed.as_deref().unwrap_or(&DEFAULT)
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(Arc::make_mut(self.changed.get_or_insert_with(|| Arc::new(Options::new()))));
        self
    }

    /// The client to report to. Default: the process-wide one, looked up for each request.
    pub fn client(self, client: Client) -> Self {
        self.with(|options| options.client = Some(client))
    }

    /// What starts the span of a request arriving now; `None` if there is no client to report to, or it is disabled: then an
    /// integration need not look at the request at all.
    #[must_use]
    pub fn tracer(&self) -> Option<ServerTracer<'_>> {
        let lost = || early::ours(Signals::TRACES, "a request", None);
        let client = match &self.get().client {
            Some(client) => client.is_enabled().then(|| client.clone()),
            None => Client::enabled_or(lost),
        };
        Some(ServerTracer { client: client?, options: self })
    }

    /// Requests that make no spans and no metric, such as health probes. If the function panics, that counts as `false`. Default:
    /// none.
    ///
    /// What such a request logs is still tied to its session.
    pub fn exclude(self, predicate: impl Fn(&ServerRequest<'_>) -> bool + Send + Sync + 'static) -> Self {
        let warning = "the function given to `ServerOptions::exclude` panicked; the request is not excluded";
        self.with(|options| options.exclude = Some(self::predicate(predicate, warning)))
    }

    /// Whether `client.address` is recorded. Default: `false`, because it is personal data.
    pub fn client_address(self, record: bool) -> Self {
        self.with(|options| options.client_address = record)
    }

    /// What of headers and bodies is recorded, and of whose requests nothing. Default: nothing.
    pub fn record(self, recording: Recording) -> Self {
        self.with(|options| options.recording = Some(Arc::new(recording)))
    }

    /// Whether one line is logged for each response from 400 up: `warn`, or `error` from 500. Default: `false`.
    ///
    /// Of gRPC calls, for each status but OK: `error` if the server failed, else `warn`.
    pub fn log_failures(self, log: bool) -> Self {
        self.with(|options| options.log_failures = log)
    }
}

impl ServerOptions {
    /// These options, with the client of `before` unless they name one.
    ///
    /// For integrations, whose `with_client` holds whether it comes before `with_options` or after.
    #[expect(clippy::needless_pass_by_value, reason = "the options of before are replaced")]
    pub fn or_client_of(self, before: Self) -> Self {
        match &before.get().client {
            Some(client) if self.get().client.is_none() => self.client(client.clone()),
            _ => self,
        }
    }
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = self.get();
        f.debug_struct("ServerOptions")
            .field("client", &options.client)
            .field("exclude", &options.exclude.is_some())
            .field("client_address", &options.client_address)
            .field("log_failures", &options.log_failures)
            .field("recording", &options.recording)
            .finish()
    }
}
