//! What a server integration can be told.

use std::{cell::Cell, fmt, sync::Arc};

use super::{Recording, ServerRequest};
use crate::{
    Client, RequestContext, Signals,
    callback::Callback,
    early, parse_headers,
    propagation::{Carrier, cookie},
};

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
#[derive(Clone, Default)]
#[must_use = "it does nothing until it is handed to a layer"]
pub struct ServerOptions {
    pub(super) client: Option<Client>,
    pub(super) exclude: Option<Predicate>,
    pub(super) client_address: bool,
    pub(super) log_failures: bool,
    pub(super) recording: Option<Arc<Recording>>,
}

impl ServerOptions {
    /// The client to report to. Default: the process-wide one, looked up for each request.
    pub fn client(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }

    /// Whether there is an enabled client that a request arriving now reports to.
    ///
    /// For integrations, which otherwise need not look at the request at all.
    #[must_use]
    pub fn is_active(&self) -> bool {
        let lost = || early::ours(Signals::TRACES, "a request", None);
        self.client.as_ref().map_or_else(|| Client::is_current_enabled_or(lost), Client::is_enabled)
    }

    /// The client that a request arriving now reports to; `None` if there is none or it is disabled.
    pub(super) fn active_client(&self) -> Option<Client> {
        let client = self.client.clone().or_else(Client::current);
        if client.is_none() {
            early::ours(Signals::TRACES, "a request", None);
        }
        client.filter(Client::is_enabled)
    }

    /// Requests that make no spans and no metric, such as health probes. If the function panics, that counts as `false`. Default:
    /// none.
    ///
    /// What such a request logs is still tied to its session.
    pub fn exclude(mut self, predicate: impl Fn(&ServerRequest<'_>) -> bool + Send + Sync + 'static) -> Self {
        let warning = "the function given to `ServerOptions::exclude` panicked; the request is not excluded";
        self.exclude = Some(self::predicate(predicate, warning));
        self
    }

    /// What the headers of a request say of it, for [`ServerSpan::start`](super::ServerSpan::start): what
    /// [`parse_headers`](crate::parse_headers) reads, and the session of the cookie where the client's
    /// [`session_cookie`](crate::Config::session_cookie) lets that count.
    #[must_use]
    pub fn incoming<C: Carrier + ?Sized>(&self, headers: &C) -> RequestContext {
        let incoming = parse_headers(headers);
        if incoming.session_id().is_some() {
            return incoming;
        }
        let client = self.client.clone().or_else(Client::current);
        let reads_cookie = client.is_some_and(|client| client.settings().session_cookie);
        match reads_cookie.then(|| cookie::session(headers)).flatten() {
            Some(session) => incoming.with_session(&session),
            None => incoming,
        }
    }

    /// Whether `client.address` is recorded. Default: `false`, because it is personal data.
    pub fn client_address(mut self, record: bool) -> Self {
        self.client_address = record;
        self
    }

    /// What of headers and bodies is recorded, and of whose requests nothing. Default: nothing.
    pub fn record(mut self, recording: Recording) -> Self {
        self.recording = Some(Arc::new(recording));
        self
    }

    /// Whether one line is logged for each response from 400 up: `warn`, or `error` from 500. Default: `false`.
    ///
    /// Of gRPC calls, for each status but OK: `error` if the server failed, else `warn`.
    pub fn log_failures(mut self, log: bool) -> Self {
        self.log_failures = log;
        self
    }
}

impl ServerOptions {
    /// These options, with the client of `before` unless they name one.
    ///
    /// For integrations, whose `with_client` holds whether it comes before `with_options` or after.
    pub fn or_client_of(mut self, before: Self) -> Self {
        self.client = self.client.or(before.client);
        self
    }
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerOptions")
            .field("client", &self.client)
            .field("exclude", &self.exclude.is_some())
            .field("client_address", &self.client_address)
            .field("log_failures", &self.log_failures)
            .field("recording", &self.recording)
            .finish()
    }
}
