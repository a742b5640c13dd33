//! What the server would store of calls, and what their targets are told.

use std::{io, net::Ipv4Addr, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use highlight::http::UrlTemplate;
use highlight_local::model::Temporality;
use highlight_reqwest::HighlightClientMiddleware;
use http_body_util::StreamBody;
use reqwest::{Url, redirect::Policy};
use reqwest_middleware::ClientBuilder;
use reqwest_retry::{RetryTransientMiddleware, policies::ExponentialBackoff};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
    sync::{Mutex, Notify, mpsc},
};

use crate::support::{HANG, NOT_TOLD, Server, TOLD, Telemetry, builder, middleware};

#[tokio::test]
async fn a_call_is_a_client_span_below_the_callers_and_takes_the_session_along() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let highlight = middleware();
    let url = server.url("user:hunter2@payments", "/charges?page=2&token=secret");
    let call = highlight::start_active_span("check out", async |_| {
        highlight.send(highlight.http().get(url)).await.unwrap().text().await.unwrap()
    });
    assert_eq!(telemetry.in_request(call).await, "answer");

    let spans = telemetry.spans().await;
    let [outer, call] = &*spans else { panic!("{spans:#?}") };
    assert_eq!((call.kind, &*call.name), ("Client", "GET"));
    assert_eq!(call.parent_span_id, outer.span_id);
    assert_eq!(call.origin.session_id, "session1");
    assert_eq!(call.trace_id, "request001");
    assert_eq!(call.status_code, "Unset");
    let port = server.port.to_string();
    // reqwest makes a header of the user and takes it out of the address.
    let full = format!("http://payments:{port}/charges?page=2&token=[REDACTED]");
    for (key, value) in [
        ("http.request.method", Some("GET")),
        ("http.response.status_code", Some("200")),
        ("network.protocol.version", Some("1.1")),
        ("server.address", Some("payments")),
        ("server.port", Some(&*port)),
        ("url.full", Some(&*full)),
        ("http.request.resend_count", None),
        ("error.type", None),
    ] {
        assert_eq!(call.attributes.get(key).map(String::as_str), value, "{key}");
    }
    let told = server.told();
    assert_eq!(told[0].ours(), TOLD);
    let traceparent = format!("00-{}-{}-01", call.otel_trace_id, call.span_id);
    assert_eq!(told[0].headers["traceparent"], traceparent);
}

#[tokio::test]
async fn the_middleware_does_the_same_and_knows_templates() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let http = highlight_reqwest::client(builder()).unwrap();
    let call = http
        .get(server.url("payments", "/charges/7"))
        .with_extension(UrlTemplate::new("/charges/{id}"))
        .send();
    let response = telemetry.in_request(call).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "answer");
    let span = telemetry.span().await;
    assert_eq!((span.kind, &*span.name), ("Client", "GET /charges/{id}"));
    assert_eq!(span.attributes["url.template"], "/charges/{id}");
    assert_eq!(server.told()[0].ours(), TOLD);
}

#[tokio::test]
async fn only_allowed_hosts_are_told() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let highlight = middleware();
    for (host, told) in [
        ("localhost", TOLD),
        ("LOCALHOST", TOLD),
        ("localhost.", TOLD),
        ("127.0.0.1", TOLD),
        ("user:secret@localhost", TOLD),
        ("checkout", TOLD),
        ("checkout.shop.svc", TOLD),
        ("printer.local.", TOLD),
        ("partner.example", TOLD),
        ("PARTNER.example.", TOLD),
        ("api.partner.example", TOLD),
        // `Url` makes an address of it before anybody is asked.
        ("2130706433", TOLD),
        // Look-alikes.
        ("evil-partner.example", NOT_TOLD),
        ("partner.example.evil.example", NOT_TOLD),
        ("localhost.evil.example", NOT_TOLD),
        ("127.0.0.1.evil.example", NOT_TOLD),
        ("l\u{43e}calhost.example", NOT_TOLD), // The first `o` is Cyrillic.
        // What stands before the `@` is no host.
        ("localhost@evil.example", NOT_TOLD),
        ("localhost:80@evil.example", NOT_TOLD),
        // Another port than the one that was named.
        ("strict.example", NOT_TOLD),
        // A metadata service, a top-level domain.
        ("metadata.google.internal", NOT_TOLD),
        ("example.", NOT_TOLD),
    ] {
        let call = highlight.send(highlight.http().get(server.url(host, "/")));
        assert_eq!(telemetry.in_request(call).await.unwrap().status(), 200, "{host}");
        assert_eq!(server.told()[0].ours(), told, "{host}");
    }
}

#[tokio::test]
async fn the_callers_own_headers_win() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let highlight = middleware();
    let request =
        highlight.http().get(server.url("payments", "/")).header("x-highlight-request", "mine/alone");
    telemetry.in_request(highlight.send(request)).await.unwrap();
    assert_eq!(server.told()[0].ours(), (Some("mine/alone"), true));
}

