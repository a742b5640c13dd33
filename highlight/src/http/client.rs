//! The client span of an outgoing request.

use std::{
    borrow::Cow,
    time::{Instant, SystemTime},
};

use http::{HeaderMap, HeaderValue, StatusCode, Uri, Version};
use opentelemetry::{
    Context, KeyValue,
    trace::{SpanKind, Status, TraceContextExt},
};

use super::{
    conventions::{CANCELLED, Method, protocol_version, span_name, split_host},
    grpc::{self, Call, Code, GrpcHeaders},
};
use crate::{
    Client, RequestContext, ambient,
    context::Scope,
    propagation::{self, CarrierMut, REQUEST_HEADER},
    switch,
    tracer::Start,
};

/// What is known of a request when it is sent.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ClientRequest<'a> {
    /// The method, such as `GET`.
    pub method: &'a str,
    /// Where it goes, with scheme and host. Secrets in it are redacted before it leaves the process.
    pub uri: &'a Uri,
    /// The template that the path was made from, such as `/charges/{id}`; it becomes part of the span's name.
    pub template: Option<&'a str>,
    /// The headers that tell whether the request is a gRPC call.
    pub grpc: GrpcHeaders<'a>,
    /// How often the request was sent before, be it for a retry or for a redirect.
    pub resend_count: u32,
}

impl<'a> ClientRequest<'a> {
    /// A request that is sent for the first time, without a template.
    #[must_use]
    pub fn new(method: &'a str, uri: &'a Uri) -> Self {
        Self { method, uri, template: None, grpc: GrpcHeaders::default(), resend_count: 0 }
    }

    fn attributes(&self, target: &[KeyValue], grpc: Option<&Call>) -> Vec<KeyValue> {
        let mut attributes = Vec::with_capacity(10);
        attributes.extend_from_slice(target);
        if grpc.is_some() {
            return attributes;
        }
        if Method::of(self.method).is_other() {
            attributes.push(KeyValue::new("http.request.method_original", self.method.to_owned()));
        }
        if self.uri.authority().is_some() {
            attributes.push(KeyValue::new("url.full", self.uri.to_string()));
        }
        if self.resend_count > 0 {
            attributes.push(KeyValue::new("http.request.resend_count", i64::from(self.resend_count)));
        }
        attributes
    }

