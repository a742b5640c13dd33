//! The server span of a request.

use std::{
    borrow::Cow,
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime},
};

use http::HeaderMap;
use opentelemetry::{
    Context, ContextGuard, KeyValue,
    trace::{SpanContext, SpanKind, Status, TraceContextExt},
};

use super::{
    Arrival, BodyRecorder,
    conventions::{CANCELLED, KnownVersion, Method, PANIC, split_host},
    grpc::{self, Call, Code, GrpcHeaders},
    options::Options,
    recording::Recorder,
    series::{Arrived, Series},
    shared::shared,
};
use crate::{
    Client, ErrorReport, Level, RequestContext, ambient,
    bridge::{self, EnteredActive},
    context::Scope,
    logs,
    propagation::Carrier,
    text,
    tracer::{Start, UNRECORDED},
};

// Of two descriptions the span keeps the one that sorts last. In parentheses, these give way to the text of an error that was reported.
const HANDLER_PANICKED: &str = "(the handler panicked)";
const HANDLER_DROPPED: &str = "(the client went away, or the handler was dropped)";
const NO_STATUS: &str = "(the answer had no grpc-status)";

/// What is known of a request when it arrives.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct ServerRequest<'a> {
    /// The method as received, such as `GET`.
    pub method: &'a str,
    /// The path, without the query.
    pub path: &'a str,
    /// The query, without the `?`. Sensitive keys are redacted before it leaves the process.
    pub query: Option<&'a str>,
    /// The route's template, such as `/orders/{id}`; `None` if none matched.
    pub route: Option<&'a str>,
    /// `http` or `https`; `http` if unknown.
    pub scheme: Option<&'a str>,
    /// The authority or `Host` header, such as `shop.example:8080`.
    pub host: Option<&'a str>,
    /// The protocol's version: `1.0`, `1.1`, `2` or `3`.
    pub version: Option<&'a str>,
    /// The `User-Agent` header.
    pub user_agent: Option<&'a str>,
    /// The headers that tell whether the request is a gRPC call.
    pub grpc: GrpcHeaders<'a>,
    /// The body's size in bytes, as the client states it.
    pub body_size: Option<u64>,
    /// The client's address; recorded only if
    /// [`ServerOptions::client_address`](super::ServerOptions::client_address) says so.
    pub client_address: Option<&'a str>,
    /// Whether this is a CORS preflight: it makes no span.
    pub preflight: bool,
}

impl<'a> ServerRequest<'a> {
    /// A request of which nothing else is known; the fields say what is.
    #[must_use]
    pub fn new(method: &'a str, path: &'a str) -> Self {
        Self { method, path, ..Self::default() }
    }

    /// The same without what may tell of the person that asks.
    #[cold]
    fn impersonal(self) -> Self {
        Self { query: None, user_agent: None, client_address: None, ..self }
    }

    /// The request as its records hold it.
    #[cfg(test)]
    pub(crate) fn begun_for_test(&self) -> Option<Arc<crate::context::Request>> {
        let arrival = Arrival::new(self.arrived(), self.host, self.user_agent, None);
        RequestContext::default().begun(Some((self.path, arrival))).shared()
    }

    #[inline]
    fn arrived(&self) -> Arrived {
        Arrived {
            method: Method::of(self.method),
            version: self.version.and_then(KnownVersion::of),
            // The client may write anything before the `://`.
            is_https: self.scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")),
        }
    }

    /// What there is to tell beside the [`Arrival`], which few requests have.
    fn more_attributes(&self, options: &Options) -> Vec<KeyValue> {
        let has_more = self.query.is_some()
            || self.body_size.is_some()
            || options.client_address
            || Method::of(self.method).is_other();
        if has_more { self.made_attributes(options) } else { Vec::new() }
    }