#[tokio::test]
async fn a_client_can_be_taken_on_the_programs_word() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let http = builder().redirect(Policy::none()).build().unwrap();
    let highlight = HighlightClientMiddleware::assume_safe_redirects(http);
    let url = server.url("payments", "/302?http://evil.example/");
    let response = telemetry.in_request(highlight.send(highlight.http().get(url))).await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(server.told()[0].ours(), TOLD);
}

#[tokio::test]
async fn each_attempt_of_a_retried_call_is_a_span() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let highlight = middleware();
    let at_once = ExponentialBackoff::builder()
        .retry_bounds(Duration::from_millis(1), Duration::from_millis(1))
        .build_with_max_retries(5);
    let retry = RetryTransientMiddleware::new_with_policy(at_once);
    let http = ClientBuilder::new(highlight.http().clone()).with(retry).with(highlight).build();
    let response = telemetry.in_request(http.get(server.url("payments", "/flaky")).send()).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "answer");

    let spans = telemetry.spans().await;
    let attempts: Vec<_> = spans
        .iter()
        .map(|span| {
            let resend_count = span.attributes.get("http.request.resend_count").map(String::as_str);
            (&*span.attributes["http.response.status_code"], span.status_code, resend_count)
        })
        .collect();
    let expected = [("503", "Error", None), ("503", "Error", Some("1")), ("200", "Unset", Some("2"))];
    assert_eq!(attempts, expected);
    // Each attempt is the parent of what it causes.
    for (span, told) in spans.iter().zip(server.told()) {
        assert!(told.headers["traceparent"].to_str().unwrap().contains(&span.span_id));
    }
}

#[tokio::test]
async fn from_400_up_the_span_has_failed_and_is_no_error_object() {
    for (path, failed) in [("/200", None), ("/304", None), ("/404", Some("404")), ("/500", Some("500"))] {
        let (telemetry, server) = (Telemetry::new(), Server::start().await);
        let highlight = middleware();
        telemetry
            .in_request(highlight.send(highlight.http().get(server.url("payments", path))))
            .await
            .unwrap();
        let stored = telemetry.stored().await;
        let span = &stored.spans[0];
        assert_eq!(span.status_code == "Error", failed.is_some(), "{path}");
        assert_eq!(span.attributes.get("error.type").map(String::as_str), failed, "{path}");
        assert!(stored.errors.is_empty() && stored.logs.is_empty());
    }
}

#[tokio::test]
async fn without_an_answer_the_span_has_failed_and_is_no_error_object() {
    let telemetry = Telemetry::new();
    // Taken, but nobody listens there.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let url = format!("http://payments:{}/?token=secret", socket.local_addr().unwrap().port());
    let highlight = middleware();
    let error = telemetry.in_request(highlight.send(highlight.http().get(url))).await.unwrap_err();
    assert!(error.is_connect());
    let stored = telemetry.stored().await;
    assert_eq!(stored.spans[0].status_code, "Error");
    assert_eq!(stored.spans[0].attributes["error.type"], "connect");
    let message = &stored.spans[0].status_message;
    assert!(message.starts_with("client error (Connect): "), "{message}");
    assert!(!message.contains("secret"));
    assert!(stored.errors.is_empty() && stored.logs.is_empty());
}

/// A server that takes requests and never answers; and when it has one.
async fn silent_server() -> (u16, Arc<Notify>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let arrived = Arc::new(Notify::new());
    let has_arrived = Arc::clone(&arrived);
    let never = async move || {
        has_arrived.notify_one();
        std::future::pending::<()>().await;
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(never)).await });
    (port, arrived)
}

#[tokio::test]
async fn a_call_that_takes_too_long_has_failed() {
    let (telemetry, highlight) = (Telemetry::new(), middleware());
    let (port, _) = silent_server().await;
    let request = highlight.http().get(format!("http://payments:{port}/"));
    let call = highlight.send(request.timeout(Duration::from_millis(20)));
    assert!(telemetry.in_request(call).await.unwrap_err().is_timeout());
    let span = telemetry.span().await;
    assert_eq!((span.status_code, &*span.attributes["error.type"]), ("Error", "timeout"));
}

#[tokio::test]
async fn a_call_that_is_dropped_before_the_answer_is_cancelled() {
    let (telemetry, highlight) = (Telemetry::new(), middleware());
    let (port, arrived) = silent_server().await;
    let request = highlight.http().get(format!("http://payments:{port}/"));
    let dropped = async {
        tokio::select! {
            _ = highlight.send(request) => panic!("it never answers"),
            () = arrived.notified() => {}
        }
    };
    telemetry.in_request(dropped).await;
    let span = telemetry.span().await;
    assert_eq!((span.status_code, &*span.attributes["error.type"]), ("Error", "cancelled"));
}