    /// What span and metric have in common: few values each, and nothing of the session.
    fn target(&self, grpc: Option<&Call>) -> Vec<KeyValue> {
        // Room for what the answer adds.
        let mut labels = Vec::with_capacity(8);
        let (address, port) =
            self.uri.authority().map(|authority| split_host(authority.as_str())).unwrap_or_default();
        if !address.is_empty() {
            labels.push(KeyValue::new("server.address", address.to_owned()));
        }
        let scheme = self.uri.scheme_str();
        if let Some(port) = port.or_else(|| default_port(scheme?)) {
            labels.push(KeyValue::new("server.port", i64::from(port)));
        }
        if let Some(call) = grpc {
            labels.extend([Call::system(), call.known_method()]);
            return labels;
        }
        labels.push(KeyValue::new("http.request.method", Method::of(self.method).name()));
        labels.extend(scheme.map(|scheme| KeyValue::new("url.scheme", scheme.to_owned())));
        labels.extend(self.template.map(|template| KeyValue::new("url.template", template.to_owned())));
        labels
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// The template that a request's path was made from, put into the request's extensions for the integrations to find.
///
/// ```
/// use highlight::http::UrlTemplate;
///
/// # fn main() -> Result<(), http::Error> {
/// let request = http::Request::get("http://payments/charges/7")
///     .extension(UrlTemplate::new("/charges/{id}")) // the span is named `GET /charges/{id}`
///     .body(())?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlTemplate(Cow<'static, str>);

impl UrlTemplate {
    /// A template in the notation of RFC 6570, such as `/charges/{id}`. There should be few of them.
    #[must_use]
    pub fn new(template: impl Into<Cow<'static, str>>) -> Self {
        Self(template.into())
    }

    /// The template's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The running client span of one outgoing request, or of one attempt if it is sent again.
///
/// It ends when dropped, with what was set on it by then. Dropped before there was an answer or a failure, the
/// request is recorded as cancelled; so is a gRPC call that was dropped before it had a status.
///
/// From 400 up, by any status of gRPC but OK, and if no answer came, the span has failed. That is **not an error object**: whether a failed call is
/// an error is the caller's decision, and a `?` in a handler or [`consume_error`](crate::consume_error) reports it.
#[derive(Debug)]
pub struct ClientSpan {
    client: Client,
    cx: Context,
    labels: Vec<KeyValue>,
    started: Instant,
    may_propagate: bool,
    /// The call, if the request is one: then it is told in gRPC's terms, not in HTTP's.
    grpc: Option<Call>,
    status: Option<StatusCode>,
    failed: bool,
}

impl ClientSpan {
    /// Starts the span of a request, as a child of the current one.
    ///
    /// `client` is where to report; `None` looks it up as the verbs do. Nothing is started, and nothing may be
    /// injected, if there is no enabled client.
    #[must_use]
    pub fn start(request: &ClientRequest<'_>, client: Option<&Client>) -> Option<Self> {
        if switch::is_off() || ambient::map_current(Context::is_telemetry_suppressed) {
            return None;
        }
        let client = client.cloned().or_else(Client::current).filter(Client::is_enabled)?;
        let parent = Self::parent(&client);
        let grpc = Call::of(request.method, request.uri.path(), request.grpc);
        let labels = request.target(grpc.as_ref());
        let start = Start {
            name: grpc
                .as_ref()
                .map_or_else(|| span_name(Method::of(request.method), request.template), Call::name),
            kind: SpanKind::Client,
            time: SystemTime::now(),
            attributes: request.attributes(&labels, grpc.as_ref()),
            tells_request: false,
        };
        let span = client.tracer().begin(start, &parent);
        Some(Self {
            may_propagate: client.may_propagate_to(request.uri),
            client,
            cx: span.within(&parent),
            labels,
            started: Instant::now(),
            grpc,
            status: None,
            failed: false,
        })
    }

    /// The current context; outside of any, one that knows the client.
    fn parent(client: &Client) -> Context {
        let current = ambient::current();
        if current.get::<Scope>().is_some() {
            return current;
        }
        current.with_value(Scope { request: RequestContext::default(), client: Some(client.clone()) })
    }

    /// Whether the request's host is allowed to learn the session and the trace ([`Client::may_propagate_to`]).
    #[must_use]
    pub fn may_propagate(&self) -> bool {
        self.may_propagate
    }

    /// The client that the span is reported to.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Adds `x-highlight-request` and `traceparent` to the request's headers, if its host is allowed to see them;
    /// says whether anything was added.
    ///
    /// Headers that are there already are the caller's, and stay. `tracestate` goes with our `traceparent` only.
    pub fn inject(&self, headers: &mut HeaderMap) -> bool {
        if !self.may_propagate {
            return false;
        }
        let mut vacant = Vacant { has_trace: headers.contains_key("traceparent"), headers, added: false };
        propagation::inject_context(&self.cx, &mut vacant);
        vacant.added
    }

    /// Runs `f`, a piece of the request's work, with the span current on this thread.
    pub fn in_scope<T>(&self, f: impl FnOnce() -> T) -> T {
        let _guard = ambient::attach(&self.cx);
        f()
    }

    /// The answer has begun. From 400 up the span has failed.
    ///
    /// Of a gRPC call it says nothing yet: see [`read_grpc_status`](Self::read_grpc_status).
    pub fn set_response(&mut self, status: StatusCode, version: Version) {
        self.status = Some(status);
        let code = KeyValue::new("http.response.status_code", i64::from(status.as_u16()));
        let version =
            protocol_version(version).map(|version| KeyValue::new("network.protocol.version", version));
        let span = self.cx.span();
        if self.grpc.is_some() {
            if let Some(version) = version {
                span.set_attribute(version);
            }
            return;
        }
        for attribute in [Some(code), version].into_iter().flatten() {
            span.set_attribute(attribute.clone());
            self.labels.push(attribute);
        }
        if status.as_u16() >= 400 {
            self.set_failed(status.as_str(), "");
        }
    }

    /// Reads what became of a gRPC call: `headers` are those of the response, and then its trailers. Nothing is done where
    /// they have no `grpc-status`, or the request is no gRPC call. By any status but OK the span has failed.
    pub fn read_grpc_status(&mut self, headers: &HeaderMap) {
        if self.grpc.is_some() {
            if let Some((code, message)) = grpc::status(headers) {
                self.set_grpc_code(code, &message);
            }
        }
    }

    /// The body of the answer has ended, and the span with it. A gRPC call that has no status by now has failed.
    pub fn end(mut self) {
        if let (Some(Call { code: None, .. }), Some(status)) = (&self.grpc, self.status) {
            self.set_grpc_code(Code::of_http(status.as_u16()), "the answer had no grpc-status");
        }
    }

    fn set_grpc_code(&mut self, code: Code, description: &str) {
        if let Some(call) = &mut self.grpc {
            call.code = Some(code);
        }
        if code != Code::OK {
            self.set_failed(code.name(), description);
        }
    }

    /// No answer came, or its body broke off: the span has failed. `error_type` is one of few, such as `timeout`.
    ///
    /// The first failure counts.
    pub fn set_failed(&mut self, error_type: &str, description: &str) {
        if std::mem::replace(&mut self.failed, true) {
            return;
        }
        let error_type = match &mut self.grpc {
            // What a gRPC client makes of a connection that failed.
            Some(call) => call.interrupted(error_type, self.started.elapsed(), Code::UNAVAILABLE),
            None => error_type,
        };
        let error_type = KeyValue::new("error.type", error_type.to_owned());
        let span = self.cx.span();
        span.set_attribute(error_type.clone());
        span.set_status(Status::error(description.to_owned()));
        self.labels.push(error_type);
    }
}

impl Drop for ClientSpan {
    fn drop(&mut self) {
        let is_answered = self.grpc.as_ref().map_or(self.status.is_some(), |call| call.code.is_some());
        if !is_answered && !self.failed {
            self.set_failed(CANCELLED, "the call was dropped before an answer came");
        }
        let instruments = self.client.http();
        let mut duration = &instruments.client_duration;
        if let Some(call) = self.grpc.take() {
            duration = &instruments.rpc_client_duration;
            if let Some(code) = call.code.map(Code::attribute) {
                self.cx.span().set_attribute(code.clone());
                self.labels.push(code);
            }
        }
        self.cx.span().end();
        duration.record(self.started.elapsed().as_secs_f64(), &self.labels);
    }
}

/// Headers to which only those are added that are not there yet.
struct Vacant<'a> {
    headers: &'a mut HeaderMap,
    /// Whether the caller has a trace of its own, to which our trace state would not belong.
    has_trace: bool,
    added: bool,
}

impl CarrierMut for Vacant<'_> {
    fn set(&mut self, name: &'static str, value: String) {
        let is_callers = name != REQUEST_HEADER && self.has_trace;
        if is_callers || self.headers.contains_key(name) {
            return;
        }
        if let Ok(value) = HeaderValue::try_from(value) {
            self.headers.insert(name, value);
            self.added = true;
        }
    }
}

#[cfg(test)]
mod tests;
