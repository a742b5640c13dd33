//! What every way of sending shares: understand, store, pass on.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use bytes::Bytes;
use prost::Message;
use tokio::sync::Semaphore;

use super::{
    Respond,
    body::{self, Encoding, Unreadable},
    json,
};
use crate::{
    forward::Passing,
    ingest::{Arrival, Ingest},
    replay::Recordings,
    row::Row,
    store::{Raw, RequestInfo, Store},
};

pub(super) const PROTOBUF: &str = "application/x-protobuf";
pub(super) const JSON: &str = "application/json";

/// What requests are answered from.
pub(super) struct Service {
    pub(super) ingest: Ingest,
    pub(super) store: Store,
    pub(super) max_body: usize,
    /// For all bodies that are being read.
    pub(super) memory: Semaphore,
    pub(super) keep_raw: bool,
    pub(super) respond: Option<Box<Respond>>,
    pub(super) passing: Option<Passing>,
    pub(super) recordings: Option<Recordings>,
}

/// The three things a request can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Logs,
    Metrics,
}

impl Signal {
    pub(super) const ALL: [Self; 3] = [Self::Traces, Self::Logs, Self::Metrics];

    /// The path of OTLP over HTTP.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Logs => "/v1/logs",
            Self::Metrics => "/v1/metrics",
        }
    }

    pub(super) fn of(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.path() == path)
    }
}

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Protobuf,
    Json,
}

impl Format {
    const fn name(self) -> &'static str {
        match self {
            Self::Protobuf => "protobuf",
            Self::Json => "JSON",
        }
    }

    /// `None` for a content type that OTLP does not have.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = sent.and_then(|sent| sent.split(';').next()).unwrap_or_default().trim();
        let formats = [(PROTOBUF, Self::Protobuf), (JSON, Self::Json)];
        let found = formats.into_iter().find(|(name, _)| essence.eq_ignore_ascii_case(name));
        found.map(|(_, format)| format)
    }
}

/// A request that is understood.
#[derive(Default)]
pub(super) struct Accepted {
    pub(super) rows: Vec<Row>,
    pub(super) raw: Option<Raw>,
}

/// A request that is not, or that a test wants to see refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) text: String,
    /// A test asked for it; as if the request had not come.
    pub(super) wanted: bool,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), wanted: false }
    }
}

impl Service {
    /// From the bytes of a message to rows.
    pub(super) fn understand(
        &self,
        signal: Signal,
        format: Option<Format>,
        encoding: Option<Encoding>,
        bytes: &Bytes,
        parts: &Parts,
        info: &mut RequestInfo,
    ) -> Result<Accepted, Refusal> {
        let format = format.ok_or_else(|| {
            let text = format!("the content type must be {PROTOBUF} or {JSON}\n");
            Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
        })?;
        let encoding = encoding.ok_or_else(|| {
            let text = "this encoding is not supported; send gzip or none\n";
            Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
        })?;
        let bytes = body::decode(bytes, encoding, self.max_body).map_err(|error| self.refuse(&error))?;
        info.decoded_length = Some(bytes.len());
        if let Some(status) = self.respond.as_ref().and_then(|respond| respond(info)) {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Err(Refusal { wanted: true, ..Refusal::new(status, "") });
        }
        self.take_in(signal, format, &bytes, &arrival(&parts.headers)).map_err(|error| {
            let text = format!("the body is not an OTLP {} message for this path: {error}\n", format.name());
            Refusal::new(StatusCode::BAD_REQUEST, text)
        })
    }

    fn take_in(
        &self,
        signal: Signal,
        format: Format,
        bytes: &[u8],
        arrival: &Arrival,
    ) -> Result<Accepted, String> {
        let (rows, raw) = match signal {
            Signal::Traces => {
                let request = Arc::new(read(format, bytes)?);
                (self.ingest.traces(&request, arrival), Raw::Traces(request))
            }
            Signal::Logs => {
                let request = Arc::new(read(format, bytes)?);
                (self.ingest.logs(&request, arrival), Raw::Logs(request))
            }
            Signal::Metrics => {
                let request = Arc::new(read(format, bytes)?);
                (self.ingest.metrics(&request, arrival), Raw::Metrics(request))
            }
        };
        Ok(Accepted { rows, raw: self.keep_raw.then_some(raw) })
    }

    pub(super) fn refuse(&self, unreadable: &Unreadable) -> Refusal {
        match unreadable {
            Unreadable::TooLong => Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is longer than {} bytes; send smaller batches\n", self.max_body),
            ),
            Unreadable::Busy => {
                let text = "too much is being received at once; send it again in a moment\n";
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text)
            }
            Unreadable::Broken(error) => {
                Refusal::new(StatusCode::BAD_REQUEST, format!("the body is broken: {error}\n"))
            }
        }
    }
}

fn read<T>(format: Format, bytes: &[u8]) -> Result<T, String>
where
    T: Message + Default + for<'de> serde::Deserialize<'de>,
{
    match format {
        Format::Protobuf => T::decode(bytes).map_err(|error| error.to_string()),
        Format::Json => json::decode(bytes).map_err(|error| error.to_string()),
    }
}

fn arrival(headers: &HeaderMap) -> Arrival {
    let project = headers.get("x-highlight-project").and_then(|value| value.to_str().ok());
    match project {
        Some(project) => Arrival::now().with_project_header(project),
        None => Arrival::now(),
    }
}

pub(super) fn describe(parts: &Parts) -> RequestInfo {
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
