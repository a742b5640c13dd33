//! What is on the pages.

use std::fs;

use super::*;

#[test]
fn empty_pages_say_so() {
    let shown = Shown::new();
    for path in ["/", "/requests", "/logs", "/errors", "/metrics", "/dropped"] {
        let page = shown.page(path);
        assert!(!texts(&page, ".empty").concat().is_empty(), "{path}");
        assert_eq!(texts(&page, "h1").len(), 1, "{path}");
        assert_eq!(all(&page, "nav a[aria-current=page]").len(), 1, "{path}");
    }
    for path in [
        "/sessions/x",
        "/traces/x",
        "/spans/7",
        "/errors/7",
        "/errors/of/7",
        "/metrics/x",
        "/replay/x/events",
        "/x",
    ] {
        assert_eq!(shown.get(path).status, 404, "{path}");
    }
    assert_eq!(shown.get("/logs?level=loud").status, 400);
    assert_eq!(shown.get("/logs?nonsense=1").status, 400);
}

#[test]
fn from_the_session_to_the_line_of_the_source() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("shop/src")).unwrap();
    fs::write(root.path().join("shop/src/pay.rs"), "fn pay() {\n    refuse();\n}\n").unwrap();
    let shown = Shown::with(Sources::below([root.path()]));
    let shop = resource("shop", "sess/1", "req");
    let route = [
        text("http.request.method", "POST"),
        text("http.route", "/pay"),
        text("http.response.status_code", "500"),
    ];
    shown.send("/v1/traces", &shop, &[span_with("POST /pay", &route).varint(6, 2)]);
    shown.send(
        "/v1/logs",
        &shop,
        &[log_at("WARN", "slow gateway", &[]), error("card declined", "shop/src/pay.rs", 2)],
    );

    let sessions = shown.page("/");
    let link = all(&sessions, "#rows tbody th a")[0].attr("href").unwrap();
    assert_eq!(link, "/sessions/sess%2F1");

    let session = shown.page(link);
    assert_eq!(texts(&session, ".timeline .what"), ["POST /pay"]);
    assert!(texts(&session, ".timeline .message").iter().any(|text| text == "slow gateway"));
    let link = all(&session, ".timeline a.primary")[0].attr("href").unwrap();

    let trace = shown.page(link);
    assert_eq!(texts(&trace, ".spans .name"), ["POST /pay"]);
    assert_eq!(all(&trace, ".spans svg rect").len(), 2, "a bar, and all of it critical");
    let span = shown.page(all(&trace, ".spans a")[0].attr("href").unwrap());
    assert!(texts(&span, "#detail td").contains(&"/pay".to_owned()));

    let link = all(&trace, "#trace-errors a")[0].attr("href").unwrap();
    let error = shown.page(link);
    assert_eq!(texts(&error, "h1"), ["card declined"]);
    assert_eq!(texts(&error, ".source mark"), ["2    refuse();"]);
    assert_eq!(all(&error, ".stack details[open]").len(), 1);

    let id = shown.reader().errors(&ErrorQuery::default()).unwrap().items[0].id;
    let answer = shown.get(&format!("/errors/of/{id}"));
    assert_eq!((answer.status, answer.header("location")), (307, Some(link)));
    let groups = shown.page("/errors");
    assert_eq!(texts(&groups, ".groups b"), ["card declined"]);
    assert_eq!(all(&groups, ".groups svg.histogram rect").len(), 1);
}

#[test]
fn logs_are_filtered_and_paged() {
    let shown = Shown::new();
    let logs: Vec<Message> = (0..5).map(|n| log_at("INFO", &format!("info {n}"), &[])).collect();
    shown.send("/v1/logs", &resource("shop", "s", "r"), &logs);
    shown.send("/v1/logs", &resource("bank", "s", "r2"), &[log_at("WARN", "a warning", &[])]);
    let messages = |path: &str| texts(&shown.page(path), "#rows .message");
    assert_eq!(messages("/logs?level=warn"), ["a warning"]);
    assert_eq!(messages("/logs?service=bank"), ["a warning"]);
    assert_eq!(messages("/logs?trace=r&text=info%203"), ["info 3"]);
    let first = shown.page("/logs?limit=4");
    assert_eq!(all(&first, "#rows[data-live]").len(), 1);
    let next = all(&first, "a[data-more]")[0].attr("href").unwrap();
    let second = shown.page(next);
    assert_eq!(texts(&second, "#rows .message"), ["info 1", "info 0"]);
    assert!(all(&second, "#rows[data-live]").is_empty(), "older rows do not change");
}

#[test]
fn what_is_lost_has_its_reason_and_metrics_their_plot() {
    let shown = Shown::new();
    let shop = resource("shop", "s", "r");
    shown.send("/v1/traces", &shop, &[span_with("GET /", &[attribute("flag", boolean(true))])]);
    shown.send("/v1/metrics", &shop, &[gauge("queue/depth", &[number(1.0, &[]), number(3.0, &[])])]);
    let dropped = shown.page("/dropped");
    assert_eq!(texts(&dropped, ".reasons .message"), ["boolean attributes are not stored"]);
    assert_eq!(texts(&dropped, ".reasons .paragraph"), ["C§3.3"]);
    assert_eq!(texts(&dropped, "#rows tbody th a"), ["flag"]);
    let metrics = shown.page("/metrics");
    let link = all(&metrics, ".card a")[0].attr("href").unwrap();
    assert_eq!(link, "/metrics/queue%2Fdepth");
    let points = all(&shown.page(link), "polyline")[0].attr("points").unwrap().split(' ').count();
    assert_eq!(points, 2);
}

#[test]
fn a_trace_of_ten_thousand_spans_comes_in_pages() {
    let shown = Shown::new();
    let shop = resource("shop", "s", "r");
    for part in 0..10_u64 {
        let spans: Vec<Message> = (0..1_000_u64)
            .map(|n| {
                let id = (part * 1_000 + n + 1).to_be_bytes();
                let start = support::now() - 60 * support::SECOND + part * 1_000 + n;
                let span = Message::new().bytes_field(1, &TRACE).bytes_field(2, &id).text(5, "step");
                span.fixed64(7, start).fixed64(8, start + 500)
            })
            .collect();
        shown.send("/v1/traces", &shop, &spans);
    }
    let mut path = "/traces/r".to_owned();
    let mut rows = 0;
    for pages in 1.. {
        let answer = shown.get(&path);
        assert!(answer.body.len() < 1 << 20, "{} bytes", answer.body.len());
        let page = Html::parse_document(&answer.text());
        rows += all(&page, ".spans li").len();
        let Some(next) = all(&page, "a[data-more]").first().map(|link| link.attr("href").unwrap().to_owned())
        else {
            assert_eq!((rows, pages), (10_000, 20));
            return;
        };
        path = next;
    }
}
