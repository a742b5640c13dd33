//! OTLP over HTTP: requests and answers. And the way to the recordings.
//!
//! | status | when |
//! |---|---|
//! | 200 | the body is understood, even if every record in it is dropped (C§1.4) |
//! | 204 | a browser's preflight |
//! | 400 | bad gzip, bad protobuf, bad JSON, a body that breaks off or pauses for too long |
//! | 404, 405 | another path, another method |
//! | 413 | the body is too long, as sent or after decompression |
//! | 415 | another encoding than gzip, another type than protobuf and JSON |
//! | 503 | too many bodies are being received at once |

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
};

use super::{
    body::{self, Encoding},
    cors,
    service::{Accepted, Format, JSON, PROTOBUF, Refusal, Service, Signal, describe},
};
use crate::{
    replay::{self, Recordings},
    store::RequestInfo,
};

/// Where the browser client's `backendUrl` points, as on a self-hosted server (C§1.1).
const REPLAY_PATH: &str = "/public";

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
enum Route {
    Otlp(Signal),
    Replay,
}

impl Route {
    fn of(path: &str) -> Option<Self> {
        if path == REPLAY_PATH {
            return Some(Self::Replay);
        }
        Signal::of(path).map(Self::Otlp)
    }
}

pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new().fallback(handle).with_state(service)
}

async fn handle(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let route = Route::of(parts.uri.path());
    if parts.method == Method::OPTIONS && route.is_some() {
        return cors::preflight(&parts.headers);
    }
    let mut info = describe(&parts);
    let outcome = match route {
        Some(Route::Otlp(signal)) => service.receive(signal, &parts, body, &mut info).await,
        Some(Route::Replay) => service.record(&parts, body, &mut info).await,
        None => {
            let text = "nothing here; OTLP goes to /v1/traces, /v1/logs and /v1/metrics\n";
            Err(Refusal::new(StatusCode::NOT_FOUND, text))
        }
    };
    let (accepted, response) = match outcome {
        Ok((accepted, kind, text)) => (accepted, answer(StatusCode::OK, kind, text)),
        Err(refusal) => {
            let mut response = answer(refusal.status, "text/plain; charset=utf-8", refusal.text);
            if refusal.status == StatusCode::SERVICE_UNAVAILABLE && !refusal.wanted {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            (Accepted::default(), response)
        }
    };
    info.status = response.status().as_u16();
    service.store.add_request(info, accepted.rows, accepted.raw);
    if route.is_some() { cors::allow(response, &parts.headers) } else { response }
}

/// What is stored, and the answer with its type.
type Outcome = Result<(Accepted, &'static str, String), Refusal>;

impl Service {
    async fn receive(&self, signal: Signal, parts: &Parts, body: Body, info: &mut RequestInfo) -> Outcome {
        check_method(parts, "OTLP is sent with POST\n")?;
        // Read before anything is refused: a sender that is still writing sees no answer.
        let sent =
            body::read(body, self.max_body, &self.memory).await.map_err(|error| self.refuse(&error))?;
        info.wire_length = sent.bytes.len();
        let format = Format::of(&parts.headers);
        let encoding = Encoding::of(&parts.headers);
        let outcome = self.understand(signal, format, encoding, &sent.bytes, parts, info);
        if let Some(passing) = &self.passing {
            if !matches!(&outcome, Err(refusal) if refusal.wanted) {
                passing.pass_on(signal.path(), &parts.headers, sent.bytes);
            }
        }
        let (kind, text) = match format {
            // As the collector answers.
            Some(Format::Json) => (JSON, r#"{"partialSuccess":{}}"#),
            _ => (PROTOBUF, ""),
        };
        outcome.map(|accepted| (accepted, kind, text.to_owned()))
    }

    async fn record(&self, parts: &Parts, body: Body, info: &mut RequestInfo) -> Outcome {
        let recordings: &Recordings = self.recordings.as_ref().ok_or_else(|| {
            let text = "sessions are not recorded; start highlight-local with --replay\n";
            Refusal::new(StatusCode::NOT_FOUND, text)
        })?;
        check_method(parts, "GraphQL is sent with POST\n")?;
        let sent =
            body::read(body, self.max_body, &self.memory).await.map_err(|error| self.refuse(&error))?;
        info.wire_length = sent.bytes.len();
        let encoding = Encoding::of(&parts.headers).ok_or_else(|| {
            let text = "this encoding is not supported; send gzip or none\n";
            Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
        })?;
        let bytes =
            body::decode(&sent.bytes, encoding, self.max_body).map_err(|error| self.refuse(&error))?;
        info.decoded_length = Some(bytes.len());
        let text = replay::answer(recordings, &bytes, self.max_body).map_err(|error| {
            let text = format!("the body is no GraphQL request: {error}\n");
            Refusal::new(StatusCode::BAD_REQUEST, text)
        })?;
        Ok((Accepted::default(), JSON, text))
    }
}

fn check_method(parts: &Parts, text: &str) -> Result<(), Refusal> {
    if parts.method == Method::POST {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, text))
}

fn answer(status: StatusCode, content_type: &'static str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    // No page of ours sniffs, but what is said here repeats what was sent.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    }
    response
}
