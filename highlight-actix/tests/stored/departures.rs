//! The client goes away while the handler works.

use std::sync::mpsc;

use actix_web::web;
use highlight::Level;

use crate::service::{HANG, SESSION, Service, Setup, belongs_to_the_request, head, only_span};

/// Says when it is dropped, and logs it.
struct Witness(mpsc::Sender<&'static str>);

impl Drop for Witness {
    fn drop(&mut self) {
        highlight::log(Level::Warn, "given up", []);
        self.0.send("dropped").unwrap();
    }
}

#[test]
fn a_dropped_handler_is_a_cancelled_request() {
    let (send, seen) = mpsc::channel();
    let setup = Setup { half_closed: false, ..Setup::default() };
    let service = Service::with(setup, move |config, _| {
        let send = send.clone();
        let handler = move || {
            let send = send.clone();
            async move {
                let _witness = Witness(send.clone());
                send.send("begun").unwrap();
                std::future::pending::<&str>().await
            }
        };
        config.service(web::scope("/orders").route("/{id}", web::get().to(handler)));
    });
    let mut connection = service.connect();
    connection.write(&format!("{}\r\n", head("GET", "/orders/7", SESSION)));
    assert_eq!(seen.recv_timeout(HANG), Ok("begun"));
    drop(connection);
    assert_eq!(seen.recv_timeout(HANG), Ok("dropped"));

    let stored = service.stored();
    belongs_to_the_request(&stored);
    assert_eq!(stored.logs[0].message, "given up");
    let span = only_span(&stored);
    assert_eq!(span.name, "GET /orders/{id}", "the route is known without an answer");
    assert_eq!((span.status_code, span.attributes["error.type"].as_str()), ("Error", "cancelled"));
    assert_eq!(span.attributes["http.route"], "/orders/{id}");
    assert!(!span.attributes.contains_key("http.response.status_code"));
    assert!(stored.errors.is_empty());
}

/// Actix's default: the handler goes on, and so does the request.
#[test]
fn a_handler_that_goes_on_without_its_client_is_no_cancelled_request() {
    let (send, seen) = mpsc::channel();
    let service = Service::new(move |config| {
        let send = send.clone();
        let handler = move || {
            let send = send.clone();
            async move {
                send.send("begun").unwrap();
                actix_web::rt::task::yield_now().await;
                highlight::log(Level::Info, "still at it", []);
                "done"
            }
        };
        config.route("/", web::get().to(handler));
    });
    let mut connection = service.connect();
    connection.write(&format!("{}\r\n", head("GET", "/", SESSION)));
    connection.finish();
    assert_eq!(seen.recv_timeout(HANG), Ok("begun"));
    assert_eq!(connection.read_to_end().body, "done");
    let stored = service.stored();
    belongs_to_the_request(&stored);
    assert_eq!(stored.logs.len(), 1);
    assert_eq!(only_span(&stored).status_code, "Unset");
}
