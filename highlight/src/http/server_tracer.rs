//! What starts server spans.

use super::{ServerOptions, ServerRequest, ServerSpan};
use crate::{
    Client, RequestContext, parse_headers,
    propagation::{Carrier, cookie},
};

/// Starts the span of a request, for the client that it reports to. [`ServerOptions::tracer`] gives it.
#[derive(Debug)]
pub struct ServerTracer<'a> {
    pub(super) client: Client,
    pub(super) options: &'a ServerOptions,
}

impl ServerTracer<'_> {
    /// What the headers of a request say of it: what [`parse_headers`] reads, and the session of the cookie where the client's
    /// [`session_cookie`](crate::Config::session_cookie) lets that count.
    #[must_use]
    pub fn incoming<C: Carrier + ?Sized>(&self, headers: &C) -> RequestContext {
        let incoming = parse_headers(headers);
        if incoming.session_id().is_some() || !self.client.settings().session_cookie {
            return incoming;
        }
        match cookie::session(headers) {
            Some(session) => incoming.with_session(&session),
            None => incoming,
        }
    }

    /// Starts the span of a request, and makes the context in which it is to be served.
    ///
    /// `incoming` is what [`incoming`](Self::incoming) read off its headers; it is ignored if the client does not
    /// [trust](crate::Config::trust_incoming) it. An excluded request or a preflight gets a context, but no span.
    #[must_use]
    pub fn start(self, request: &ServerRequest<'_>, incoming: RequestContext) -> ServerSpan {
        ServerSpan::start(self.client, self.options.get(), request, incoming)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[test]
    fn a_disabled_client_starts_nothing() {
        for enabled in [true, false] {
            let client = Client::new(Config::new("1").enabled(enabled)).unwrap();
            let options = ServerOptions::default().client(client);
            assert_eq!(options.tracer().is_some(), enabled);
        }
    }
}