    #[cold]
    fn made_attributes(&self, options: &Options) -> Vec<KeyValue> {
        let mut attributes = Vec::new();
        let mut add = |key: &'static str, text: Option<&str>| {
            attributes.extend(text.map(|text| KeyValue::new(key, text.to_owned())));
        };
        add("client.address", self.client_address.filter(|_| options.client_address));
        add("http.request.method_original", Method::of(self.method).is_other().then_some(self.method));
        add("url.query", self.query.filter(|query| !query.is_empty()));
        let size = self.body_size.and_then(|size| i64::try_from(size).ok());
        attributes.extend(size.map(|size| KeyValue::new("http.request.body.size", size)));
        attributes
    }

    #[cold]
    fn call_attributes(&self, options: &Options) -> Vec<KeyValue> {
        let mut attributes = vec![Call::system()];
        let mut add = |key: &'static str, value: Option<opentelemetry::Value>| {
            attributes.extend(value.map(|value| KeyValue::new(key, value)));
        };
        let (address, port) = self.host.map(split_host).unwrap_or_default();
        add("server.address", (!address.is_empty()).then(|| shared(address).into()));
        add("server.port", port.map(|port| i64::from(port).into()));
        add("network.protocol.version", self.arrived().version().map(Into::into));
        add("user_agent.original", self.user_agent.map(|agent| shared(agent).into()));
        let client = self.client_address.filter(|_| options.client_address);
        add("client.address", client.map(|address| address.to_owned().into()));
        attributes
    }
}

/// The running server span of one request.
///
/// It ends when dropped, with what was set on it by then. Dropped before a status was set, the request is
/// recorded as cancelled.
#[derive(Debug)]
pub struct ServerSpan(Box<Running>);

/// What is known of it. In a box, because it is moved from hand to hand: from the call to the future, and on to the body.
#[derive(Debug)]
struct Running {
    client: Client,
    cx: Context,
    /// The carrier: shows the request on the program's console and takes the context along `.in_current_span()`.
    carrier: tracing::Span,
    arrived: Arrived,
    /// Of a failed request, for the log line.
    path: Option<String>,
    /// The call, if the request is one: then it is told in gRPC's terms, not in HTTP's.
    grpc: Option<Call>,
    route: Option<Arc<str>>,
    started: Started,
    status: Option<u16>,
    /// Why the span has failed, if it has.
    error_type: Option<String>,
    /// `None` if neither headers nor bodies are recorded.
    recorder: Option<Box<Recorder>>,
    /// No span, no metric, or none any more: only the context.
    silent: bool,
}

/// As long as a piece of the request's work runs.
#[must_use]
struct Entered<'a> {
    _carrier: EnteredActive<'a>,
    _context: Option<ContextGuard>,
}

impl Running {
    // Once for all that is run in a scope: a request's code is cold more often than not.
    #[inline(never)]
    fn enter(&self) -> Entered<'_> {
        let context = ambient::attach(&self.cx);
        Entered { _carrier: bridge::enter_active(&self.carrier), _context: context }
    }
}

