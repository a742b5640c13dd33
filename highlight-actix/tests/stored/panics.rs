//! A panic is an error of severity fatal, and ends neither the worker nor the process.

use actix_web::{HttpResponse, web};
use futures_util::stream;
use highlight_local::model::Level;

use crate::service::{SESSION, Service, Setup, head};

#[test]
fn a_panic_is_reported_and_the_worker_goes_on() {
    async fn handler(id: web::Path<u32>) -> String {
        actix_web::rt::task::yield_now().await;
        assert_ne!(*id, 7, "seven is not served");
        id.to_string()
    }
    for wrap_app in [true, false] {
        let setup = Setup { wrap_app, ..Setup::default() };
        let service = Service::with(setup, move |config, middleware| {
            let scope = web::scope("/orders");
            if wrap_app {
                config.service(scope.route("/{id}", web::get().to(handler)));
            } else {
                config.service(scope.wrap(middleware.clone()).route("/{id}", web::get().to(handler)));
            }
        });
        assert_eq!(service.send("GET", "/orders/7").status, 0, "a panic ends the connection");
        let mut next = service.connect();
        next.write(&format!("{}connection: close\r\n\r\n", head("GET", "/orders/8", "another")));
        assert_eq!(next.read_to_end().body, "8");

        let stored = service.stored();
        assert_eq!(stored.spans.len(), 2);
        let of = |session: &str| stored.spans.iter().find(|span| span.origin.session_id == session).unwrap();
        let panicked = of(SESSION);
        assert_eq!((panicked.status_code, panicked.attributes["error.type"].as_str()), ("Error", "panic"));
        assert_eq!(panicked.name, "GET /orders/{id}");
        assert_eq!(of("another").status_code, "Unset");

        assert_eq!(stored.errors.len(), 1, "{:#?}", stored.errors);
        let error = &stored.errors[0];
        assert_eq!(error.level, Level::Fatal);
        assert!(error.event.contains("seven is not served"), "{}", error.event);
        assert_eq!(
            (&error.origin.session_id, &error.span_id),
            (&panicked.origin.session_id, &panicked.span_id)
        );
        assert!(error.frames[0].file.as_deref().unwrap().ends_with("panics.rs"), "{:#?}", error.frames);
    }
}

#[test]
fn so_is_a_panic_in_the_body() {
    let service = Service::new(|config| {
        let handler = || async {
            let broken = stream::once(async { panic!("the body is broken") });
            HttpResponse::Ok().streaming::<_, std::io::Error>(broken)
        };
        config.route("/", web::get().to(handler));
    });
    service.send("GET", "/");
    let stored = service.stored();
    crate::service::belongs_to_the_request(&stored);
    assert_eq!(stored.errors.len(), 1);
    assert_eq!(
        (stored.errors[0].level, stored.errors[0].event.as_str()),
        (Level::Fatal, "the body is broken")
    );
    assert_eq!(stored.spans[0].attributes["error.type"], "panic");
}
