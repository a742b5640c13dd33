//! Whole diagnoses against servers that misbehave, over real sockets.

use std::{
    net::TcpListener,
    thread,
    time::{Duration, Instant, SystemTime},
};

use tracing::{Dispatch, dispatcher};
use tracing_subscriber::prelude::*;
use ureq::tls::Certificate;

use super::*;
use crate::pipeline::tests::{
    server::{HANG_GUARD, Reply, Server},
    tls::{https, https_of_an_authority},
};

const LONG: Duration = HANG_GUARD;

fn config(endpoint: &str) -> Config {
    Config::new("1jdkoe52").endpoint(endpoint).console(false)
}

fn diagnose_at(endpoint: &str) -> Diagnosis {
    config(endpoint).diagnose(LONG)
}

fn find<'a>(diagnosis: &'a Diagnosis, check: &str) -> &'a Finding {
    let found = diagnosis.findings().iter().find(|finding| finding.check() == check);
    found.unwrap_or_else(|| panic!("no {check} in\n{diagnosis}"))
}

fn assert_problem(diagnosis: &Diagnosis, check: &str, message: &str, remedy: &str) {
    let finding = find(diagnosis, check);
    assert_eq!(finding.verdict(), Verdict::Problem, "{diagnosis}");
    assert!(finding.message().contains(message), "{message} in\n{diagnosis}");
    assert!(finding.remedy().is_some_and(|text| text.contains(remedy)), "{remedy} in\n{diagnosis}");
    assert_eq!(diagnosis.verdict(), Verdict::Problem);
}

/// A port where `serve` gets each connection.
fn raw(serve: impl Fn(std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().flatten().for_each(serve));
    format!("http://{address}")
}

#[test]
fn all_is_well_at_a_receiver() {
    let receiver = highlight_local::Receiver::start(0).unwrap();
    let diagnosis = diagnose_at(&receiver.endpoint());
    assert_eq!(diagnosis.verdict(), Verdict::Ok, "{diagnosis}");
    assert!(find(&diagnosis, "answer").message().contains("/v1/traces, /v1/logs, /v1/metrics accepted"));
    let seen = receiver.store().snapshot();
    assert!(seen.spans.is_empty() && seen.logs.is_empty() && seen.metrics.is_empty(), "nothing was sent");
}

#[test]
fn the_questions_are_the_exporters_requests_with_nothing_in_them() {
    let server = Server::start(|_, _| Reply::Status(200));
    let diagnosis = config(&server.url())
        .header("x-token", "hunter2")
        .signals(crate::Signals::ERRORS.with(crate::Signals::TRACES))
        .diagnose(LONG);
    let seen = server.seen();
    let paths: Vec<_> = seen.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, ["/v1/traces", "/v1/logs"], "only what is switched on");
    for request in &seen {
        assert_eq!(request.body, "");
        assert_eq!(request.headers["x-token"], "hunter2");
        assert_eq!(request.headers["content-encoding"], "gzip");
        assert_eq!(request.headers["content-type"], "application/x-protobuf");
        assert!(request.headers["user-agent"].starts_with("highlight-rust/"), "{request:?}");
    }
    assert!(!format!("{diagnosis}{diagnosis:?}").contains("hunter2"), "{diagnosis}");
}

#[test]
fn servers_that_are_no_receivers_are_recognised() {
    let html = || ("content-type", "text/html".to_owned());
    let json = || ("content-type", "application/json".to_owned());
    let page = Server::start(move |_, _| Reply::Full(200, html(), b"<!doctype html>".to_vec()));
    assert_problem(&diagnose_at(&page.url()), "answer", "web page", "4318");

    let api = Server::start(move |_, _| Reply::Full(404, json(), b"{}".to_vec()));
    let diagnosis = diagnose_at(&api.url());
    assert_problem(&diagnosis, "answer", "404", "path");
    assert_eq!(diagnosis.findings().iter().filter(|finding| finding.check() == "answer").count(), 1);

    let moved = Server::start(|_, request| {
        let location = format!("https://otel.example{}", request.path);
        Reply::Full(308, ("location", location), Vec::new())
    });
    assert_problem(&diagnose_at(&moved.url()), "answer", "308", "set the endpoint to https://otel.example");
    assert_eq!(moved.seen().len(), 3, "nothing is followed");

    let mail = Server::start(|_, _| Reply::Garbage);
    assert_problem(&diagnose_at(&mail.url()), "connection", "does not speak HTTP/1.1", "4318");
}

