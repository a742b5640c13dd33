//! What else may stand around a handler, beside our layer.

use std::{future::Future, time::Duration};

use highlight::{Client, RequestContext, start_active_span};

/// One more middleware, further in than ours or further out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neighbour {
    /// Inside: turns panics into responses.
    CatchesPanics,
    /// Inside: drops a handler that takes longer than [`PATIENCE`], and answers 503.
    TimesOut,
    /// Inside: logs `going in` and `coming out`.
    LogsInside,
    /// Inside: fails, whatever the handler has answered.
    FailsInside,
    /// Inside: the framework's usual middleware for `tracing`.
    TracesInside,
    /// Inside: ours, by mistake.
    OursAgain,
    /// Outside: logs `going in` and `coming out`.
    LogsOutside,
    /// Outside: fails, whatever we have answered.
    FailsOutside,
    /// Outside: the framework's usual middleware for `tracing`.
    TracesOutside,
    /// Outside: reads the first frame of a body, and drops the rest.
    CutsBodies,
    /// Outside: where the connection is served, a span `connection` is current, in the request that this header names (none if it is empty).
    Within(&'static str),
}

/// How long [`Neighbour::TimesOut`] waits.
pub const PATIENCE: Duration = Duration::from_millis(50);

/// [`Neighbour::LogsInside`] and, for the client that no request names yet, [`Neighbour::LogsOutside`].
pub(super) async fn logging<T>(client: Option<Client>, answer: impl Future<Output = T>) -> T {
    let log = |text: &str| {
        let write = || tracing::info!("{text}");
        match &client {
            Some(client) => client.in_scope(write),
            None => write(),
        }
    };
    log("going in");
    let answer = answer.await;
    log("coming out");
    answer
}

/// [`Neighbour::Within`].
pub(super) async fn within<T>(client: Client, request: &str, answer: impl Future<Output = T>) -> T {
    let request: RequestContext = request.parse().unwrap_or_default();
    let connection = async { start_active_span("connection", async |_| answer.await).await };
    client.scope(async { request.scope(connection).await }).await
}
