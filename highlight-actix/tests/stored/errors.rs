//! Errors of handlers and middleware: once each, with their chain.

use std::{error::Error, io};

use actix_web::{
    HttpResponse, ResponseError,
    error::{ErrorBadRequest, ErrorInternalServerError, InternalError},
    http::StatusCode,
    middleware::from_fn,
    web::{self, ServiceConfig},
};
use highlight_actix::HandlerError;
use highlight_local::{Snapshot, model::ErrorObject};

use crate::service::{REQUEST, SESSION, Service, Setup, belongs_to_the_request, only_span};

const MESSAGE: &str = "the order was not placed";
const CAUSE: &str = "card expired";

#[derive(Debug, thiserror::Error)]
#[error("{}", MESSAGE)]
struct ShopError(#[source] io::Error);

impl ShopError {
    fn new() -> Self {
        Self(io::Error::other(CAUSE))
    }
}

impl ResponseError for ShopError {
    fn status_code(&self) -> StatusCode {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

/// One request to a service with these routes, which know `/fail`.
fn stored_of(adapt: Setup, status: u16, routes: fn(&mut ServiceConfig)) -> Snapshot {
    let service = Service::with(adapt, move |config, _| routes(config));
    assert_eq!(service.send("GET", "/fail").status, status);
    let books = service.client.clone();
    let stored = service.stored();
    belongs_to_the_request(&stored);
    let span = only_span(&stored);
    assert_eq!(span.attributes["http.response.status_code"], status.to_string());
    if status >= 500 {
        assert_eq!(
            (span.status_code, span.attributes["error.type"].as_str()),
            ("Error", status.to_string().as_str())
        );
    }
    assert_eq!(books.stats().dropped.total(), 0);
    stored
}

fn only_error(stored: &Snapshot) -> &ErrorObject {
    assert_eq!(stored.errors.len(), 1, "{:#?}", stored.errors);
    &stored.errors[0]
}

/// The error says nothing of the place where the middleware saw it.
fn has_no_place(error: &ErrorObject) {
    assert!(error.frames.is_empty(), "{:#?}", error.frames);
    assert!(!error.payload.contains_key("code.file.path"));
}

#[test]
fn question_mark_reports_once_with_its_line_and_answers_a_bare_500() {
    async fn handler() -> Result<String, HandlerError> {
        let secret = Err::<String, _>(io::Error::other("password=hunter2 was wrong"));
        Ok(secret?)
    }
    let line = line!() - 2;
    let service = Service::new(|config| {
        config.route("/fail", web::get().to(handler));
    });
    let answer = service.send("GET", "/fail");
    assert_eq!(answer.status, 500);
    assert_eq!(answer.body, r#"{"error": "Internal Server Error", "requestId": "request001"}"#);
    assert!(answer.head.contains("content-type: application/json"), "{}", answer.head);

    let client = service.client.clone();
    let stored = service.stored();
    assert_eq!(client.stats().suppressed, 0, "the middleware does not even try");
    let error = only_error(&stored);
    assert_eq!(error.sent_type, "std::io::error::Error");
    assert_eq!(error.origin.session_id, SESSION);
    assert_eq!(error.trace_id, REQUEST);
    assert_eq!(error.payload["code.line.number"], line.to_string());
    assert_eq!(error.frames[0].line, Some(line), "{:#?}", error.frames);
    assert!(error.frames.iter().all(|frame| frame.column.is_none() && frame.file.is_some()));
    assert_eq!(stored.spans[0].status_code, "Error");
    assert_eq!(stored.spans[0].attributes["error.type"], "500");
}

#[test]
fn texts_and_boxed_errors_convert_too() {
    async fn text() -> Result<HttpResponse, HandlerError> {
        Err("just a text")?
    }
    async fn boxed() -> Result<HttpResponse, HandlerError> {
        Err(Box::<dyn Error + Send + Sync>::from("in a box"))?
    }
    let service = Service::new(|config| {
        config.route("/text", web::get().to(text)).route("/boxed", web::get().to(boxed));
    });
    service.send("GET", "/text");
    service.send("GET", "/boxed");
    let stored = service.stored();
    let mut events: Vec<_> = stored.errors.iter().map(|error| error.event.as_str()).collect();
    events.sort_unstable();
    assert_eq!(events, ["in a box", "just a text"]);
    assert!(stored.errors.iter().all(|error| error.sent_type.is_empty()), "{:#?}", stored.errors);
}

#[test]
fn handler_errors_pass_as_actix_errors() {
    async fn handler() -> actix_web::Result<String> {
        Err(HandlerError::from(ShopError::new()))?
    }
    let stored = stored_of(Setup::default(), 500, |config| {
        config.route("/fail", web::get().to(handler));
    });
    let error = only_error(&stored);
    assert_eq!((error.event.as_str(), error.payload["exception.causes.0"].as_str()), (MESSAGE, CAUSE));
}

async fn shop_error() -> Result<String, ShopError> {
    Err(ShopError::new())
}

#[test]
fn a_response_error_is_reported_with_its_message() {
    let stored = stored_of(Setup::default(), 503, |config| {
        config.route("/fail", web::get().to(shop_error));
    });
    let error = only_error(&stored);
    assert_eq!((error.event.as_str(), error.sent_type.as_str()), (MESSAGE, ""));
    assert_eq!(only_span(&stored).status_message, MESSAGE);
    has_no_place(error);
}

#[test]
fn a_response_error_of_a_known_type_is_reported_with_its_chain() {
    let setup = Setup { adapt: |middleware| middleware.with_error_type::<ShopError>(), ..Setup::default() };
    let stored = stored_of(setup, 503, |config| {
        config.route("/fail", web::get().to(shop_error));
    });
    let error = only_error(&stored);
    assert_eq!((error.event.as_str(), error.payload["exception.causes.0"].as_str()), (MESSAGE, CAUSE));
    assert!(error.sent_type.ends_with("::ShopError"), "{}", error.sent_type);
    has_no_place(error);
}

#[test]
fn boxed_and_io_errors_are_known_without() {
    async fn boxed() -> Result<String, Box<dyn Error>> {
        Err(ShopError::new())?
    }
    async fn of_io() -> io::Result<String> {
        Err(io::Error::other(ShopError::new()))
    }
    let stored = stored_of(Setup::default(), 500, |config| {
        config.route("/fail", web::get().to(boxed));
    });
    let error = only_error(&stored);
    assert_eq!((error.event.as_str(), error.payload["exception.causes.0"].as_str()), (MESSAGE, CAUSE));

    let stored = stored_of(Setup::default(), 500, |config| {
        config.route("/fail", web::get().to(of_io));
    });
    let error = only_error(&stored);
    assert_eq!(error.sent_type, "std::io::error::Error");
    assert_eq!((error.event.as_str(), error.payload["exception.causes.0"].as_str()), (MESSAGE, CAUSE));
}

#[test]
fn errors_with_a_status_of_their_own_are_reported_from_500_up() {
    let stored = stored_of(Setup::default(), 500, |config| {
        let handler = || async { Err::<String, _>(ErrorInternalServerError(ShopError::new())) };
        config.route("/fail", web::get().to(handler));
    });
    assert_eq!(only_error(&stored).event, MESSAGE);

    let stored = stored_of(Setup::default(), 400, |config| {
        let handler = || async { Err::<String, _>(ErrorBadRequest(ShopError::new())) };
        config.route("/fail", web::get().to(handler));
    });
    assert!(stored.errors.is_empty(), "{:#?}", stored.errors);
    assert_eq!(only_span(&stored).status_code, "Unset");
}

#[test]
fn a_response_without_an_error_is_a_failed_span_and_nothing_else() {
    let stored = stored_of(Setup::default(), 502, |config| {
        config.route("/fail", web::get().to(HttpResponse::BadGateway));
    });
    assert!(stored.errors.is_empty() && stored.logs.is_empty());
}

/// Every way in which the same failure may show up before it is returned.
#[test]
fn what_was_seen_before_is_not_reported_again() {
    const SIGHTINGS: [fn(&ShopError); 4] = [
        |error| highlight::consume_error(error),
        |error| tracing::error!(error = error as &dyn Error, "checkout failed"),
        |error| tracing::error!(%error, "checkout failed"),
        |error| tracing::error!(?error, "checkout failed"),
    ];
    for (n, see) in SIGHTINGS.into_iter().enumerate() {
        for adapt in [Setup::default().adapt, |middleware| middleware.with_error_type::<ShopError>()] {
            let service = Service::with(Setup { adapt, ..Setup::default() }, move |config, _| {
                let handler = move || async move {
                    let error = ShopError::new();
                    see(&error);
                    Err::<String, _>(error)
                };
                config.route("/fail", web::get().to(handler));
            });
            assert_eq!(service.send("GET", "/fail").status, 503);
            let client = service.client.clone();
            let stored = service.stored();
            belongs_to_the_request(&stored);
            assert_eq!(stored.errors.len(), 1, "sighting {n}: {:#?}", stored.errors);
            assert_eq!(client.stats().suppressed, 1, "sighting {n}");
        }
    }
}

#[test]
fn a_middleware_that_fails_is_reported_too() {
    let stored = stored_of(Setup::default(), 503, |config| {
        let fail = from_fn(async |_, _: actix_web::middleware::Next<actix_web::body::BoxBody>| {
            Err::<actix_web::dev::ServiceResponse, _>(ShopError::new().into())
        });
        config.service(web::scope("/fail").wrap(fail));
    });
    assert_eq!(only_error(&stored).event, MESSAGE);
}

#[test]
fn a_middlewares_handler_error_is_answered_with_the_request_id() {
    let service = Service::new(|config| {
        let fail = from_fn(async |_, _: actix_web::middleware::Next<actix_web::body::BoxBody>| {
            Err::<actix_web::dev::ServiceResponse, _>(HandlerError::from(ShopError::new()).into())
        });
        config.service(web::scope("/fail").wrap(fail));
    });
    let answer = service.send("GET", "/fail");
    assert_eq!((answer.status, answer.body.contains(REQUEST)), (500, true), "{answer:?}");
    let stored = service.stored();
    assert_eq!(only_error(&stored).payload["exception.causes.0"], CAUSE);
    assert_eq!(only_span(&stored).attributes["http.response.status_code"], "500");
}

/// Such an error holds one response, which can be taken once: by the server, not by us.
#[test]
fn a_ready_made_response_is_left_to_the_server() {
    let service = Service::new(|config| {
        let fail = from_fn(async |_, _: actix_web::middleware::Next<actix_web::body::BoxBody>| {
            let response = HttpResponse::GatewayTimeout().body("try again");
            let error = InternalError::from_response(ShopError::new(), response);
            Err::<actix_web::dev::ServiceResponse, _>(error.into())
        });
        config.service(web::scope("/fail").wrap(fail));
    });
    let answer = service.send("GET", "/fail");
    assert_eq!((answer.status, answer.body.as_str()), (504, "try again"));
    let stored = service.stored();
    assert_eq!(only_error(&stored).event, MESSAGE);
    assert_eq!(only_span(&stored).attributes["http.response.status_code"], "504");
}