impl ServerSpan {
    /// See [`ServerTracer::start`](super::ServerTracer::start).
    pub(super) fn start(
        client: Client,
        options: &Options,
        request: &ServerRequest<'_>,
        incoming: RequestContext,
    ) -> Self {
        let incoming = if client.settings().trust_incoming { incoming } else { RequestContext::default() };
        let excluded = options.exclude.as_ref().and_then(|exclude| exclude.call(|exclude| exclude(request)));
        let silent = request.preflight || excluded.unwrap_or(false);
        let recording = options.recording.as_ref();
        let is_private = recording.is_some_and(|recording| recording.leaves_out(request));
        let grpc = Call::of(request.method, request.path, request.grpc);
        let route = request.route.map(shared);
        let described = if is_private { request.impersonal() } else { *request };
        let arrived = request.arrived();
        // A request starts from nothing: whatever is current on a server's connection task is not its parent.
        let incoming = incoming.begun(grpc.is_none().then(|| {
            let arrival = Arrival::new(arrived, described.host, described.user_agent, route.clone());
            (text::beginning(described.path), arrival)
        }));
        let base = incoming.alone(client.clone());
        let started = Started::now();
        let above = incoming.parent().unwrap_or(&SpanContext::NONE);
        let start = |name: Cow<'static, str>, attributes| Start {
            name,
            kind: SpanKind::Server,
            time: started.time,
            attributes,
            tells_request: grpc.is_none(),
        };
        let span = match &grpc {
            // Spans below it go with it.
            _ if silent => UNRECORDED.begin_below(start(Cow::Borrowed(""), Vec::new()), above, None),
            Some(call) => {
                let start = start(call.name(), described.call_attributes(options));
                client.tracer().begin_below(start, above, Some(&incoming))
            }
            None => {
                let start = start(Cow::Borrowed(""), described.more_attributes(options));
                client.tracer().begin_below(start, above, Some(&incoming))
            }
        };
        let cx = span.within(&base);
        let carrier = if silent || !client.settings().request_span {
            tracing::Span::none()
        } else {
            bridge::carrying(&cx, || carrier(request, grpc.as_ref(), &incoming))
        };
        let recorder = recording
            .filter(|_| !is_private && cx.span().is_recording())
            .map(|recording| Box::new(Recorder::new(recording, request)));
        let span = Self(Box::new(Running {
            recorder,
            arrived,
            path: options.log_failures.then(|| request.path.to_owned()),
            grpc,
            route,
            started,
            status: None,
            error_type: None,
            client,
            cx,
            carrier,
            silent,
        }));
        if !silent {
            span.count_active(1);
        }
        span
    }

    fn arrival(&self) -> Option<&Arrival> {
        self.0.cx.get::<Scope>().and_then(|scope| scope.request.arrival())
    }

    /// gRPC calls are not among them, because they are not among the durations either.
    fn count_active(&self, change: i64) {
        if self.0.grpc.is_none() {
            self.0.client.http().server_active.add(change, self.0.arrived);
        }
    }

    /// Runs `f`, a piece of the request's work, with the request current on this thread.
    ///
    /// A panic is recorded on the span and goes on.
    pub fn in_scope<T>(&mut self, f: impl FnOnce() -> T) -> T {
        let watch = PanicWatch::new(self);
        let _entered = watch.span.0.enter();
        f()
    }

    /// The request's ids.
    #[must_use]
    pub fn request_context(&self) -> RequestContext {
        let _guard = ambient::attach(&self.0.cx);
        RequestContext::current()
    }

    /// Records the request's headers that are [named](super::Recording). Gives what is to see its body, if that is to be recorded.
    #[must_use = "it records what it is shown"]
    pub fn record_request<C: Carrier + ?Sized>(&self, headers: &C) -> Option<BodyRecorder> {
        self.0.recorder.as_ref()?.request(&self.0.cx, headers)
    }

    /// Records the response's headers that are named. From then on [`record_response_data`](Self::record_response_data) is to see its body.
    #[inline]
    pub fn record_response<C: Carrier + ?Sized>(&mut self, headers: &C) {
        if let Some(recorder) = &mut self.0.recorder {
            recorder.response(&self.0.cx, headers);
        }
    }

    /// Sees the next bytes of the response's body.
    #[inline]
    pub fn record_response_data(&mut self, data: &[u8]) {
        if let Some(recorder) = &mut self.0.recorder {
            recorder.response_data(data);
        }
    }

    /// The route's template, where the router tells it only after the request was routed.
    ///
    /// It names the span, and replaces [`ServerRequest::route`], which then was a guess; `None` if no route matched. A gRPC
    /// call has no route.
    pub fn set_route(&mut self, route: Option<&str>) {
        if self.0.grpc.is_some() || self.0.route.as_deref() == route {
            return;
        }
        if let (None, Some(route)) = (&self.0.route, route) {
            // A field of a `tracing` span can be filled, but not changed.
            self.0.carrier.record("route", route);
        }
        self.0.route = route.map(shared);
        if let Some(arrival) = self.arrival() {
            arrival.set_route(self.0.route.clone());
        }
    }

    /// The status of the response. From 500 up the span has failed; a 4xx alone is the client's affair.
    ///
    /// Of a gRPC call it says nothing yet: see [`read_grpc_status`](Self::read_grpc_status).
    #[inline]
    pub fn set_status(&mut self, status: u16) {
        self.0.status = Some(status);
        if status >= 400 {
            self.set_failed_status(status);
        }
    }

    #[cold]
    fn set_failed_status(&mut self, status: u16) {
        if self.0.grpc.is_some() {
            return;
        }
        if status >= 500 {
            self.fail(&status.to_string(), "");
        }
        let attribute = KeyValue::new("http.response.status_code", i64::from(status));
        self.log_failure(status >= 500, &status.to_string(), attribute);
    }

    /// Reads what became of a gRPC call: `headers` are those of the response, and then its trailers. Nothing is done where
    /// they have no `grpc-status`, or the request is no gRPC call.
    ///
    /// The span has failed by a status that is the server's failure: `UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`,
    /// `INTERNAL`, `UNAVAILABLE`, `DATA_LOSS`. The others are the client's affair.
    #[inline]
    pub fn read_grpc_status(&mut self, headers: &HeaderMap) {
        if self.0.grpc.is_some() {
            self.read_call_status(headers);
        }
    }

    #[cold]
    fn read_call_status(&mut self, headers: &HeaderMap) {
        if let Some((code, message)) = grpc::status(headers) {
            // In parentheses it gives way to the text of an error that was reported.
            let message = if message.is_empty() { String::new() } else { format!("({message})") };
            self.set_grpc_code(code, &message);
        }
    }

    #[cold]
    fn set_grpc_code(&mut self, code: Code, description: &str) {
        if let Some(call) = &mut self.0.grpc {
            call.code = Some(code);
        }
        if code.fails_server() {
            self.fail(code.name(), description);
        }
        if code != Code::OK {
            self.log_failure(code.fails_server(), code.name(), code.attribute());
        }
    }

    /// The service or the body ended with an error: it is reported, once for the request, and the span has failed.
    ///
    /// The report has no stack, because none leads from here to where the error arose.
    pub fn consume_error(&mut self, error_type: &str, message: impl Into<String>) {
        let message = message.into();
        self.fail(error_type, &message);
        let _guard = ambient::attach(&self.0.cx);
        ErrorReport::new(&message).without_location().consume();
    }

    /// The request failed without an error to report: the span has failed.
    pub fn set_failed(&mut self, error_type: &str, description: &str) {
        self.fail(error_type, description);
    }

    #[cold]
    fn fail(&mut self, error_type: &str, description: &str) {
        let error_type = match &mut self.0.grpc {
            Some(call) => call.interrupted(error_type, self.0.started.elapsed(), Code::UNKNOWN),
            None => error_type,
        };
        if self.0.error_type.is_some() || self.0.silent {
            return;
        }
        self.0.error_type = Some(error_type.to_owned());
        let span = self.0.cx.span();
        span.set_attribute(KeyValue::new("error.type", error_type.to_owned()));
        span.set_status(Status::error(description.to_owned()));
    }

    #[cold]
    fn log_failure(&self, is_ours: bool, status: &str, attribute: KeyValue) {
        let Some(path) = &self.0.path else { return };
        let message = match &self.0.grpc {
            Some(call) => format!("{} answered {status}", call.method()),
            None => {
                format!(
                    "{} {} answered {status}",
                    self.0.arrived.method.name(),
                    self.0.route.as_deref().unwrap_or(path)
                )
            }
        };
        let _guard = ambient::attach(&self.0.cx);
        let level = if is_ours { Level::Error } else { Level::Warn };
        logs::record(level, message, [crate::KeyValue(attribute)], None);
    }

    /// Ends the span before it is dropped. What is run [in its scope](Self::in_scope) after it still has the request as its context.
    ///
    /// For what outlives the answer, such as the two ends of an upgraded connection.
    pub fn end(&mut self) {
        if self.0.silent {
            return;
        }
        match self.0.status {
            None if self.0.error_type.is_none() => self.fail(CANCELLED, HANDLER_DROPPED),
            Some(status) if self.0.grpc.as_ref().is_some_and(|call| call.code.is_none()) => {
                self.set_grpc_code(Code::of_http(status), NO_STATUS);
            }
            _ => {}
        }
        self.0.silent = true;
        self.0.recorder = None;
        // The metrics first: whoever has seen the span may rely on them.
        self.count_active(-1);
        let elapsed = self.0.started.elapsed();
        match self.0.grpc.take() {
            Some(call) => self.complete_call(call, elapsed),
            None => self.complete_request(elapsed),
        }
        let ended = self.0.started.time.checked_add(elapsed).unwrap_or(self.0.started.time);
        self.0.cx.span().end_with_timestamp(ended);
    }

    fn complete_request(&mut self, elapsed: Duration) {
        if let Some((arrival, status)) = self.arrival().zip(self.0.status) {
            arrival.set_status(status);
        }
        let series = Series { arrived: self.0.arrived, route: self.0.route.take(), status: self.0.status };
        let durations = &self.0.client.http().server_duration;
        durations.record(elapsed.as_secs_f64(), series, self.0.error_type.as_deref());
    }

    /// Method and status, which are known only now: a guess that turns out wrong could not be taken back.
    #[cold]
    fn complete_call(&mut self, call: Call, elapsed: Duration) {
        let mut labels = Vec::with_capacity(4);
        labels.push(Call::system());
        labels.extend(self.0.error_type.take().map(|error_type| KeyValue::new("error.type", error_type)));
        let span = self.0.cx.span();
        let code = call.code.map(Code::attribute);
        let method = call.proven_method(&self.0.client.http().rpc_methods).unwrap_or_else(|| {
            let (name, original) = call.unproven();
            span.update_name(name);
            span.set_attribute(original);
            grpc::unproven_label()
        });
        for attribute in [Some(method), code].into_iter().flatten() {
            span.set_attribute(attribute.clone());
            labels.push(attribute);
        }
        self.0.client.http().rpc_server_duration.record(elapsed.as_secs_f64(), &labels);
    }
}

