//! Every shape of the header (C§4.1, C§4.2): what is understood counts, the rest is ignored, nothing fails.

use anyhow::{Result, ensure};

use super::Scenario;
use crate::{
    Framework,
    cell::{Cell, SESSION, W3C},
    framework::Need,
    handler::Reply,
    wire::{REQUEST_HEADER, Request},
};

struct Shape {
    name: &'static str,
    /// The header lines, after `x-highlight-request: `.
    lines: &'static [&'static [u8]],
    session: &'static str,
    /// The effective id; the trace's own if empty.
    request: &'static str,
}

const SHAPES: [Shape; 19] = [
    Shape { name: "absent", lines: &[], session: "", request: "" },
    Shape {
        name: "short_request_id",
        lines: &[b"WnjGsMDLJ0vZTjMUZrTFYaSjbGqA/9k2hTq81Lx"],
        session: SESSION,
        request: "9k2hTq81Lx",
    },
    Shape {
        name: "w3c_request_id",
        lines: &[b"WnjGsMDLJ0vZTjMUZrTFYaSjbGqA/0af7651916cd43dd8448eb211c80319c"],
        session: SESSION,
        request: W3C,
    },
    Shape { name: "any_length", lines: &[b"987654/321654"], session: "987654", request: "321654" },
    Shape {
        name: "two_members",
        lines: &[b"S/9k2hTq81Lx, S/4bXc0Zr7Qp"],
        session: "S",
        request: "9k2hTq81Lx",
    },
    Shape { name: "two_members_no_space", lines: &[b"S/r1,S/r2"], session: "S", request: "r1" },
    Shape { name: "empty_first_member", lines: &[b", S/r1"], session: "S", request: "r1" },
    Shape { name: "two_lines", lines: &[b"S/r1", b"S/r2"], session: "S", request: "r1" },
    Shape { name: "session_only", lines: &[b"a"], session: "a", request: "" },
    Shape { name: "session_and_slash", lines: &[b"a/"], session: "a", request: "" },
    Shape { name: "request_only", lines: &[b"/b"], session: "", request: "b" },
    Shape { name: "third_part", lines: &[b"a/b/c"], session: "a", request: "b" },
    Shape { name: "slash_only", lines: &[b"/"], session: "", request: "" },
    Shape { name: "empty", lines: &[b""], session: "", request: "" },
    Shape { name: "commas_only", lines: &[b" , ,"], session: "", request: "" },
    Shape { name: "space_inside", lines: &[b"a b/c"], session: "", request: "" },
    Shape { name: "utf8", lines: &["s\u{e9}/r".as_bytes()], session: "", request: "" },
    Shape { name: "latin1", lines: &[b"s\xe9/r"], session: "", request: "" },
    Shape { name: "quotes", lines: &[b"a\"b/c\\d"], session: "a\"b", request: "c\\d" },
];

pub(super) fn rows() -> Vec<Scenario> {
    let shapes = SHAPES.iter().map(|shape| {
        let row = Scenario::new(format!("headers::{}", shape.name), |cell| arrives(cell, shape));
        if shape.lines.len() > 1 { row.needs(Need::HeaderLines) } else { row }
    });
    let others = [
        Scenario::new("headers::upper_case_name", |cell| named(cell, "X-HIGHLIGHT-REQUEST")),
        Scenario::new("headers::title_case_name", |cell| named(cell, "X-Highlight-Request")),
        Scenario::new("headers::long", long),
        Scenario::new("headers::malformed_traceparent", malformed_traceparent),
        Scenario::new("headers::untrusted", untrusted)
            .server_only()
            .config(|config| config.trust_incoming(false)),
    ];
    shapes.chain(others).collect()
}

async fn arrives(cell: Cell, shape: &'static Shape) -> Result<()> {
    let request =
        shape.lines.iter().fold(Request::new(), |request, line| request.header(REQUEST_HEADER, line));
    is_understood_as(cell, &request, shape.session, shape.request).await
}

async fn is_understood_as(cell: Cell, request: &Request, session: &str, effective: &str) -> Result<()> {
    let (answer, stored) = cell
        .answer_to(request, |_| async {
            tracing::info!("served");
            Reply::ok()
        })
        .await?;
    ensure!(answer.status == 200, "answered {}", answer.status);
    stored.log("served")?;
    let span = stored.request_span()?;
    ensure!(span.parent_span_id.is_empty(), "the request's span is a root");
    if effective.is_empty() {
        ensure!(span.origin.request_id.is_empty() && span.trace_id == span.otel_trace_id);
        let sessions = stored.rows.logs.iter().map(|log| &log.origin).chain([&span.origin]);
        ensure!(sessions.into_iter().all(|origin| origin.session_id == session), "session {:?}", span.origin);
        stored.is_one_trace()
    } else {
        stored.belongs_to(session, effective)
    }
}

async fn named(cell: Cell, name: &str) -> Result<()> {
    let request = Request::new().header(name, "S/r1");
    is_understood_as(cell, &request, "S", "r1").await
}

/// As long as the servers let through: hyper refuses more than 16 KiB of headers in HTTP/2 and more than about 400 KiB in
/// HTTP/1, actix more than 128 KiB, a map holds anything.
async fn long(cell: Cell) -> Result<()> {
    let length = |framework: &dyn Framework| match (framework.has(Need::Server), framework.has(Need::Http)) {
        (true, true) => 96 << 10,
        (true, false) => 12 << 10,
        _ => 1 << 20,
    };
    let value = format!("S/{}", "x".repeat(length(cell.framework())));
    is_understood_as(cell, &Request::new().header(REQUEST_HEADER, value), "", "").await
}

async fn malformed_traceparent(cell: Cell) -> Result<()> {
    let request = Request::from_browser("S", "r1").header("traceparent", "00-0-0-0");
    is_understood_as(cell, &request, "S", "r1").await
}

/// At a public edge nothing is believed.
async fn untrusted(cell: Cell) -> Result<()> {
    let request =
        Request::from_browser("S", W3C).header("traceparent", format!("00-{W3C}-b7ad6b7169203331-01"));
    is_understood_as(cell, &request, "", "").await
}
