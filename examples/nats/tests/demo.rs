//! A message through a real NATS server, and what a Highlight server would show of it.

use std::{
    io::{self, Write},
    process::Command,
};

#[test]
fn the_worker_is_below_the_shop_in_one_request() {
    let output = Command::new(env!("CARGO_BIN_EXE_nats")).output().unwrap();
    let (timeline, complaint) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    if let Some(reason) = complaint.lines().find(|line| line.contains("there is no NATS server")) {
        // Not `eprintln!`, which a passing test does not show.
        writeln!(io::stderr(), "skipped: {reason}").unwrap();
        return;
    }
    assert!(output.status.success(), "{complaint}");

    let lines: Vec<_> = timeline.lines().collect();
    let depth = |text: &str| {
        let line = lines.iter().find(|line| line.contains(text));
        line.unwrap_or_else(|| panic!("{text:?} in {timeline}")).find(text)
    };
    assert!(lines[0].starts_with("session WnjGsMDL"), "{timeline}");
    assert!(lines[0].ends_with("1 request"), "{timeline}");
    let [request, send, process, ship] =
        ["shop  POST /orders", "shop  send orders.{id}", "worker  process orders.{id}", "worker  ship"]
            .map(depth);
    assert!(request < send && send < process && process < ship, "{timeline}");
    depth("INFO  worker  order shipped");
    assert!(!timeline.contains("no session"), "{timeline}");
}
