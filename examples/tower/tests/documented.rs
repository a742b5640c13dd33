//! What the program leaves behind is what its documentation shows.

#![cfg(unix)]

#[test]
fn two_requests() {
    example_support::assert_orders_documented(
        env!("CARGO_BIN_EXE_example-tower"),
        include_str!("../src/main.rs"),
    );
}