/// When something began, on the clock and on the stopwatch: the end is the beginning and what has elapsed, even if the clock is set
/// meanwhile.
#[derive(Debug, Clone, Copy)]
struct Started {
    time: SystemTime,
    stopwatch: Instant,
}

impl Started {
    fn now() -> Self {
        Self { time: SystemTime::now(), stopwatch: Instant::now() }
    }

    fn elapsed(&self) -> Duration {
        self.stopwatch.elapsed()
    }
}

/// Marks the span as failed if the thread unwinds out of its scope.
///
/// Not by catching the panic: what is run in a scope gives large futures and responses, which would be copied twice on the way out.
struct PanicWatch<'a> {
    span: &'a mut ServerSpan,
    /// Whether it was unwinding before: what is dropped meanwhile has not panicked.
    unwound: bool,
}

impl<'a> PanicWatch<'a> {
    #[inline]
    fn new(span: &'a mut ServerSpan) -> Self {
        Self { span, unwound: thread::panicking() }
    }
}

impl Drop for PanicWatch<'_> {
    #[inline]
    fn drop(&mut self) {
        if thread::panicking() && !self.unwound {
            self.span.fail(PANIC, HANDLER_PANICKED);
        }
    }
}

impl Drop for ServerSpan {
    fn drop(&mut self) {
        self.end();
    }
}

fn carrier(request: &ServerRequest<'_>, grpc: Option<&Call>, context: &RequestContext) -> tracing::Span {
    tracing::info_span!(
        target: bridge::CARRIER_TARGET,
        "request",
        method = grpc.map_or_else(|| Method::of(request.method).name(), Call::method),
        route = request.route.filter(|_| grpc.is_none()),
        session = context.session_id(),
    )
}
