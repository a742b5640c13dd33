//! A page of another origin asks before it calls (C§4.1).

use actix_cors::Cors;
use actix_web::web;
use highlight::propagation::CORS_HEADERS;

use crate::service::{Answer, SESSION, Service, Setup, only_span};

#[test]
fn a_preflight_allows_the_headers_and_the_call_is_stored() {
    let service = Service::with(Setup { wrap_app: false, ..Setup::default() }, |config, highlight| {
        let cors = Cors::default()
            .allowed_origin("https://shop.example")
            .allowed_methods(["GET"])
            .allowed_headers(CORS_HEADERS);
        let orders = web::scope("/orders").route("/{id}", web::get().to(|| async { "an order" }));
        config.service(orders.wrap(highlight.clone()).wrap(cors));
    });

    let mut browser = service.connect();
    browser.write(
        "OPTIONS /orders/7 HTTP/1.1\r\nhost: api.example\r\norigin: https://shop.example\r\nconnection: close\r\n\
         access-control-request-method: GET\r\naccess-control-request-headers: traceparent,x-highlight-request\r\n\r\n",
    );
    let answer = browser.read_to_end();
    assert_eq!(answer.status, 200, "{answer:?}");
    let allowed = header(&answer, "access-control-allow-headers").unwrap_or_default();
    for name in ["x-highlight-request", "traceparent"] {
        assert!(allowed.split(',').any(|allowed| allowed.trim() == name), "{name} in {allowed:?}");
    }

    let answer = service.send_with("GET", "/orders/7", "origin: https://shop.example\r\n", "");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(header(&answer, "access-control-allow-origin"), Some("https://shop.example"));
    let stored = service.stored();
    assert_eq!(only_span(&stored).origin.session_id, SESSION);
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
