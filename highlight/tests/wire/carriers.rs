//! How a request may name its session, and whom we believe.

use highlight::http::{ServerOptions, ServerRequest};
use http::HeaderMap;

use crate::stage::Stage;

/// The session and the trace id that a request with these headers is stored under.
fn stored(stage: &Stage, headers: &[(&'static str, &'static str)]) -> (String, String) {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    let options = ServerOptions::default().client(stage.client.clone());
    let request = ServerRequest::new("GET", "/");
    let tracer = options.tracer().unwrap();
    let incoming = tracer.incoming(&headers);
    drop(tracer.start(&request, incoming));
    let stored = stage.stored();
    let span = stored.spans.last().unwrap();
    (span.origin.session_id.clone(), span.trace_id.clone())
}

const HEADER: (&str, &str) = ("x-highlight-request", "of-header/request001");
const BAGGAGE: (&str, &str) = ("baggage", "highlight.session_id=of-baggage,highlight.trace_id=request002");
const COOKIE: (&str, &str) = ("cookie", "a=b; sessionSecureID=of-cookie");
const TRACEPARENT: (&str, &str) = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
const W3C: &str = "0af7651916cd43dd8448eb211c80319c";

#[test]
fn the_header_comes_before_baggage_and_baggage_before_the_cookie() {
    let stage = Stage::with(|config| config.session_cookie(true));
    for (headers, session, trace) in [
        (&[HEADER, BAGGAGE, COOKIE][..], "of-header", "request001"),
        (&[BAGGAGE, COOKIE], "of-baggage", "request002"),
        (&[BAGGAGE, COOKIE, TRACEPARENT], "of-baggage", W3C),
        (&[COOKIE, TRACEPARENT], "of-cookie", W3C),
        // The header knows the request, and the cookie the session.
        (&[("x-highlight-request", "/request003"), COOKIE], "of-cookie", "request003"),
        (&[], "", ""),
    ] {
        let (stored_session, stored_trace) = stored(&stage, headers);
        assert_eq!(stored_session, session, "{headers:?}");
        assert!(trace.is_empty() || stored_trace == trace, "{headers:?}: {stored_trace}");
    }
    assert_eq!(stored(&stage, &[COOKIE]).0, "of-cookie");
}

#[test]
fn the_cookie_is_read_only_where_that_is_said() {
    assert_eq!(stored(&Stage::new(), &[COOKIE]).0, "");
}

#[test]
fn nobody_is_believed_where_incoming_is_not_trusted() {
    let stage = Stage::with(|config| config.session_cookie(true).trust_incoming(false));
    for headers in [[HEADER], [BAGGAGE], [COOKIE], [TRACEPARENT]] {
        let (session, trace) = stored(&stage, &headers);
        assert!(session.is_empty() && trace != W3C && !trace.starts_with("request"), "{headers:?}");
    }
}
