//! gRPC calls, which are HTTP requests that answer 200 and tell what became of them in their trailers.
//!
//! Names are those of OpenTelemetry's RPC conventions as of 1.45, the first stable ones: `rpc.method` holds service and
//! method, and `rpc.response.status_code` the name of the status.

use std::{
    borrow::Cow,
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderMap, HeaderValue, header};
use opentelemetry::KeyValue;
use percent_encoding::{PercentDecode, percent_decode};

use super::conventions::{CANCELLED, PANIC};

/// The name of a span whose method nobody may know.
const NAMELESS: &str = "grpc";

/// The headers of a request that tell whether it is a gRPC call, and what that has to keep to.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct GrpcHeaders<'a> {
    /// The `Content-Type` header.
    pub content_type: Option<&'a str>,
    /// The `grpc-timeout` header.
    pub timeout: Option<&'a str>,
}

impl<'a> GrpcHeaders<'a> {
    /// What the headers say.
    #[must_use]
    pub fn from_headers(headers: &'a HeaderMap) -> Self {
        let text = |value: &'a HeaderValue| value.to_str().ok();
        let content_type = headers.get(header::CONTENT_TYPE).and_then(text);
        // Few requests have a body, and fewer are calls.
        let timeout = content_type.and_then(|_| headers.get("grpc-timeout").and_then(text));
        Self { content_type, timeout }
    }
}

/// A call, and what became of it.
#[derive(Debug)]
pub(super) struct Call {
    /// `{package.Service}/{Method}`, as the caller wrote it.
    method: String,
    timeout: Option<Duration>,
    pub(super) code: Option<Code>,
}

impl Call {
    /// The call that a request is; `None` if it is no gRPC.
    ///
    /// gRPC-Web is none: it tells its status in the body. tonic-web's layer makes plain gRPC of it.
    pub(super) fn of(http_method: &str, path: &str, headers: GrpcHeaders<'_>) -> Option<Self> {
        let content_type = headers.content_type;
        let (essence, rest) = content_type?.split_at_checked("application/grpc".len())?;
        let is_grpc = essence.eq_ignore_ascii_case("application/grpc")
            && (rest.is_empty() || rest.starts_with(['+', ';', ' ']));
        (is_grpc && http_method == "POST").then(|| Self {
            method: path.strip_prefix('/').unwrap_or(path).to_owned(),
            timeout: headers.timeout.and_then(parse_timeout),
            code: None,
        })
    }

    /// The call ended after `elapsed` without a status: it gets one, `otherwise` if neither its caller nor its deadline
    /// ended it. The answer is the `error.type`.
    pub(super) fn interrupted<'a>(
        &mut self,
        error_type: &'a str,
        elapsed: Duration,
        otherwise: Code,
    ) -> &'a str {
        if self.code.is_some() {
            return error_type;
        }
        let is_overdue = self.timeout.is_some_and(|timeout| elapsed >= timeout);
        let (code, error_type) = match error_type {
            PANIC => (otherwise, error_type),
            _ if is_overdue => (Code::DEADLINE_EXCEEDED, Code::DEADLINE_EXCEEDED.name()),
            CANCELLED => (Code::CANCELLED, error_type),
            _ => (otherwise, error_type),
        };
        self.code = Some(code);
        error_type
    }

    /// The name of its span, as long as nothing speaks against the method.
    pub(super) fn name(&self) -> Cow<'static, str> {
        if is_well_formed(&self.method) { self.method.clone().into() } else { NAMELESS.into() }
    }

    /// As the console shows it.
    pub(super) fn method(&self) -> &str {
        &self.method
    }

    /// What span and metric say of the system.
    pub(super) fn system() -> KeyValue {
        KeyValue::new("rpc.system.name", "grpc")
    }

    /// What a client's span and metric say of the method: the program wrote it.
    pub(super) fn known_method(&self) -> KeyValue {
        KeyValue::new("rpc.method", self.method.clone())
    }

    /// What a server's span and metric say of the method at the end; `None` for one that may be made up.
    pub(super) fn proven_method(&self, answered: &Answered) -> Option<KeyValue> {
        let exists = match self.code {
            Some(Code::OK) => is_well_formed(&self.method),
            Some(Code::UNIMPLEMENTED) => false,
            _ => is_well_formed(&self.method) && answered.admit(&self.method),
        };
        exists.then(|| self.known_method())
    }

    /// What a server's span is called, and says beside [`unproven_label`], where the method may be made up.
    pub(super) fn unproven(self) -> (&'static str, KeyValue) {
        (NAMELESS, KeyValue::new("rpc.method_original", self.method))
    }
}

