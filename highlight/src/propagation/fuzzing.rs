//! What always holds for headers that come from outside.
#![expect(clippy::missing_panics_doc, reason = "a panic is what a fuzzer looks for")]

use std::collections::HashMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::TraceContextExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    Baggage, Context, REQUEST_HEADER, RequestContext, cookie, derive_trace_id, header, inject, parse_headers,
    w3c_parent,
};

fn assert_id(id: Option<&str>) {
    if let Some(id) = id {
        assert_eq!(header::id(id), Some(id), "an id that the header could not carry");
    }
}

/// Whatever the next service reads is what this one knows, also after the next.
fn assert_forwarded(context: &RequestContext) {
    assert_id(context.session_id());
    assert_id(context.request_id());
    let mut forwarded = HashMap::<String, String>::new();
    context.in_scope(|| inject(&mut forwarded));
    assert_eq!(parse_headers(&forwarded), *context, "a hop changes it: {forwarded:?}");
    let text = context.to_string();
    assert!(text.len() <= 2 * 256 + 1, "a header of {} bytes", text.len());
    assert_eq!(
        text.parse::<RequestContext>().as_ref(),
        Ok(context),
        "its own text says something else: {text}"
    );
}

/// Lines `name:value`, as the headers of one request.
pub fn headers(data: &[u8]) {
    let mut map = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) =
            (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(&line[colon + 1..]));
        if let (Ok(name), Ok(value)) = (name, value) {
            map.append(name, value);
        }
    }
    assert_forwarded(&parse_headers(&map));
    assert_id(cookie::session(&map).as_deref());
}

/// Three lines: `x-highlight-request`, `traceparent`, `tracestate`. The table of C§4.3.
pub fn traceparent(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let mut headers = HashMap::new();
    for name in [REQUEST_HEADER, "traceparent", "tracestate"] {
        if let Some(line) = lines.next() {
            headers.insert(name, line);
        }
    }
    let (session, request) = header::parse(headers[REQUEST_HEADER]);
    let context = parse_headers(&headers);
    assert_eq!(context.session_id(), session, "a session is never lost to a traceparent");

    let trace_id = context.in_scope(|| Context::current().span().span_context().trace_id());
    match (w3c_parent(&headers), request) {
        (Some(parent), Some(id)) if derive_trace_id(id) == parent.trace_id() => {
            assert_eq!(context.request_id(), Some(id), "row 0");
            assert_eq!(trace_id, parent.trace_id());
        }
        (Some(parent), _) => {
            assert_eq!(context.request_id(), Some(parent.trace_id().to_string().as_str()), "row 1");
            assert_eq!(trace_id, parent.trace_id());
        }
        (None, Some(id)) => {
            assert_eq!(context.request_id(), Some(id), "rows 2 and 3");
            assert_eq!(trace_id, derive_trace_id(id));
        }
        (None, None) => assert_eq!(context.request_id(), None, "row 4"),
    }
    assert_forwarded(&context);
}

/// Lines, each a `baggage` header of one request.
pub fn baggage(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let ids = |lists: &[&str]| {
        let mut baggage = Baggage::default();
        for list in lists {
            baggage.read(list);
        }
        baggage.into_ids()
    };
    let (session, request) = ids(&text.split('\n').collect::<Vec<_>>());
    assert_id(session.as_deref());
    assert_id(request.as_deref());
    // Written as the other SDKs do it, they are read again, whatever stands around them.
    let pair =
        format!("{}/{}", session.as_deref().unwrap_or_default(), request.as_deref().unwrap_or_default());
    let list = format!("a=b,x-highlight-request={};p=1,c", utf8_percent_encode(&pair, NON_ALPHANUMERIC));
    assert_eq!(ids(&[&list]), (session, request), "{list}");
}

/// A `cookie` header.
pub fn cookie(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let read = |cookies: &str| cookie::session(&HashMap::from([("cookie", cookies)]));
    let session = read(&text);
    assert_id(session.as_deref());
    if let Some(session) = session {
        for cookies in
            [format!("sessionSecureID={session}"), format!("a=b; sessionSecureID=\"{session}\"; c")]
        {
            assert_eq!(read(&cookies).as_ref(), Some(&session), "{cookies}");
        }
    }
}
