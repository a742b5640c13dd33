//! What a request to the router records.

#![expect(clippy::unwrap_used, reason = "a test's panic is its verdict")]

use axum::{body::Body, http::Request};
use example_testing::router;
use highlight::testing::{Capture, capture};
use tower::ServiceExt;

/// A browser's call in the capture. The server's span ends with the response, which is dropped here.
async fn post(path: &str, telemetry: &Capture) -> u16 {
    let request = Request::post(path).header("x-highlight-request", "session1/request001");
    let request = request.body(Body::empty()).unwrap();
    telemetry.scope(router().oneshot(request)).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn an_error_is_in_the_session_that_saw_it() {
    let telemetry = capture();
    assert_eq!(post("/customers/ada/orders/99000", &telemetry).await, 500);

    let error = telemetry.errors().with_message("the payment was declined").one();
    assert_eq!(error.session_id.as_deref(), Some("session1"));
    assert_eq!(error.request_id.as_deref(), Some("request001"));
    assert_eq!(error.user_id.as_deref(), Some("ada"));
}

#[tokio::test]
async fn a_request_is_one_trace() {
    let telemetry = capture();
    assert_eq!(post("/customers/ada/orders/4200", &telemetry).await, 200);

    let server = telemetry.spans().named("POST /customers/{customer}/orders/{cents}").one();
    assert!(telemetry.spans().named("charge card").one().is_child_of(&server));
    assert!(telemetry.logs().one().is_in(&server));
    telemetry.assert_one_trace();
}
