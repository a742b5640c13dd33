//! Request bodies that are malformed, too large, or end too early.

use actix_web::{
    HttpResponse,
    web::{self, Bytes, PayloadConfig},
};
use futures_util::StreamExt;
use highlight_actix::HandlerError;

use crate::service::{SESSION, Service, belongs_to_the_request, head, only_span};

#[test]
fn what_the_client_sends_wrong_is_no_error_of_the_server() {
    let service = || {
        Service::new(|config| {
            config
                .app_data(PayloadConfig::new(8))
                .route("/json", web::post().to(|_: web::Json<Vec<u8>>| HttpResponse::Ok()))
                .route("/bytes", web::post().to(|_: Bytes| HttpResponse::Ok()));
        })
    };
    let table = [
        ("/json", "content-type: application/json\r\n", "{", 400),
        ("/json", "content-type: text/plain\r\n", "[]", 400),
        ("/bytes", "", "more than eight bytes", 413),
    ];
    for (path, headers, body, status) in table {
        let service = service();
        assert_eq!(service.send_with("POST", path, headers, body).status, status);
        let stored = service.stored();
        belongs_to_the_request(&stored);
        let span = only_span(&stored);
        assert_eq!((span.name.as_str(), span.status_code), (format!("POST {path}").as_str(), "Unset"));
        assert!(stored.errors.is_empty(), "{:#?}", stored.errors);
    }
}

/// Sends half a body, and then nothing more.
fn send_half(service: &Service, path: &str) -> u16 {
    let mut connection = service.connect();
    connection.write(&format!("{}content-length: 10\r\n\r\nhalf", head("POST", path, SESSION)));
    connection.finish();
    connection.read_to_end().status
}

#[test]
fn a_body_that_breaks_off_reaches_the_handler_as_an_error_of_the_request() {
    async fn handler(mut payload: web::Payload) -> Result<String, HandlerError> {
        let mut size = 0;
        while let Some(chunk) = payload.next().await {
            size += chunk?.len();
        }
        Ok(size.to_string())
    }
    let service = Service::new(|config| {
        config.route("/upload", web::post().to(handler));
    });
    assert_eq!(send_half(&service, "/upload"), 500);
    let stored = service.stored();
    belongs_to_the_request(&stored);
    assert_eq!(stored.errors.len(), 1, "{:#?}", stored.errors);
    assert!(stored.errors[0].sent_type.ends_with("PayloadError"), "{}", stored.errors[0].sent_type);
    assert!(stored.errors[0].frames[0].file.as_deref().unwrap().ends_with("payloads.rs"));
}

#[test]
fn the_same_in_an_extractor_is_the_clients_affair() {
    let service = Service::new(|config| {
        config.route("/upload", web::post().to(|_: Bytes| HttpResponse::Ok()));
    });
    assert_eq!(send_half(&service, "/upload"), 400);
    let stored = service.stored();
    belongs_to_the_request(&stored);
    assert_eq!(only_span(&stored).status_code, "Unset");
    assert!(stored.errors.is_empty(), "{:#?}", stored.errors);
}
