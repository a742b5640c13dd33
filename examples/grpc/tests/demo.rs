//! Two calls through both services, and what a Highlight server would show of them.

use std::process::Command;

#[test]
fn the_inventory_is_below_the_storefront_in_each_request() {
    let output = Command::new(env!("CARGO_BIN_EXE_example-grpc")).output().unwrap();
    let (timeline, complaint) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{complaint}");
    assert!(timeline.starts_with("session WnjGsMDL"), "{timeline}");
    assert!(timeline.lines().next().unwrap().ends_with("2 requests, 1 error"), "{timeline}");

    // From the outermost span to the innermost.
    let line = [
        "storefront  shop.Storefront/Checkout",
        "storefront  shop.Inventory/Reserve",
        "inventory  shop.Inventory/Reserve",
        "inventory  find",
    ];
    for request in timeline.split("request ").skip(1).take(2) {
        let depths = line.map(|text| {
            let found = request.lines().find_map(|line| line.find(text));
            found.unwrap_or_else(|| panic!("{text:?} in {request}"))
        });
        assert!(depths.is_sorted_by(|outer, inner| outer < inner), "{timeline}");
    }
    assert_eq!(timeline.matches("INFO  inventory  piece reserved").count(), 2, "{timeline}");
    let error = "ERROR inventory  the shelf was not found";
    assert_eq!(timeline.matches(error).count(), 1, "{timeline}");
    for text in
        ["<- the scanner does not answer", "src/inventory.rs:", "error: the shelf was not found", "INTERNAL"]
    {
        assert!(timeline.contains(text), "{text:?} in {timeline}");
    }
    assert!(!timeline.contains("no session"), "{timeline}");
}
