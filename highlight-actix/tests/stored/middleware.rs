//! Other middleware above and below ours, and a middleware that is not there.

use actix_web::{
    body::{BoxBody, to_bytes},
    dev::{self, Service as _, ServiceRequest},
    middleware::{Logger, Next, from_fn},
    test::{TestRequest, init_service},
    web,
};
use highlight::Level;
use highlight_actix::HighlightMiddleware;

use crate::service::{Service, belongs_to_the_request, only_span};

#[test]
fn middleware_below_is_part_of_the_request() {
    let service = Service::new(|config| {
        let sync = |request, service: &_| {
            highlight::log(Level::Info, "called", []);
            dev::Service::call(service, request)
        };
        let logging = from_fn(async |request: ServiceRequest, next: Next<BoxBody>| {
            highlight::log(Level::Info, "before", []);
            let response = next.call(request).await;
            highlight::log(Level::Info, "after", []);
            response
        });
        let scope = web::scope("/orders").wrap(logging).wrap_fn(sync).wrap(Logger::default());
        config.service(scope.route("/{id}", web::get().to(|| async { "order" })));
    });
    assert_eq!(service.send("GET", "/orders/7").body, "order");
    let stored = service.stored();
    belongs_to_the_request(&stored);
    let messages: Vec<_> = stored.logs.iter().map(|log| log.message.as_str()).collect();
    assert_eq!(messages, ["called", "before", "after"]);
    assert_eq!(only_span(&stored).name, "GET /orders/{id}");
}

/// Without a client nothing is recorded, and nothing is different.
#[test]
fn without_a_client_requests_pass_untouched() {
    let system = actix_web::rt::System::new();
    system.block_on(async {
        let app = actix_web::App::new()
            .wrap(HighlightMiddleware::new())
            .route("/", web::get().to(|| async { "home" }));
        let app = init_service(app).await;
        let response = app.call(TestRequest::get().to_request()).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(to_bytes(response.into_body()).await.unwrap_or_default(), "home");
    });
}
