//! How a request's identity enters and leaves the process.
//!
//! A layer does this for incoming requests. For everything else:
//!
//! ```
//! use std::collections::HashMap;
//! use highlight::{parse_headers, propagation};
//!
//! let incoming = HashMap::from([("x-highlight-request".to_owned(), "abc123/9k2hTq81Lx".to_owned())]);
//! let context = parse_headers(&incoming);
//! assert_eq!(context.session_id(), Some("abc123"));
//!
//! let mut message_headers = HashMap::<String, String>::new();
//! context.in_scope(|| propagation::inject(&mut message_headers));
//! assert_eq!(message_headers["x-highlight-request"], "abc123/9k2hTq81Lx");
//! assert!(message_headers["traceparent"].starts_with("00-"));
//! ```
//!
//! # Incoming
//!
//! Two headers count: `x-highlight-request` (C§4.1) and W3C `traceparent` with `tracestate`. Where the former is absent, W3C
//! `baggage` may stand in for it, in which other SDKs of the family forward the ids: `x-highlight-request`,
//! `highlight.session_id` and `highlight.trace_id`, or `launchdarkly.session_id` and `launchdarkly.request_id` (C§4.4). A layer also
//! knows the cookie of page loads, if [`Config::session_cookie`](crate::Config::session_cookie) says so. [`parse_headers`]
//! reconciles them by the table of C§4.3, so that everything a request causes, in however many services, is
//! stored under one trace id: its *effective id*.
//!
//! | incoming | effective id | OpenTelemetry trace id |
//! |---|---|---|
//! | `traceparent` whose trace id is the one derived from the request id | the request id | the parent's |
//! | `traceparent`, another request id or none | the W3C trace id | the parent's |
//! | no `traceparent`, request id of 32 hex digits | the request id | the same |
//! | no `traceparent`, any other request id | the request id | derived from it |
//! | nothing | none | any |
//!
//! The derivation is fixed: the 128-bit FNV-1a hash of the request id's bytes. The next service recognises it,
//! which is what keeps a 10-character request id from splitting the trace.
//!
//! # Outgoing
//!
//! [`inject_for`] writes both headers if the target's host is allowed: by default loopback, private addresses, names of
//! a single label, and names ending in `.internal`, `.local`, `.localhost` or `.svc`. Nobody else learns a session id unless
//! [`Config::propagate_to`](crate::Config::propagate_to) says so. [`inject`] writes them without asking. OpenTelemetry's global propagator, which
//! [`init`](crate::init) sets, does not know the target's host: it writes W3C trace context only, and never a session.

mod baggage;
mod carrier;
pub(crate) mod cookie;
#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzing;
mod header;
mod ids;
pub(crate) mod targets;
mod traceparent;