/// The method of a metric, where it may be made up.
pub(super) fn unproven_label() -> KeyValue {
    KeyValue::new("rpc.method", "_OTHER")
}

/// The value of `grpc-timeout`: up to eight digits, and a unit.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let is_number = (1..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse::<u64>().ok().filter(|_| is_number)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// Whether this can be a service and a method of an interface definition.
fn is_well_formed(method: &str) -> bool {
    const LONGEST: usize = 256;
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    method.len() <= LONGEST
        && method
            .split_once('/')
            .is_some_and(|(service, method)| service.split('.').all(is_name) && is_name(method))
}

/// The methods whose calls ended in something else than success, or the news that there is no such method.
///
/// Only success proves that a method exists: middleware that refuses, or a client that goes away, ends calls to any. So
/// those are named up to a number.
#[derive(Debug, Default)]
pub(super) struct Answered(Mutex<HashSet<Box<str>>>);

impl Answered {
    /// Far more than programs have, few enough for names.
    const MOST: usize = 1000;

    fn admit(&self, method: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(method) || (known.len() < Self::MOST && known.insert(method.into()))
    }
}

/// The status of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code(u8);

const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl Code {
    pub(super) const OK: Self = Self(0);
    const CANCELLED: Self = Self(1);
    pub(super) const UNKNOWN: Self = Self(2);
    const DEADLINE_EXCEEDED: Self = Self(4);
    const UNIMPLEMENTED: Self = Self(12);
    pub(super) const UNAVAILABLE: Self = Self(14);

    /// What is no code counts as UNKNOWN, as it does to clients.
    fn parse(text: &[u8]) -> Self {
        let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        number.filter(|&number| usize::from(number) < NAMES.len()).map_or(Self::UNKNOWN, Self)
    }

    /// What clients make of an answer without a status (gRPC's `http-grpc-status-mapping.md`).
    pub(super) fn of_http(status: u16) -> Self {
        Self(match status {
            400 => 13,
            401 => 16,
            403 => 7,
            404 => 12,
            429 | 502..=504 => 14,
            _ => 2,
        })
    }

    pub(super) fn name(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or("UNKNOWN")
    }

    pub(super) fn attribute(self) -> KeyValue {
        KeyValue::new("rpc.response.status_code", self.name())
    }

    /// Whether it is the server that failed; the others are the client's affair.
    pub(super) fn fails_server(self) -> bool {
        matches!(self.0, 2 | 4 | 12..=15)
    }
}