#[test]
fn signals_with_answers_of_their_own_have_findings_of_their_own() {
    let no_logs =
        Server::start(|_, request| Reply::Status(if request.path == "/v1/logs" { 404 } else { 200 }));
    let diagnosis = diagnose_at(&no_logs.url());
    let answers: Vec<_> = diagnosis
        .findings()
        .iter()
        .filter(|finding| finding.check() == "answer")
        .map(|finding| (finding.verdict(), finding.message().split(" a").next().unwrap_or_default()))
        .collect();
    assert_eq!(answers, [(Verdict::Ok, "/v1/traces, /v1/metrics"), (Verdict::Problem, "/v1/logs")]);
}

#[test]
fn a_grpc_port_is_recognised_by_what_it_speaks() {
    // What grpc-go and hyper do: SETTINGS first, then the connection is closed over a request that is none.
    let endpoint = raw(|mut stream| {
        use std::io::{Read, Write};
        let _ = stream.write_all(b"\0\0\0\x04\0\0\0\0\0");
        let mut preface = [0; 24];
        let _ = stream.read(&mut preface);
    });
    assert_problem(&diagnose_at(&endpoint), "connection", "gRPC", "4318");
}

#[test]
fn a_server_that_ends_every_connection_is_no_grpc_port() {
    let endpoint = raw(drop);
    let diagnosis = diagnose_at(&endpoint);
    assert_problem(&diagnosis, "connection", "fails", "https://");
}

#[test]
fn nobody_there_is_said_as_that() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let diagnosis = diagnose_at(&format!("http://{free}"));
    assert_problem(&diagnosis, "connection", "refused", "highlight-local");
    assert!(diagnosis.findings().iter().all(|finding| finding.check() != "answer"), "{diagnosis}");
    let diagnosis = diagnose_at("http://no-such-host.invalid:4318");
    assert_problem(
        &diagnosis,
        "connection",
        "no address is known for the host no-such-host.invalid",
        "resolve",
    );
}

#[test]
fn a_server_that_hangs_costs_no_more_than_the_time_allowed() {
    let hanging = Server::start(|_, _| Reply::Hang);
    let started = Instant::now();
    let diagnosis = config(&hanging.url()).diagnose(Duration::from_millis(200));
    assert!(started.elapsed() < LONG / 6, "{:?}", started.elapsed());
    assert_problem(&diagnosis, "connection", "does not answer in time", "load");
}

#[test]
fn after_the_time_allowed_the_other_signals_are_not_asked() {
    let slow = Server::start(|_, _| {
        thread::sleep(Duration::from_millis(150));
        Reply::Status(200)
    });
    let diagnosis = config(&slow.url()).diagnose(Duration::from_millis(200));
    let unanswered = |finding: &Finding| {
        finding.message().contains("the time was up") || finding.message().contains("does not answer in time")
    };
    assert!(diagnosis.findings().iter().any(unanswered), "{diagnosis}");
    assert!(slow.seen().len() < 3);
}

#[test]
fn certificates_that_are_not_trusted_are_named_with_the_option_for_it() {
    let (server, authority) = https();
    let endpoint = format!("https://localhost:{}", server.address.port());
    assert_problem(&diagnose_at(&endpoint), "connection", "signed by nobody", "HIGHLIGHT_OTLP_CERTIFICATE");

    let trusting = |endpoint: &str| diagnose_trusting(&authority, endpoint);
    let diagnosis = trusting(&endpoint);
    assert_eq!(diagnosis.verdict(), Verdict::Ok, "{diagnosis}");
    assert!(find(&diagnosis, "connection").message().contains("configured authorities"), "{diagnosis}");
    let other_name = format!("https://127.0.0.1:{}", server.address.port());
    assert_problem(&trusting(&other_name), "connection", "another name", "name");
}

/// Naming it, which is what one would try, does not help.
#[test]
fn an_authority_that_is_its_own_server_is_said_with_what_helps() {
    let (server, certificate) = https_of_an_authority();
    let endpoint = format!("https://localhost:{}", server.address.port());
    for diagnosis in [diagnose_at(&endpoint), diagnose_trusting(&certificate, &endpoint)] {
        assert_problem(&diagnosis, "connection", "calls itself an authority", "CA:FALSE");
    }
}

fn diagnose_trusting(authority: &Certificate<'static>, endpoint: &str) -> Diagnosis {
    let mut settings = config(endpoint).resolve(&|_| None).unwrap();
    settings.certificates = vec![authority.clone()];
    let mut diagnosis = Diagnosis::default();
    endpoint::check(&settings, Deadline::after(LONG), &mut diagnosis);
    diagnosis
}

