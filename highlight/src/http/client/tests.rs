use std::time::Duration;

use super::*;
use crate::Config;

/// A client whose telemetry goes nowhere.
fn client() -> Client {
    let config = Config::new("1").endpoint("http://127.0.0.1:9").shutdown_timeout(Duration::ZERO);
    Client::new(config.propagate_to("partner.example")).unwrap()
}

/// The headers of a request of `session1/request001`, after injection.
fn injected(client: &Client, uri: &str, own: &[(&'static str, &str)]) -> (bool, HeaderMap) {
    let mut headers = HeaderMap::new();
    for (name, value) in own {
        headers.insert(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let uri = uri.parse().unwrap();
    let request: RequestContext = "session1/request001".parse().unwrap();
    let added = request.in_scope(|| {
        let span = ClientSpan::start(&ClientRequest::new("GET", &uri), Some(client)).unwrap();
        span.inject(&mut headers)
    });
    (added, headers)
}

#[test]
fn allowed_hosts_get_both_headers_and_others_none() {
    let client = client();
    for (uri, allowed) in [
        ("http://payments:8080/charges", true),
        ("https://partner.example/", true),
        ("https://evil-partner.example/", false),
        ("https://partner.example.evil.example/", false),
        ("https://partner.example@evil.example/", false),
        ("/charges", false),
    ] {
        let (added, headers) = injected(&client, uri, &[]);
        assert_eq!(added, allowed, "{uri}");
        assert_eq!(headers.contains_key(REQUEST_HEADER), allowed, "{uri}");
        assert_eq!(headers.contains_key("traceparent"), allowed, "{uri}");
    }
}

#[test]
fn the_callers_own_headers_win_each_for_itself() {
    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let client = client();
    // Its own headers; which of ours are added.
    for (own, request, trace) in [
        (&[][..], true, true),
        (&[("x-highlight-request", "mine/mine")], false, true),
        (&[("x-highlight-request", "no text: \u{fc}")], false, true),
        (&[("traceparent", TRACE)], true, false),
        (&[("traceparent", TRACE), ("tracestate", "a=b")], true, false),
        (&[("tracestate", "a=b")], true, true),
        (&[("x-highlight-request", "mine/mine"), ("traceparent", TRACE)], false, false),
    ] {
        let (added, headers) = injected(&client, "http://payments/", own);
        assert_eq!(added, request || trace, "{own:?}");
        for (name, value) in own {
            assert_eq!(headers[*name].as_bytes(), value.as_bytes(), "{own:?}");
        }
        if request {
            assert_eq!(headers[REQUEST_HEADER], "session1/request001", "{own:?}");
        }
        if trace {
            assert!(headers["traceparent"].as_bytes().starts_with(b"00-"), "{own:?}");
        }
    }
}

#[test]
fn trace_state_goes_with_our_traceparent_only() {
    let client = client();
    let mut incoming = HeaderMap::new();
    incoming.insert(
        "traceparent",
        HeaderValue::from_static("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    );
    incoming.insert("tracestate", HeaderValue::from_static("vendor=value"));
    let request = crate::parse_headers(&incoming);
    let uri = Uri::from_static("http://payments/");
    for own_trace in [false, true] {
        let mut headers = HeaderMap::new();
        if own_trace {
            headers.insert("traceparent", HeaderValue::from_static("the caller's own"));
        }
        request.in_scope(|| {
            let span = ClientSpan::start(&ClientRequest::new("GET", &uri), Some(&client)).unwrap();
            span.inject(&mut headers)
        });
        assert_eq!(headers.contains_key("tracestate"), !own_trace);
    }
}

#[test]
fn without_an_enabled_client_there_is_no_span() {
    let uri = Uri::from_static("http://payments/");
    let request = ClientRequest::new("GET", &uri);
    assert!(ClientSpan::start(&request, None).is_none());
    let disabled = Client::new(Config::new("1").enabled(false)).unwrap();
    assert!(ClientSpan::start(&request, Some(&disabled)).is_none());
}

#[test]
fn the_exporters_own_requests_make_no_span() {
    let client = client();
    let uri = Uri::from_static("http://payments/");
    let _guard = Context::enter_telemetry_suppressed_scope();
    assert!(ClientSpan::start(&ClientRequest::new("GET", &uri), Some(&client)).is_none());
}

#[test]
fn attributes_name_the_target() {
    let uri: Uri = "https://[::1]/charges?x=y".parse().unwrap();
    let request =
        ClientRequest { template: Some("/charges"), resend_count: 2, ..ClientRequest::new("BREW", &uri) };
    let attributes = request.attributes(&request.target(None), None);
    let find = |key: &str| {
        let attribute = attributes.iter().find(|attribute| attribute.key.as_str() == key);
        attribute.map(|attribute| attribute.value.to_string())
    };
    for (key, value) in [
        ("http.request.method", Some("_OTHER")),
        ("http.request.method_original", Some("BREW")),
        ("url.full", Some("https://[::1]/charges?x=y")),
        ("url.scheme", Some("https")),
        ("url.template", Some("/charges")),
        ("server.address", Some("::1")),
        ("server.port", Some("443")),
        ("http.request.resend_count", Some("2")),
        ("http.route", None),
    ] {
        assert_eq!(find(key).as_deref(), value, "{key}");
    }
}

#[test]
fn a_span_that_is_current_outside_any_request_is_the_parent() {
    use opentelemetry::{
        TraceFlags,
        trace::{SpanContext, TraceState},
    };

    let client = client();
    let ids = SpanContext::new(0x1234.into(), 0x56.into(), TraceFlags::SAMPLED, false, TraceState::default());
    let _guard = Context::new().with_remote_span_context(ids).attach();
    let uri = Uri::from_static("http://payments/");
    let span = ClientSpan::start(&ClientRequest::new("GET", &uri), Some(&client)).unwrap();
    let mut headers = HeaderMap::new();
    assert!(span.inject(&mut headers));
    let traceparent = headers["traceparent"].to_str().unwrap();
    assert!(traceparent.starts_with(&format!("00-{:032x}-", 0x1234)), "{traceparent}");
    assert!(!headers.contains_key(REQUEST_HEADER));
}
