//! What a server span says, and when there is none.

use actix_web::web::{self, ServiceConfig};
use highlight::{
    Config, Level, RequestContext,
    http::{ServerOptions, ServerRequest},
};

use crate::service::{REQUEST, SESSION, Service, Setup, attribute, head};

fn routes(config: &mut ServiceConfig) {
    config
        .route("/orders/{id}", web::route().to(|| async { "order" }))
        .route("/", web::get().to(|| async { "home" }));
}

#[test]
fn attributes_follow_the_semantic_conventions() {
    let service = Service::new(routes);
    service.send_with("POST", "/orders/7?page=2&token=secret", "user-agent: test/1\r\n", "body");
    let span = service.stored_span();
    assert_eq!(span.origin.session_id, SESSION);
    assert_eq!(span.trace_id, REQUEST);
    assert_eq!(span.parent_span_id, "", "a synthetic parent is not sent");
    for (key, value) in [
        ("http.request.method", "POST"),
        ("url.path", "/orders/7"),
        ("url.query", "page=2&token=[REDACTED]"),
        ("url.scheme", "http"),
        ("server.address", "shop.example"),
        ("server.port", "8080"),
        ("network.protocol.version", "1.1"),
        ("user_agent.original", "test/1"),
        ("http.request.body.size", "4"),
    ] {
        assert_eq!(attribute(&span, key), Some(value), "{key}");
    }
    assert_eq!(attribute(&span, "client.address"), None);
}

#[test]
fn the_clients_address_is_recorded_only_if_asked_for() {
    let options = ServerOptions::default().client_address(true);
    let service = Service::with(Setup { options, ..Setup::default() }, |config, _| routes(config));
    service.send("GET", "/orders/7");
    assert_eq!(attribute(&service.stored_span(), "client.address"), Some("127.0.0.1"));
}

#[test]
fn traces_of_callers_go_on() {
    let service = Service::new(routes);
    let parent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    service.send_with("GET", "/orders/7", parent, "");
    let span = service.stored_span();
    assert_eq!(span.origin.session_id, SESSION);
    assert_eq!(span.otel_trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span.parent_span_id, "b7ad6b7169203331");
}

#[test]
fn the_session_may_come_by_cookie_if_asked_for() {
    for (asked, session) in [(false, ""), (true, "cookied")] {
        let config = if asked { |config: Config| config.session_cookie(true) } else { |config| config };
        let service = Service::with(Setup { config, ..Setup::default() }, |config, _| routes(config));
        let mut connection = service.connect();
        connection.write("GET / HTTP/1.1\r\nhost: shop.example\r\ncookie: sessionSecureID=cookied\r\nconnection: close\r\n\r\n");
        assert_eq!(connection.read_to_end().body, "home");
        assert_eq!(service.stored_span().origin.session_id, session);
    }
}

#[test]
fn excluded_requests_and_preflights_make_no_span_but_their_logs_stay_correlated() {
    let options = ServerOptions::default().exclude(|request| request.path == "/health");
    let service = Service::with(Setup { options, ..Setup::default() }, |config, _| {
        let handler = || async {
            highlight::in_span("look after oneself", |_| highlight::log(Level::Info, "probed", []));
            "ok"
        };
        config.route("/health", web::get().to(handler));
    });
    service.send("GET", "/health");
    let stored = service.stored();
    assert!(stored.spans.is_empty() && stored.metrics.is_empty());
    assert_eq!(stored.logs[0].origin.session_id, SESSION);
    assert_eq!(stored.logs[0].trace_id, REQUEST);

    let service = Service::new(routes);
    service.send_with("OPTIONS", "/orders/7", "access-control-request-method: GET\r\n", "");
    assert!(service.stored().spans.is_empty());
}

#[test]
fn failures_are_logged_only_if_asked_for() {
    for (asked, expected) in [(false, 0), (true, 1)] {
        let options = ServerOptions::default().log_failures(asked);
        let service = Service::with(Setup { options, ..Setup::default() }, |config, _| routes(config));
        service.send("GET", "/no/such/path");
        service.send("GET", "/");
        let logs = service.stored().logs;
        assert_eq!(logs.len(), expected);
        if let Some(log) = logs.first() {
            assert_eq!(log.message, "GET /no/such/path answered 404");
            assert_eq!(log.origin.session_id, SESSION);
        }
    }
}

#[test]
fn the_extractor_tells_the_ids() {
    let service = Service::new(|config| {
        let handler = |context: highlight_actix::RequestContext| async move { context.to_string() };
        config.route("/", web::get().to(handler));
    });
    assert_eq!(service.send("GET", "/").body, format!("{SESSION}/{REQUEST}"));
}

#[test]
fn requests_of_one_connection_are_told_apart() {
    let service = Service::new(|config| {
        let handler = || async {
            highlight::log(Level::Info, "served", []);
            RequestContext::current().session_id().unwrap_or_default().to_owned()
        };
        config.route("/", web::get().to(handler));
    });
    let mut connection = service.connect();
    for session in ["one", "two"] {
        connection.write(&format!("{}\r\n", head("GET", "/", session)));
        connection.read_until(&format!("\r\n\r\n{session}"));
    }
    // Pipelined: the second is there before the first is answered.
    connection.write(&format!(
        "{}\r\n{}connection: close\r\n\r\n",
        head("GET", "/", "three"),
        head("GET", "/", "four")
    ));
    let rest = connection.read_to_end();
    assert!(rest.body.starts_with("three") && rest.body.ends_with("four"), "{rest:?}");

    let stored = service.stored();
    let mut sessions: Vec<_> = stored.spans.iter().map(|span| span.origin.session_id.as_str()).collect();
    sessions.sort_unstable();
    assert_eq!(sessions, ["four", "one", "three", "two"]);
    for log in &stored.logs {
        let span = stored.spans.iter().find(|span| span.span_id == log.span_id).unwrap();
        assert_eq!(span.origin.session_id, log.origin.session_id);
    }
}

/// The core's side of a late route: its last word counts.
#[test]
fn a_route_that_is_known_late_renames_the_span() {
    let table: [(&[Option<&str>], Option<&str>); 4] = [
        (&[None, Some("/a/{b}")], Some("/a/{b}")),
        (&[Some("/guess"), Some("/a/{b}")], Some("/a/{b}")),
        (&[Some("/guess"), None], None),
        (&[Some("/a/{b}"), Some("/a/{b}")], Some("/a/{b}")),
    ];
    for (routes, route) in table {
        let service = Service::new(|_| {});
        let options = ServerOptions::default().client(service.client.clone());
        let mut request = ServerRequest::new("GET", "/a/7");
        request.route = routes[0];
        let mut span = options.tracer().unwrap().start(&request, RequestContext::default());
        span.set_route(routes[1]);
        span.set_status(200);
        span.end();
        // After the end nothing changes the span; the context is still there.
        span.set_failed("late", "too late");
        let id = span.in_scope(|| highlight::Span::current().span_id());
        drop(span);
        let stored = service.stored_span();
        assert_eq!(stored.name, route.map_or("GET".to_owned(), |route| format!("GET {route}")));
        assert_eq!(attribute(&stored, "http.route"), route);
        assert_eq!(stored.status_code, "Unset");
        assert_eq!(id.as_deref(), Some(stored.span_id.as_str()));
    }
}
