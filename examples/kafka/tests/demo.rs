//! A message through librdkafka and its mock cluster, and what a Highlight server would show of it.

use std::process::Command;

#[test]
fn the_worker_is_below_the_shop_in_one_request() {
    let output = Command::new(env!("CARGO_BIN_EXE_kafka")).output().unwrap();
    let (timeline, complaint) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success(), "{complaint}");

    let lines: Vec<_> = timeline.lines().collect();
    let depth = |text: &str| {
        let line = lines.iter().find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("{text:?} in {timeline}")).find(text)
    };
    assert!(lines[0].starts_with("session WnjGsMDL"), "{timeline}");
    assert!(lines[0].ends_with("1 request"), "{timeline}");
    let [request, send, process, ship] =
        ["shop  POST /orders", "shop  send orders", "worker  process orders", "worker  ship"].map(depth);
    assert!(request < send && send < process && process < ship, "{timeline}");
    depth("INFO  worker  order shipped");
    assert!(!timeline.contains("no session"), "{timeline}");
}