use opentelemetry::{
    Context,
    propagation::TextMapPropagator,
    trace::{SpanContext, TraceContextExt},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;

pub use self::carrier::{Carrier, CarrierMut, FromFn, from_fn};
pub(crate) use self::ids::is_synthetic;
use self::{
    baggage::Baggage,
    carrier::{Incoming, Outgoing},
    ids::{derive_trace_id, synthetic_parent},
};
use crate::{Client, RequestContext, ambient, context::Scope};

/// The header that the browser sends: `<session>/<request>` (C§4.1).
pub const REQUEST_HEADER: &str = "x-highlight-request";

/// The request headers that CORS must allow, or the browser's calls fail at the preflight (C§4.1).
///
/// As texts, for actix-cors, which knows no names but its own `http` crate's: `Cors::default().allowed_headers(CORS_HEADERS)`.
/// [`cors_headers`] has them for tower-http.
///
/// `traceparent` and `tracestate` are the browser client's too; `baggage` is what OpenTelemetry clients in the page may send. There may be
/// more of them one day: do not rely on the array's length.
pub const CORS_HEADERS: [&str; 4] = [REQUEST_HEADER, "traceparent", "tracestate", "baggage"];

/// [`CORS_HEADERS`] as names, for tower-http:
///
/// ```
/// use tower_http::cors::CorsLayer;
///
/// let cors = CorsLayer::new().allow_headers(highlight::propagation::cors_headers());
/// # drop(cors);
/// ```
///
/// tower-http replaces what was allowed before, so a program's own headers go into the same list:
///
/// ```
/// use highlight::propagation::cors_headers;
/// use http::header::CONTENT_TYPE;
/// use tower_http::cors::CorsLayer;
///
/// let mut allowed = cors_headers();
/// allowed.push(CONTENT_TYPE);
/// let cors = CorsLayer::new().allow_headers(allowed);
/// # drop(cors);
/// ```
#[must_use]
pub fn cors_headers() -> Vec<http::HeaderName> {
    CORS_HEADERS.map(http::HeaderName::from_static).into()
}

/// Reads the session, the request and the caller's span from the headers of a request or message.
///
/// Never fails: what is malformed, longer than 256 bytes or not visible ASCII is ignored. Where `x-highlight-request` has several
/// members (`s/r1, s/r2`) or lines, the first counts.
#[must_use = "nothing becomes current by reading: run the work in the context's `scope` or `in_scope`"]
pub fn parse_headers<C: Carrier + ?Sized>(carrier: &C) -> RequestContext {
    if let Some(value) = carrier.get(REQUEST_HEADER) {
        let (session_id, request_id) = header::parse(value);
        return reconcile(session_id, request_id, w3c_parent(carrier));
    }
    let mut baggage = Baggage::default();
    carrier.visit("baggage", &mut |list| baggage.read(list));
    let (session_id, request_id) = baggage.into_ids();
    reconcile(session_id.as_deref(), request_id.as_deref(), w3c_parent(carrier))
}

/// The same from the header's value alone.
pub(crate) fn from_header_value(value: &str) -> RequestContext {
    let (session_id, request_id) = header::parse(value);
    reconcile(session_id, request_id, None)
}

/// The table of C§4.3. A request id of 32 hex digits derives itself, which makes rows 2 and 3 one.
fn reconcile(
    session_id: Option<&str>,
    request_id: Option<&str>,
    parent: Option<SpanContext>,
) -> RequestContext {
    let derived = request_id.map(derive_trace_id);
    match (parent, derived) {
        (Some(parent), derived) if derived != Some(parent.trace_id()) => {
            ids::with_text(parent.trace_id(), |id| RequestContext::new(session_id, Some(id), Some(parent)))
        }
        (parent, derived) => {
            RequestContext::new(session_id, request_id, parent.or_else(|| derived.map(synthetic_parent)))
        }
    }
}

fn w3c_parent<C: Carrier + ?Sized>(carrier: &C) -> Option<SpanContext> {
    let value = carrier.get("traceparent")?;
    if let Some((trace_id, span_id, flags)) = traceparent::parse(value) {
        let state = carrier.get("tracestate").and_then(|state| state.parse().ok()).unwrap_or_default();
        return Some(SpanContext::new(trace_id, span_id, flags, true, state));
    }
    let cx = TraceContextPropagator::new().extract_with_context(&Context::new(), &Incoming(carrier));
    let parent = cx.span().span_context().clone();
    parent.is_valid().then_some(parent)
}

/// Writes the current request and span into `carrier`, wherever it goes.
///
/// For messages, and for targets you trust. Outside any request and span it writes nothing.
pub fn inject<C: CarrierMut + ?Sized>(carrier: &mut C) {
    inject_context(&ambient::current(), carrier);
}

/// The same for the request and span of `cx`.
pub(crate) fn inject_context<C: CarrierMut + ?Sized>(cx: &Context, carrier: &mut C) {
    if let Some(scope) = cx.get::<Scope>() {
        let value = scope.request.to_string();
        if !value.is_empty() {
            carrier.set(REQUEST_HEADER, value);
        }
    }
    TraceContextPropagator::new().inject_context(cx, &mut Outgoing(carrier));
}

/// Writes the current request and span into `carrier` if the host of `uri` is allowed to see them; says whether it did.
///
/// Which hosts are allowed is [`Config::propagate_to`](crate::Config::propagate_to)'s matter. Without a running client nothing is written.
pub fn inject_for<C: CarrierMut + ?Sized>(uri: &http::Uri, carrier: &mut C) -> bool {
    let allowed = Client::current().is_some_and(|client| client.may_propagate_to(uri));
    if allowed {
        inject(carrier);
    }
    allowed
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const W3C: &str = "0af7651916cd43dd8448eb211c80319c";

    fn parse(headers: &[(&str, &str)]) -> RequestContext {
        parse_headers(&headers.iter().copied().collect::<HashMap<_, _>>())
    }

    fn traceparent(trace_id: &str) -> String {
        format!("00-{trace_id}-b7ad6b7169203331-01")
    }

    fn otel_trace_id(context: &RequestContext) -> String {
        context.in_scope(|| Context::current().span().span_context().trace_id().to_string())
    }

    #[test]
    fn c4_3_every_row() {
        let derived = derive_trace_id("9k2hTq81Lx").to_string();
        let derived = derived.as_str();
        // row, header, traceparent, effective id, OpenTelemetry trace id
        let rows = [
            ("0", "s/9k2hTq81Lx", Some(traceparent(derived)), Some("9k2hTq81Lx"), Some(derived)),
            ("1, other id", "s/9k2hTq81Lx", Some(traceparent(W3C)), Some(W3C), Some(W3C)),
            ("1, no id", "s/", Some(traceparent(W3C)), Some(W3C), Some(W3C)),
            ("1, equal id", &format!("s/{W3C}"), Some(traceparent(W3C)), Some(W3C), Some(W3C)),
            ("2", &format!("s/{W3C}"), None, Some(W3C), Some(W3C)),
            ("3", "s/9k2hTq81Lx", None, Some("9k2hTq81Lx"), Some(derived)),
            ("4", "s", None, None, None),
        ];
        for (row, header, traceparent, effective_id, trace_id) in rows {
            let mut headers = vec![(REQUEST_HEADER, header)];
            if let Some(traceparent) = &traceparent {
                headers.push(("traceparent", traceparent));
            }
            let context = parse(&headers);
            assert_eq!(context.session_id(), Some("s"), "row {row}");
            assert_eq!(context.request_id(), effective_id, "row {row}");
            if let Some(trace_id) = trace_id {
                assert_eq!(otel_trace_id(&context), trace_id, "row {row}");
            }
        }
    }

    #[test]
    fn c4_3_hops_keep_one_effective_id() {
        for header in ["s/9k2hTq81Lx", "s/0AF7651916CD43DD8448EB211C80319C", &format!("s/{W3C}")] {
            let mut context = parse(&[(REQUEST_HEADER, header)]);
            let first = context.clone();
            for _ in 0..3 {
                let mut forwarded = HashMap::<String, String>::new();
                context.in_scope(|| inject(&mut forwarded));
                context = parse_headers(&forwarded);
                assert_eq!(context, first, "{header}");
                assert_eq!(otel_trace_id(&context), otel_trace_id(&first), "{header}");
            }
        }
    }

    #[test]
    fn c4_4_baggage_counts_where_the_header_is_absent() {
        let baggage = ("baggage", "a=b,x-highlight-request=s2%2F9k2hTq81Lx");
        let context = parse(&[baggage]);
        assert_eq!((context.session_id(), context.request_id()), (Some("s2"), Some("9k2hTq81Lx")));
        assert_eq!(otel_trace_id(&context), derive_trace_id("9k2hTq81Lx").to_string());

        let context = parse(&[baggage, ("traceparent", &traceparent(W3C))]);
        assert_eq!((context.session_id(), context.request_id()), (Some("s2"), Some(W3C)), "row 1");

        for header in ["s/r", "/r", "s", ""] {
            let context = parse(&[baggage, (REQUEST_HEADER, header)]);
            assert_ne!(context.session_id(), Some("s2"), "{header}");
        }
    }

    #[test]
    fn cors_headers_are_the_same_in_both_forms() {
        let names: Vec<_> = cors_headers().iter().map(|name| name.as_str().to_owned()).collect();
        assert_eq!(names, CORS_HEADERS);
    }

    #[test]
    fn malformed_traceparent_is_ignored() {
        for bad in [
            "",
            "garbage",
            "00-0-0-0",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            let context = parse(&[(REQUEST_HEADER, "s/9k2hTq81Lx"), ("traceparent", bad)]);
            assert_eq!(context.request_id(), Some("9k2hTq81Lx"), "{bad}");
        }
    }

    #[test]
    fn outside_any_request_nothing_is_injected() {
        let mut headers = HashMap::<String, String>::new();
        inject(&mut headers);
        assert!(headers.is_empty());
    }
}
