//! What one function records.

use example_testing::{Order, place};
use highlight::testing::{MetricValue, capture};

fn order(cents: u32) -> Order {
    Order { id: 7, customer: "ada".to_owned(), cents }
}

#[test]
fn an_order_is_logged_and_counted() {
    let telemetry = capture();
    telemetry.in_scope(|| place(&order(4200))).unwrap();

    assert_eq!(telemetry.logs().with_message("order placed").one().attributes["order"], "7");
    assert_eq!(telemetry.spans().named("charge card").one().attributes["cents"], "4200");
    let orders = telemetry.metrics().named("orders").one();
    assert_eq!((orders.value, orders.attributes["large"].as_str()), (MetricValue::Counter(1.0), "false"));
    telemetry.errors().assert_none();
}

#[test]
fn a_declined_payment_is_one_error_and_no_order() {
    let telemetry = capture();
    telemetry.in_scope(|| place(&order(99_000))).unwrap_err();

    let charge = telemetry.spans().named("charge card").one();
    assert!(charge.has_failed());
    let error = telemetry.errors().one();
    assert_eq!(error.message, "the payment was declined");
    assert_eq!(error.causes, ["the limit is 50000 cents"]);
    assert!(error.is_in(&charge));
    telemetry.metrics().named("orders").assert_none();
}
