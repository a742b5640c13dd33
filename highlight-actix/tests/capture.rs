//! `highlight::testing` and an app with a capture's client. By itself, because a capture installs a logger.

use actix_web::{
    App,
    test::{TestRequest, call_and_read_body, init_service},
    web,
};
use highlight_actix::HighlightMiddleware;

#[actix_web::test]
async fn a_capture_takes_what_an_app_with_its_client_records() {
    let telemetry = highlight::testing::capture();
    let highlight = HighlightMiddleware::new().with_client(telemetry.client().clone());
    let handler = || async {
        tracing::warn!("no order");
        "none"
    };
    let app = init_service(App::new().wrap(highlight).route("/orders/{id}", web::get().to(handler))).await;
    let request = TestRequest::get().uri("/orders/7").insert_header(("x-highlight-request", "session1/r1"));
    call_and_read_body(&app, request.to_request()).await;
    let log = telemetry.logs().one();
    assert_eq!((log.message.as_str(), log.session_id.as_deref()), ("no order", Some("session1")));
    assert!(log.is_in(&telemetry.spans().named("GET /orders/{id}").one()));
}