/// The status in headers or trailers, and the message beside it.
pub(super) fn status(headers: &HeaderMap) -> Option<(Code, Cow<'_, str>)> {
    let code = Code::parse(headers.get("grpc-status")?.as_bytes());
    let message = headers.get("grpc-message").map(|message| percent_decode(message.as_bytes()));
    Some((code, message.map(PercentDecode::decode_utf8_lossy).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_by_their_content_type() {
        for (http_method, content_type, is_grpc) in [
            ("POST", Some("application/grpc"), true),
            ("POST", Some("application/grpc+proto"), true),
            ("POST", Some("Application/GRPC; charset=utf-8"), true),
            ("POST", Some("application/grpc-web+proto"), false),
            ("POST", Some("application/grpcish"), false),
            ("POST", Some("application/json"), false),
            ("POST", Some("application/\u{e9}\u{e9}\u{e9}\u{e9}"), false),
            ("POST", None, false),
            ("GET", Some("application/grpc"), false),
        ] {
            let headers = GrpcHeaders { content_type, timeout: None };
            let call = Call::of(http_method, "/shop.Orders/Get", headers);
            assert_eq!(call.is_some(), is_grpc, "{http_method} {content_type:?}");
        }
    }

    #[test]
    fn what_no_interface_can_define_is_no_name() {
        for (path, name) in [
            ("/shop.v1.Orders/Get", "shop.v1.Orders/Get"),
            ("/Orders/get_all", "Orders/get_all"),
            ("/shop.Orders", "grpc"),
            ("/shop.Orders/Get/7", "grpc"),
            ("/shop..Orders/Get", "grpc"),
            ("/shop.Orders/", "grpc"),
            ("/shop.Orders/G%65t", "grpc"),
            ("/", "grpc"),
            (&format!("/Orders/{}", "x".repeat(300)), "grpc"),
        ] {
            let headers = GrpcHeaders { content_type: Some("application/grpc"), timeout: None };
            let call = Call::of("POST", path, headers).unwrap();
            assert_eq!(call.name(), name, "{path}");
        }
    }

    #[test]
    fn made_up_methods_are_named_up_to_a_number() {
        let answered = Answered::default();
        let named = |method: &str, code| {
            let call = Call { method: method.to_owned(), timeout: None, code };
            call.proven_method(&answered).is_some()
        };
        let denied = Some(Code(7));
        assert!(!named("shop.Orders/MadeUp", Some(Code::UNIMPLEMENTED)));
        for n in 0..Answered::MOST {
            assert!(named(&format!("shop.Orders/Get{n}"), denied));
        }
        assert!(named("shop.Orders/Get0", denied), "what is known stays known");
        assert!(!named("shop.Orders/OneMore", denied) && !named("shop.Orders/OneMore", None));
        assert!(named("shop.Orders/OneMore", Some(Code::OK)), "success proves it");
        assert!(!named("shop.Orders//", Some(Code::OK)));
    }

    #[test]
    fn statuses_are_read_as_clients_read_them() {
        let read = |lines: &[(&'static str, &'static str)]| {
            let headers = lines.iter().map(|(name, value)| {
                (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
            });
            let headers: HeaderMap = headers.collect();
            status(&headers).map(|(code, message)| (code.name(), message.into_owned()))
        };
        for (lines, expected) in [
            (&[][..], None),
            (&[("grpc-message", "alone")], None),
            (&[("grpc-status", "0")], Some(("OK", ""))),
            (&[("grpc-status", "16")], Some(("UNAUTHENTICATED", ""))),
            (&[("grpc-status", "17")], Some(("UNKNOWN", ""))),
            (&[("grpc-status", "-1")], Some(("UNKNOWN", ""))),
            (&[("grpc-status", "five")], Some(("UNKNOWN", ""))),
            (
                &[("grpc-status", "5"), ("grpc-message", "no order 7%20%E2%82%AC")],
                Some(("NOT_FOUND", "no order 7 \u{20ac}")),
            ),
            (&[("grpc-status", "5"), ("grpc-message", "100% gone %")], Some(("NOT_FOUND", "100% gone %"))),
        ] {
            let expected = expected.map(|(code, message)| (code, message.to_owned()));
            assert_eq!(read(lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_interrupts_a_call_gives_it_a_status() {
        const SECOND: Duration = Duration::from_secs(1);
        for (timeout, error_type, code, expected) in [
            (None, "cancelled", "CANCELLED", "cancelled"),
            (None, "service error", "UNKNOWN", "service error"),
            (Some("1S"), "cancelled", "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"),
            (Some("1001m"), "cancelled", "CANCELLED", "cancelled"),
            (Some("1000000u"), "service error", "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"),
            (Some("99999999n"), "panic", "UNKNOWN", "panic"),
            (Some("1M"), "cancelled", "CANCELLED", "cancelled"),
            (Some("99999999H"), "cancelled", "CANCELLED", "cancelled"),
            (Some("000000001S"), "cancelled", "CANCELLED", "cancelled"),
            (Some("+1m"), "cancelled", "CANCELLED", "cancelled"),
            (Some("S"), "cancelled", "CANCELLED", "cancelled"),
            (Some(""), "cancelled", "CANCELLED", "cancelled"),
            (Some("1\u{b5}"), "cancelled", "CANCELLED", "cancelled"),
        ] {
            let headers = GrpcHeaders { content_type: Some("application/grpc"), timeout };
            let mut call = Call::of("POST", "/shop.Orders/Get", headers).unwrap();
            assert_eq!(call.interrupted(error_type, SECOND, Code::UNKNOWN), expected, "{timeout:?}");
            assert_eq!(call.code.map(Code::name), Some(code), "{timeout:?}");
        }
    }

    #[test]
    fn which_statuses_are_the_servers_failures() {
        let failures: Vec<_> = (0..17).map(Code).filter(|code| code.fails_server()).map(Code::name).collect();
        assert_eq!(
            failures,
            ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"]
        );
    }
}
