//! OTLP over gRPC: the three `Export` methods.
//!
//! A unary call is a POST whose body is one message behind five bytes, and an answer with trailers
//! (gRPC over HTTP/2, "PROTOCOL-HTTP2"). That little is written here, rather than taken from a gRPC
//! library, so that a call has the same limits, the same memory and the same refusals as a request
//! over HTTP/1.1, and so that its bytes can be passed on as they came.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
};
use bytes::{Buf, Bytes};
use http_body_util::{BodyExt, Full};

use super::{
    body::{self, Encoding},
    service::{Accepted, Format, Refusal, Service, Signal, describe},
};
use crate::store::RequestInfo;

const GRPC: &str = "application/grpc";
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// A flag and four bytes of length precede each message.
const PREFIX: usize = 5;

/// The codes that are used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    Ok = 0,
    InvalidArgument = 3,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
}

impl Code {
    /// For a sender it must be as clear as over HTTP whether to send again: only `Unavailable` says
    /// so (OTLP, "Failures").
    fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::BAD_REQUEST => Self::InvalidArgument,
            StatusCode::PAYLOAD_TOO_LARGE => Self::ResourceExhausted,
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Self::Unimplemented
            }
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Self::Unavailable,
            _ => Self::Internal,
        }
    }
}

pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new().fallback(handle).with_state(service)
}

fn signal_of(path: &str) -> Option<Signal> {
    match path {
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => Some(Signal::Traces),
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => Some(Signal::Logs),
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export" => Some(Signal::Metrics),
        _ => None,
    }
}

async fn handle(State(service): State<Arc<Service>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut info = describe(&parts);
    let (accepted, response) = match service.export(&parts, body, &mut info).await {
        Ok(accepted) => {
            info.status = StatusCode::OK.as_u16();
            (accepted, success())
        }
        Err(refusal) => {
            info.status = refusal.status.as_u16();
            (Accepted::default(), failure(&refusal))
        }
    };
    service.store.add_request(info, accepted.rows, accepted.raw);
    response
}

impl Service {
    async fn export(&self, parts: &Parts, body: Body, info: &mut RequestInfo) -> Result<Accepted, Refusal> {
        // The body, refused or not, is read first: half a call would be reset rather than answered.
        let limit = self.max_body.saturating_add(PREFIX);
        let sent = body::read(body, limit, &self.memory).await.map_err(|error| self.refuse(&error))?;
        let signal = signal_of(parts.uri.path()).ok_or_else(|| {
            let text =
                "this method is unknown; OTLP's are TraceService, LogsService and MetricsService, Export";
            Refusal::new(StatusCode::NOT_FOUND, text)
        })?;
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if parts.method != Method::POST || !kind.is_some_and(|kind| kind.starts_with(GRPC)) {
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "this is no gRPC call"));
        }
        let (compressed, message) = unframe(sent.bytes)?;
        info.wire_length = message.len();
        let encoding = if compressed { Encoding::of_grpc(&parts.headers) } else { Some(Encoding::Plain) };
        let format = Some(Format::Protobuf);
        let outcome = self.understand(signal, format, encoding, &message, parts, info);
        if let Some(passing) = &self.passing {
            if !matches!(&outcome, Err(refusal) if refusal.wanted) {
                passing.pass_on(signal.path(), &as_http(&parts.headers, encoding), message);
            }
        }
        outcome
    }
}

/// The one message of a unary call.
fn unframe(mut body: Bytes) -> Result<(bool, Bytes), Refusal> {
    let broken = |text: &str| Refusal::new(StatusCode::BAD_REQUEST, format!("the call is broken: {text}"));
    if body.len() < PREFIX {
        return Err(broken("it holds no message"));
    }
    let flag = body.get_u8();
    let length = body.get_u32();
    if usize::try_from(length).ok() != Some(body.len()) {
        return Err(broken("its length is not what it says"));
    }
    match flag {
        0 | 1 => Ok((flag == 1, body)),
        _ => Err(broken("its compression flag is neither 0 nor 1")),
    }
}

/// The headers of the same message over HTTP.
fn as_http(metadata: &HeaderMap, encoding: Option<Encoding>) -> HeaderMap {
    let mut headers: HeaderMap = metadata
        .iter()
        .filter(|(name, _)| !name.as_str().starts_with("grpc-"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(super::service::PROTOBUF));
    match encoding {
        Some(Encoding::Plain) => {}
        Some(Encoding::Gzip) => {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        None => {
            if let Some(named) = metadata.get("grpc-encoding") {
                headers.insert(header::CONTENT_ENCODING, named.clone());
            }
        }
    }
    headers
}

/// An empty response message, and the status behind it.
fn success() -> Response {
    let message = Full::new(Bytes::from_static(&[0; PREFIX]));
    let trailers = HeaderMap::from_iter([(STATUS, code(Code::Ok))]);
    let body = message.with_trailers(std::future::ready(Some(Ok(trailers))));
    with_type(Response::new(Body::new(body)))
}

/// A call without a message has its status in the headers.
fn failure(refusal: &Refusal) -> Response {
    let mut response = with_type(Response::new(Body::empty()));
    let headers = response.headers_mut();
    headers.insert(STATUS, code(Code::of(refusal.status)));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    // What is no header text would have to be percent-encoded; the texts here are read by people.
    let plain = |byte: u8| if matches!(byte, b' '..=b'~') && byte != b'%' { byte } else { b'?' };
    let text: Vec<u8> = refusal.text.trim_end().bytes().take(512).map(plain).collect();
    if let Ok(text) = HeaderValue::from_bytes(&text) {
        headers.insert(MESSAGE, text);
    }
    response
}

fn with_type(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(GRPC));
    response
}

fn code(code: Code) -> HeaderValue {
    HeaderValue::from(code as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_off_or_refused() {
        let plain = unframe(Bytes::from_static(&[0, 0, 0, 0, 2, 7, 8])).unwrap();
        assert_eq!(plain, (false, Bytes::from_static(&[7, 8])));
        assert!(unframe(Bytes::from_static(&[1, 0, 0, 0, 0])).unwrap().0);
        for broken in [&[][..], &[0, 0, 0, 0], &[0, 0, 0, 0, 2, 7], &[0, 0, 0, 0, 1, 7, 8], &[2, 0, 0, 0, 0]]
        {
            let refusal = unframe(Bytes::from_static(broken)).unwrap_err();
            assert_eq!(Code::of(refusal.status), Code::InvalidArgument, "{broken:?}");
        }
    }
}