#[tokio::test]
async fn the_span_ends_with_the_body() {
    let (parts, to_send) = mpsc::unbounded_channel::<&'static str>();
    let to_send = Arc::new(Mutex::new(to_send));
    let stream = async move || {
        let parts = futures_util::stream::unfold(to_send, async |to_send| {
            let part = to_send.lock().await.recv().await?;
            Some((Ok::<_, io::Error>(http_body::Frame::data(part.into())), to_send))
        });
        Body::new(StreamBody::new(Box::pin(parts)))
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(stream)).await });

    let telemetry = Telemetry::new();
    let highlight = middleware();
    let call = async {
        let mut response =
            highlight.send(highlight.http().get(format!("http://payments:{port}/"))).await.unwrap();
        parts.send("first").unwrap();
        assert_eq!(response.chunk().await.unwrap().unwrap(), "first");
        assert!(telemetry.stored().await.spans.is_empty(), "the body has not ended");
        parts.send("last").unwrap();
        drop(parts);
        assert_eq!(response.text().await.unwrap(), "last");
    };
    telemetry.in_request(call).await;
    assert_eq!(telemetry.span().await.status_code, "Unset");
}

/// A server that answers with `bytes`, and then hangs up or waits.
async fn serve_bytes(bytes: &'static [u8], hangs_up: bool) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let _ = connection.read(&mut [0; 4096]).await;
        let _ = connection.write_all(bytes).await;
        if !hangs_up {
            tokio::time::sleep(2 * HANG).await;
        }
    });
    port
}

#[tokio::test]
async fn a_body_that_breaks_off_fails_the_span_and_stays_reqwests_error() {
    const BEGINNING: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this";
    for (hangs_up, error_type) in [(true, "body"), (false, "timeout")] {
        let telemetry = Telemetry::new();
        let highlight = middleware();
        let port = serve_bytes(BEGINNING, hangs_up).await;
        let request =
            highlight.http().get(format!("http://payments:{port}/")).timeout(Duration::from_millis(200));
        let call = async { highlight.send(request).await.unwrap().bytes().await };
        let error = telemetry.in_request(call).await.unwrap_err();
        assert!(error.is_decode());
        assert_eq!(error.is_timeout(), !hangs_up);
        let span = telemetry.span().await;
        assert_eq!((span.status_code, &*span.attributes["error.type"]), ("Error", error_type));
        assert_eq!(span.attributes["http.response.status_code"], "200");
    }
}

#[tokio::test]
async fn a_body_that_is_dropped_unread_is_no_failure() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let highlight = middleware();
    let call =
        async { drop(highlight.send(highlight.http().get(server.url("payments", "/"))).await.unwrap()) };
    telemetry.in_request(call).await;
    assert_eq!(telemetry.span().await.status_code, "Unset");
}

#[tokio::test]
async fn the_response_is_what_it_would_be_without_us() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let highlight = middleware();
    let url = server.url("payments", "/x?y=z");
    for request in [highlight.http().get(&url), highlight.http().head(&url)] {
        let plain = request.try_clone().unwrap().send().await.unwrap();
        let ours = telemetry.in_request(highlight.send(request)).await.unwrap();
        assert_eq!(ours.url(), &Url::parse(&url).unwrap());
        assert_eq!(ours.url(), plain.url());
        assert_eq!(ours.status(), plain.status());
        assert_eq!(ours.version(), plain.version());
        assert_eq!(ours.remote_addr(), plain.remote_addr());
        assert_eq!(ours.content_length(), plain.content_length());
        let names = |response: &reqwest::Response| {
            response.headers().keys().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names(&ours), names(&plain));
        assert_eq!(ours.bytes().await.unwrap(), plain.bytes().await.unwrap());
    }
}

#[tokio::test]
async fn the_duration_is_measured() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let highlight = middleware();
    telemetry.in_request(highlight.send(highlight.http().get(server.url("payments", "/404")))).await.unwrap();
    let metrics = telemetry.stored().await.metrics;
    let duration = metrics.iter().find(|metric| metric.name == "http.client.request.duration").unwrap();
    assert_eq!(duration.sent_temporality, Some(Temporality::Delta));
    assert_eq!(duration.attributes["http.response.status_code"], "404");
    assert_eq!(duration.attributes["server.address"], "payments");
}

#[tokio::test]
async fn without_telemetry_the_call_is_made_and_nothing_told() {
    let server = Server::start().await;
    let highlight = middleware();
    let request: highlight::RequestContext = "session1/request001".parse().unwrap();
    let call = request.scope(highlight.send(highlight.http().get(server.url("payments", "/"))));
    assert_eq!(call.await.unwrap().text().await.unwrap(), "answer");
    assert_eq!(server.told()[0].ours(), NOT_TOLD);
}

#[tokio::test]
async fn a_client_can_be_named() {
    let (telemetry, server) = (Telemetry::new(), Server::start().await);
    let highlight = middleware();
    let highlight = highlight.with_client(telemetry.client.clone());
    highlight.send(highlight.http().get(server.url("payments", "/"))).await.unwrap();
    // Outside any request, the trace alone.
    assert_eq!(server.told()[0].ours(), (None, true));
    assert_eq!(telemetry.span().await.parent_span_id, "");
}