#[test]
fn the_wrong_scheme_is_said_in_both_directions() {
    let plain = raw(|mut stream| {
        use std::io::{Read, Write};
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let over_tls = |endpoint: &str| diagnose_at(&endpoint.replace("http:", "https:"));
    assert_problem(&over_tls(&plain), "connection", "does not speak TLS", "http://");
    assert_problem(&over_tls(&raw(drop)), "connection", "fails", "http://");
    let (tls, _) = https();
    assert_problem(&diagnose_at(&tls.url()), "connection", "", "https://");
}

#[test]
fn a_clock_that_is_off_is_seen_in_the_answer() {
    let yesterday = SystemTime::now() - Duration::from_secs(24 * 3600);
    let server =
        Server::start(move |_, _| Reply::Full(200, ("date", httpdate::fmt_http_date(yesterday)), Vec::new()));
    let diagnosis = diagnose_at(&server.url());
    assert_eq!(find(&diagnosis, "clock").verdict(), Verdict::Warning, "{diagnosis}");
    assert!(find(&diagnosis, "clock").message().contains("24 h ahead"), "{diagnosis}");
}

#[test]
fn a_service_is_asked_as_a_browser_would() {
    let service = Server::start(|_, _| {
        Reply::Full(204, ("access-control-allow-origin", "http://shop.example".to_owned()), Vec::new())
    });
    let diagnosis = preflight(&format!("{}/orders?page=2", service.url()), "http://shop.example", LONG);
    assert_problem(
        &diagnosis,
        "preflight",
        "does not allow traceparent and x-highlight-request",
        "cors_headers",
    );
    let seen = &service.seen()[0];
    assert_eq!(seen.path, "/orders?page=2");
    assert_eq!(seen.headers["origin"], "http://shop.example");
    assert_eq!(seen.headers["access-control-request-method"], "GET");
    assert_eq!(seen.headers["access-control-request-headers"], "traceparent,x-highlight-request");

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let diagnosis = preflight(&format!("http://{free}/"), "http://shop.example", LONG);
    assert_problem(&diagnosis, "preflight", "refused", "");
}

#[test]
fn a_client_is_diagnosed_with_its_program() {
    let receiver = highlight_local::Receiver::start(0).unwrap();
    let client = Client::new(config(&receiver.endpoint())).unwrap();
    let with_layer = Dispatch::new(tracing_subscriber::registry().with(crate::layer()));
    let without = Dispatch::new(tracing_subscriber::registry());

    let diagnosis = dispatcher::with_default(&with_layer, || client.diagnose(LONG));
    assert_eq!(find(&diagnosis, "subscriber").verdict(), Verdict::Ok, "{diagnosis}");
    assert_eq!(find(&diagnosis, "spans").verdict(), Verdict::Warning, "{diagnosis}");

    dispatcher::with_default(&with_layer, || {
        client.in_scope(|| tracing::info_span!(target: "shop", "work").in_scope(|| ()));
    });
    let diagnosis = dispatcher::with_default(&with_layer, || client.diagnose(LONG));
    assert_eq!(diagnosis.verdict(), Verdict::Ok, "{diagnosis}");
    assert!(find(&diagnosis, "exports").message().starts_with("1 items produced"), "{diagnosis}");

    let diagnosis = dispatcher::with_default(&without, || client.diagnose(LONG));
    assert_problem(&diagnosis, "subscriber", "without", "highlight::layer()");
    let diagnosis = dispatcher::with_default(&Dispatch::none(), || client.diagnose(LONG));
    assert_eq!(find(&diagnosis, "subscriber").verdict(), Verdict::Warning, "{diagnosis}");

    client.shutdown(LONG).unwrap();
    assert_problem(&client.diagnose(LONG), "client", "shut down", "let _highlight");
}

#[test]
fn the_current_client_is_the_one_that_is_diagnosed() {
    let server = Server::start(|_, _| Reply::Status(200));
    let client = Client::new(config(&server.url())).unwrap();
    let diagnosis = client.in_scope(diagnose);
    assert!(find(&diagnosis, "connection").message().contains(&server.url()), "{diagnosis}");
    assert_eq!(find(&diagnose(), "client").verdict(), Verdict::Problem, "there is none here");
}

#[cfg(feature = "testing")]
#[test]
fn the_client_of_a_test_asks_nobody() {
    let capture = crate::testing::capture();
    let diagnosis = capture.client().diagnose(LONG);
    assert!(diagnosis.findings().iter().all(|finding| finding.check() != "connection"), "{diagnosis}");
    assert!(diagnosis.findings().iter().any(|finding| finding.check() == "exports"), "{diagnosis}");
}
