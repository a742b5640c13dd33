//! A streaming body is still the request: each of its chunks, its end, and its drop.

use std::{
    convert::Infallible,
    error::Error,
    io,
    pin::Pin,
    sync::mpsc,
    task::{Context, Poll},
};

use actix_web::{
    HttpResponse,
    body::{BodySize, MessageBody},
    http::StatusCode,
    rt::time,
    web::{self, Bytes},
};
use futures_util::stream::{self, StreamExt};
use highlight::Level;

use crate::service::{HANG, Service, Setup, belongs_to_the_request, head, only_span};

fn chunks() -> impl stream::Stream<Item = io::Result<Bytes>> {
    stream::iter(1..=3).then(|chunk| async move {
        // Another poll than the one before.
        actix_web::rt::task::yield_now().await;
        highlight::log(Level::Info, format!("chunk {chunk}"), []);
        Ok(Bytes::from_static(b"data"))
    })
}

#[test]
fn chunks_belong_to_the_request_and_the_span_ends_after_them() {
    let setups = [true, false].map(|wrap_app| Setup { wrap_app, ..Setup::default() });
    for setup in setups {
        let wrap_scope = !setup.wrap_app;
        let service = Service::with(setup, move |config, middleware| {
            let handler = || async { HttpResponse::Ok().streaming(chunks()) };
            let route = web::get().to(handler);
            if wrap_scope {
                config.service(web::scope("/stream").wrap(middleware.clone()).route("", route));
            } else {
                config.route("/stream", route);
            }
        });
        let answer = service.send("GET", "/stream");
        assert_eq!(answer.body.matches("data").count(), 3, "{answer:?}");
        let stored = service.stored();
        belongs_to_the_request(&stored);
        let span = only_span(&stored);
        assert_eq!((span.name.as_str(), span.status_code), ("GET /stream", "Unset"));
        assert_eq!(stored.logs.len(), 3);
        for log in &stored.logs {
            assert!(span.end() >= log.sent_time, "the span ends before {}", log.message);
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the report broke off")]
struct BrokenOff(#[source] io::Error);

#[test]
fn a_failing_body_is_reported_once_with_its_chain() {
    for logged in [false, true] {
        let service = Service::new(move |config| {
            let handler = move || async move {
                let failure = stream::once(async move {
                    let error = BrokenOff(io::Error::other("disk gone"));
                    if logged {
                        tracing::error!(error = &error as &dyn Error, "no more");
                    }
                    Err(error)
                });
                let chunks = chunks().map(|chunk| chunk.map_err(BrokenOff));
                HttpResponse::Ok().streaming(chunks.chain(failure))
            };
            config.route("/stream", web::get().to(handler));
        });
        assert_eq!(service.send("GET", "/stream").status, 200);
        let stored = service.stored();
        belongs_to_the_request(&stored);
        assert_eq!(stored.errors.len(), 1, "{:#?}", stored.errors);
        let error = &stored.errors[0];
        assert_eq!(error.event, "the report broke off");
        assert_eq!(error.payload["exception.causes.0"], "disk gone");
        let span = only_span(&stored);
        assert_eq!((span.status_code, span.status_message.as_str()), ("Error", "the report broke off"));
        assert_eq!(span.attributes["error.type"], "body error");
        assert_eq!(span.attributes["http.response.status_code"], "200");
    }
}

/// Says when and, by its log line, in which request it is dropped.
struct Witness(mpsc::Sender<()>);

impl Drop for Witness {
    fn drop(&mut self) {
        highlight::log(Level::Info, "body dropped", []);
        // Where nobody waits for it, that is not this test's affair.
        let _ = self.0.send(());
    }
}

#[test]
fn a_client_that_goes_away_during_the_body_is_recorded() {
    let (send, dropped) = mpsc::channel();
    let service = Service::new(move |config| {
        let send = send.clone();
        let handler = move || {
            let witness = Witness(send.clone());
            let endless = stream::repeat(()).then(move |()| {
                let _ = &witness;
                async {
                    time::sleep(std::time::Duration::from_millis(1)).await;
                    Ok::<_, Infallible>(Bytes::from_static(b"data"))
                }
            });
            async { HttpResponse::Ok().streaming(endless) }
        };
        config.route("/stream", web::get().to(handler));
    });
    let mut connection = service.connect();
    connection.write(&format!("{}\r\n", head("GET", "/stream", crate::service::SESSION)));
    connection.read_until("data");
    drop(connection);
    dropped.recv_timeout(HANG).unwrap();

    let stored = service.stored();
    belongs_to_the_request(&stored);
    let span = only_span(&stored);
    assert_eq!((span.status_code, span.attributes["error.type"].as_str()), ("Error", "cancelled"));
    assert_eq!(span.attributes["http.response.status_code"], "200");
    assert_eq!(stored.logs[0].message, "body dropped");
    assert!(stored.errors.is_empty());
}

/// A body that nobody is to read; it says what becomes of it.
struct Unread {
    size: BodySize,
    _witness: Witness,
}

impl MessageBody for Unread {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.size
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        highlight::log(Level::Info, "body polled", []);
        Poll::Ready(None)
    }
}

#[test]
fn responses_without_a_body_end_with_their_head() {
    let table = [
        ("GET", StatusCode::NO_CONTENT, BodySize::None),
        ("GET", StatusCode::NOT_MODIFIED, BodySize::Stream),
        ("GET", StatusCode::OK, BodySize::Sized(0)),
        ("GET", StatusCode::OK, BodySize::None),
        ("HEAD", StatusCode::OK, BodySize::Stream),
    ];
    for (method, status, size) in table {
        let (send, _dropped) = mpsc::channel();
        let service = Service::new(move |config| {
            let send = send.clone();
            let handler = move || {
                let body = Unread { size, _witness: Witness(send.clone()) };
                async move { HttpResponse::with_body(status, body) }
            };
            config.route("/", web::route().to(handler));
        });
        assert_eq!(service.send(method, "/").status, status.as_u16());
        let stored = service.stored();
        let span = only_span(&stored);
        assert_eq!(span.status_code, "Unset", "{method} {status} {size:?}");
        assert_eq!(stored.logs.last().unwrap().message, "body dropped");
        // Actix polls some of them all the same; others it drops at once.
        for log in stored.logs.iter().filter(|log| log.message == "body polled") {
            assert!(span.end() <= log.sent_time, "{method} {status} {size:?}: {}", log.message);
        }
        belongs_to_the_request(&stored);
    }
}

#[test]
fn an_upgraded_connection_keeps_its_request() {
    let service = Service::new(|config| {
        let handler = || async { HttpResponse::SwitchingProtocols().upgrade("echo").streaming(chunks()) };
        config.route("/socket", web::get().to(handler));
    });
    let answer = service.send_with("GET", "/socket", "upgrade: echo\r\n", "");
    assert_eq!(answer.status, 101);
    let stored = service.stored();
    belongs_to_the_request(&stored);
    assert_eq!(stored.logs.len(), 3, "{answer:?}");
    let span = only_span(&stored);
    assert_eq!((span.status_code, span.attributes["http.response.status_code"].as_str()), ("Unset", "101"));
    assert!(span.end() <= stored.logs[0].sent_time, "the span does not last as long as the connection");
}
