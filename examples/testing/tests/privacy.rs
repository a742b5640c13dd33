//! What leaves the process with the program's own configuration.

use example_testing::{Order, place, telemetry};
use highlight::testing::capture_with;

#[test]
fn the_gateways_token_never_leaves() {
    let telemetry = capture_with(telemetry());
    telemetry.in_scope(|| place(&Order { id: 7, customer: "ada".to_owned(), cents: 4200 })).unwrap();

    let charging = telemetry.logs().with_message("charging").one();
    assert_eq!(charging.attributes["gateway"], "https://cards.example/charge?token=[REDACTED]");
    assert!(!telemetry.to_string().contains("4f2a"), "{telemetry}");
}
