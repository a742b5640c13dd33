//! Requests and answers.
//!
//! | status | when |
//! |---|---|
//! | 200, empty | the body is understood, even if every record in it is dropped (C§1.4) |
//! | 204 | a browser's preflight |
//! | 400 | bad gzip or bad protobuf |
//! | 404, 405 | another path, another method |
//! | 413 | the body is too long, as sent or after decompression |
//! | 415 | another encoding than gzip, another type than protobuf |

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
};
use prost::Message;

use super::{
    Respond,
    body::{self, Encoding, Unreadable},
};
use crate::{
    ingest::{Arrival, Ingest},
    row::Row,
    store::{Raw, RequestInfo, Store},
};

const PROTOBUF: &str = "application/x-protobuf";

/// What requests are answered from.
pub(super) struct Service {
    pub(super) ingest: Ingest,
    pub(super) store: Store,
    pub(super) max_body: usize,
    pub(super) keep_raw: bool,
    pub(super) respond: Option<Box<Respond>>,
}

/// The three things a request can carry, by path.
#[derive(Debug, Clone, Copy)]
enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    fn of(path: &str) -> Option<Self> {
        match path {
            "/v1/traces" => Some(Self::Traces),
            "/v1/logs" => Some(Self::Logs),
            "/v1/metrics" => Some(Self::Metrics),
            _ => None,
        }
    }
}

/// A request that is understood.
#[derive(Default)]
struct Accepted {
    rows: Vec<Row>,
    raw: Option<Raw>,
}

/// A request that is not, or that a test wants to see refused.
struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }
}

pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new().fallback(handle).with_state(service)
}

async fn handle(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if parts.method == Method::OPTIONS && Signal::of(parts.uri.path()).is_some() {
        return preflight(&parts.headers);
    }
    let mut info = describe(&parts);
    let outcome = service.receive(&parts, body, &mut info).await;
    let (accepted, response) = match outcome {
        Ok(accepted) => (accepted, answer(StatusCode::OK, PROTOBUF, String::new())),
        Err(refusal) => {
            let response = answer(refusal.status, "text/plain; charset=utf-8", refusal.text);
            (Accepted::default(), response)
        }
    };
    info.status = response.status().as_u16();
    service.store.add_request(info, accepted.rows, accepted.raw);
    with_cors(response, &parts.headers)
}

impl Service {
    async fn receive(&self, parts: &Parts, body: Body, info: &mut RequestInfo) -> Result<Accepted, Refusal> {
        let signal = Signal::of(parts.uri.path()).ok_or_else(|| {
            let text = "nothing here; OTLP goes to /v1/traces, /v1/logs and /v1/metrics\n";
            Refusal::new(StatusCode::NOT_FOUND, text)
        })?;
        if parts.method != Method::POST {
            let text = "OTLP is sent with POST\n";
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, text));
        }
        // Read before anything is refused: a sender that is still writing sees no answer.
        let bytes = body::read(body, self.max_body).await;
        info.wire_length = bytes.as_ref().map_or(0, Vec::len);
        check_type(&parts.headers)?;
        let encoding = Encoding::of(&parts.headers).ok_or_else(|| {
            let text = "this encoding is not supported; send gzip or none\n";
            Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
        })?;
        let bytes = bytes
            .and_then(|bytes| body::decode(bytes, encoding, self.max_body))
            .map_err(|unreadable| self.refuse(&unreadable))?;
        info.decoded_length = Some(bytes.len());
        if let Some(status) = self.respond.as_ref().and_then(|respond| respond(info)) {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Err(Refusal::new(status, ""));
        }
        self.take_in(signal, &bytes, &arrival(&parts.headers)).map_err(|error| {
            let text = format!("the body is not an OTLP protobuf message for this path: {error}\n");
            Refusal::new(StatusCode::BAD_REQUEST, text)
        })
    }

    fn refuse(&self, unreadable: &Unreadable) -> Refusal {
        match unreadable {
            Unreadable::TooLong => Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is longer than {} bytes; send smaller batches\n", self.max_body),
            ),
            Unreadable::Broken(error) => {
                Refusal::new(StatusCode::BAD_REQUEST, format!("the body is broken: {error}\n"))
            }
        }
    }

    fn take_in(
        &self,
        signal: Signal,
        bytes: &[u8],
        arrival: &Arrival,
    ) -> Result<Accepted, prost::DecodeError> {
        let (rows, raw) = match signal {
            Signal::Traces => {
                let request = Arc::new(Message::decode(bytes)?);
                (self.ingest.traces(&request, arrival), Raw::Traces(request))
            }
            Signal::Logs => {
                let request = Arc::new(Message::decode(bytes)?);
                (self.ingest.logs(&request, arrival), Raw::Logs(request))
            }
            Signal::Metrics => {
                let request = Arc::new(Message::decode(bytes)?);
                (self.ingest.metrics(&request, arrival), Raw::Metrics(request))
            }
        };
        Ok(Accepted { rows, raw: self.keep_raw.then_some(raw) })
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = sent.and_then(|sent| sent.split(';').next()).unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(PROTOBUF) {
        return Ok(());
    }
    let text = format!(
        "the content type must be {PROTOBUF}; OTLP as JSON is not supported (the server behind \
         the collector does not understand it either)\n"
    );
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
}

fn arrival(headers: &HeaderMap) -> Arrival {
    let project = headers.get("x-highlight-project").and_then(|value| value.to_str().ok());
    match project {
        Some(project) => Arrival::now().with_project_header(project),
        None => Arrival::now(),
    }
}

fn describe(parts: &Parts) -> RequestInfo {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    RequestInfo {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        headers: parts.headers.iter().map(|(name, v)| (name.to_string(), text(v))).collect(),
        wire_length: 0,
        decoded_length: None,
        status: 0,
    }
}

fn answer(status: StatusCode, content_type: &'static str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    }
    response
}

/// Browsers send OTLP too: any page may, with the headers it asks for.
fn preflight(asked: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let allowed = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let allowed = allowed.unwrap_or(HeaderValue::from_static("content-type, content-encoding"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    let fixed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
        (header::ACCESS_CONTROL_MAX_AGE, "3600"),
        (HeaderName::from_static("access-control-allow-private-network"), "true"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    with_cors(response, asked)
}

/// Names the page's origin rather than `*`, which `sendBeacon` with credentials needs.
fn with_cors(mut response: Response, asked: &HeaderMap) -> Response {
    let origin = asked.get(header::ORIGIN).cloned().unwrap_or(HeaderValue::from_static("*"));
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    response
}
