//! No framework: a program that calls the plain API itself.

use std::{collections::HashMap, sync::Arc};

use anyhow::Result;
use bytes::Bytes;
use highlight::{consume_error, parse_headers, start_active_span};
use http_body_util::BodyExt;
use tokio::task::JoinHandle;

use super::{Framework, NO_GRPC, Need, OnError, Service, Setup};
use crate::{
    handler::{Arrival, BoxFuture, Failure, Reply},
    wire::{Answer, Request},
};

#[derive(Debug)]
pub(super) struct Plain;

impl Framework for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn serve(&self, setup: Setup) -> BoxFuture<Result<Service>> {
        Box::pin(async { Ok(Service::of_calls(Calls(Arc::new(setup)))) })
    }

    fn lacks(&self, need: Need) -> Option<&'static str> {
        match need {
            Need::SharedRuntime | Need::ErrorValues => None,
            Need::Server | Need::Http => {
                Some("a program that serves no HTTP has no response, and none of our layers")
            }
            Need::RequestSpan => Some("the span of `tracing` that stands for a request is a layer's"),
            Need::HeaderLines => Some("a map holds one value for a name"),
            Need::Connection | Need::Multiplexing | Need::Neighbours | Need::Trailers => {
                Some("there is no server")
            }
            Need::Grpc => Some(NO_GRPC),
        }
    }

    fn request_span(&self) -> &'static str {
        "request"
    }

    fn on_error(&self) -> OnError {
        OnError::SpanError
    }
}

/// What stands for the server.
#[derive(Clone)]
pub(super) struct Calls(Arc<Setup>);

impl Calls {
    /// Serves a request on a task of its own, as a consumer of messages would.
    pub(super) fn begin(&self, request: &Request) -> JoinHandle<Option<Answer>> {
        let headers: HashMap<_, _> = request
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned()))
            .collect();
        tokio::spawn(consume(Arc::clone(&self.0), headers, request.target.clone()))
    }
}

async fn consume(setup: Arc<Setup>, headers: HashMap<String, String>, path: String) -> Option<Answer> {
    let work = async {
        let context = parse_headers(&headers);
        context.scope(handle(&setup, Arrival { path, body: Bytes::new() })).await
    };
    let reply = setup.client.scope(work).await?;
    let body = reply.body.collect().await.ok()?.to_bytes();
    Some(Answer { status: reply.status, body: String::from_utf8_lossy(&body).into_owned() })
}

/// The errors of `anyhow` and `eyre` are no [`Error`](std::error::Error)s, and are reported as what they hold.
async fn handle(setup: &Setup, arrival: Arrival) -> Option<Reply> {
    start_active_span("request", async |_| {
        let failure = match (setup.handler)(arrival).await {
            Ok(reply) => return Some(reply),
            Err(failure) => failure,
        };
        match &failure {
            Failure::Declined(error) => consume_error(error),
            Failure::Anyhow(error) => consume_error(&**error),
            Failure::Eyre(error) => consume_error(&**error),
        }
        None
    })
    .await
}

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Calls").finish_non_exhaustive()
    }
}
