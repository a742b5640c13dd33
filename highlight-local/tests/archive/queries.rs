//! Each question, with an answer worked out by hand.

use highlight_local::{
    archive::{
        ErrorQuery, LogQuery, MetricKind, MetricQuery, NoteQuery, Page, PointDetail, SessionQuery, Timestamp,
    },
    model::Level,
};

use super::*;

/// A shop and its payments in session `sess`, request `req`; and a log without either.
fn checkout() -> Archived {
    let archived = Archived::in_memory();
    let http = [
        text("http.request.method", "POST"),
        text("http.route", "/checkout"),
        attribute("http.response.status_code", int(500)),
        text("user.id", "u-17"),
        text("user.email", "ada@example.com"),
    ];
    let shop = resource("shop", "sess", "req");
    let payments = resource("payments", "sess", "req");
    // The far end's span arrives first.
    let charge = timed_span("POST /charge", 3, 2, 20, 60, SERVER, &[text("http.request.method", "POST")]);
    archived.spans(&payments, &[charge]);
    archived.spans(
        &shop,
        &[
            timed_span("POST payments", 2, 1, 10, 70, CLIENT, &[]),
            timed_span("POST /checkout", 1, 0, 0, 100, SERVER, &http),
            timed_span("lost", 9, 8, 80, 90, CLIENT, &[]),
        ],
    );
    let in_charge = |message: Message| message.bytes_field(10, &[3; 8]);
    archived.logs(&shop, &[levelled("cart has 3 items", "INFO", &[text("cart", "blue-socks")])]);
    let causes = [text("exception.causes.1", "402 from gateway"), text("exception.cause_types.1", "Gateway")];
    let stack = text("exception.stacktrace", "\npay::charge\n\tsrc/pay.rs:88\nmain\n\tsrc/main.rs:4\n");
    let attributes = [causes[0].clone(), causes[1].clone(), stack];
    archived.logs(&payments, &[in_charge(error("card declined", &attributes))]);
    archived.logs(&resource("worker", "", ""), &[levelled("idle", "DEBUG", &[]).bytes_field(9, &[0; 16])]);
    archived
}

#[test]
fn sessions_have_their_requests_errors_services_and_user() {
    let archived = checkout();
    archived.logs(&resource("shop", "later", "other"), &[levelled("hello", "INFO", &[])]);
    let found = archived.reader().sessions(&SessionQuery::default()).unwrap();
    let ids: Vec<&str> = found.items.iter().map(|session| session.id.as_str()).collect();
    assert_eq!(ids, ["later", "sess"], "the last active first");
    assert_eq!(found.next, None);
    let session = &found.items[1];
    assert_eq!((session.requests, session.errors), (1, 1));
    assert_eq!(session.services, ["payments", "shop"]);
    assert_eq!(session.user.as_deref(), Some("ada@example.com"));
    assert!(session.first_seen < session.last_seen);

    let of_user = SessionQuery { text: Some("ada@".to_owned()), ..SessionQuery::default() };
    assert_eq!(archived.reader().sessions(&of_user).unwrap().items, found.items[1..]);
    let one = SessionQuery { page: Page::new(1), ..SessionQuery::default() };
    let first = archived.reader().sessions(&one).unwrap();
    let page = Page { limit: 1, before: first.next };
    let second = archived.reader().sessions(&SessionQuery { page, ..one }).unwrap();
    assert_eq!([first.items, second.items].concat(), found.items);
    assert_eq!(second.next, None);
}

#[test]
fn a_session_opens_to_requests_logs_and_errors() {
    let archived = checkout();
    // A row that lost its session still belongs to the request.
    archived.logs(&resource("mailer", "", "req"), &[levelled("mail queued", "INFO", &[])]);
    archived.spans(&resource("shop", "sess", "earlier"), &[timed_span("GET /", 7, 0, 0, 5, SERVER, &[])]);
    let reader = archived.reader();
    assert_eq!(reader.session("unknown").unwrap(), None);
    let timeline = reader.session("sess").unwrap().unwrap();
    assert_eq!(timeline.requests.len(), 2);
    assert!(!timeline.more_requests);
    let request = timeline.requests.iter().find(|request| request.trace_id == "req").unwrap();
    assert_eq!(request.method.as_deref(), Some("POST"));
    assert_eq!(request.route.as_deref(), Some("/checkout"));
    assert_eq!(request.status.as_deref(), Some("500"));
    assert_eq!(request.duration_ns, Some(100_000_000), "the first server span's");
    assert_eq!((request.service.as_str(), request.name.as_str()), ("shop", "POST /checkout"));
    assert_eq!(request.services, ["mailer", "payments", "shop"]);
    assert_eq!((request.spans, request.logs, request.errors), (4, 3, 1));
    assert_eq!(request.session, "sess");
    let messages: Vec<&str> = timeline.logs.items.iter().map(|log| log.message.as_str()).collect();
    assert_eq!(messages, ["mail queued", "card declined", "cart has 3 items"]);
    assert!(timeline.logs.items.iter().all(|log| log.session == "sess"));
    assert_eq!(timeline.errors.items.len(), 1);
}

#[test]
fn a_trace_is_a_tree_with_its_critical_path() {
    let archived = checkout();
    let reader = archived.reader();
    assert!(reader.trace("unknown").unwrap().is_none());
    let trace = reader.trace("req").unwrap().unwrap();
    assert_eq!(trace.duration_ns, 100_000_000);
    let spans: Vec<_> = trace
        .spans
        .iter()
        .map(|span| {
            (trace.names[span.name].as_str(), trace.services[span.service].as_str(), span.depth, span.parent)
        })
        .collect();
    assert_eq!(
        spans,
        [
            ("POST /checkout", "shop", 0, None),
            ("POST payments", "shop", 1, Some(0)),
            ("POST /charge", "payments", 2, Some(1)),
            ("lost", "shop", 0, None),
        ]
    );
    let orphans: Vec<bool> = trace.spans.iter().map(|span| span.is_orphan).collect();
    assert_eq!(orphans, [false, false, false, true]);
    let millis = 1_000_000;
    let path: Vec<_> = trace
        .critical_path
        .iter()
        .map(|part| (part.span, part.start_ns / millis, part.end_ns / millis))
        .collect();
    assert_eq!(path, [(0, 0, 10), (1, 10, 20), (2, 20, 60), (1, 60, 70), (0, 70, 100)]);
    let charge = &trace.spans[2];
    assert_eq!(
        (charge.logs, charge.errors, charge.start_ns, charge.duration_ns),
        (1, 1, 20 * millis, 40 * millis)
    );
    assert_eq!((trace.logs.items.len(), trace.errors.items.len()), (2, 1));

    let detail = reader.span(trace.spans[0].id).unwrap().unwrap();
    assert_eq!(detail.attributes["http.route"], "/checkout");
    assert_eq!((detail.trace_id.as_str(), detail.session.as_str()), ("req", "sess"));
    assert_eq!(reader.span(i64::MAX).unwrap(), None);
}

#[test]
fn a_span_keeps_its_events_links_and_status() {
    let archived = Archived::in_memory();
    let link = Message::new().bytes_field(1, &[7; 16]).bytes_field(2, &[8; 8]);
    let span = span("s")
        .message(11, &event("tick", &[text("n", "1")]))
        .message(13, &link)
        .message(15, &status(2, "no"));
    archived.spans(&resource("shop", "", "r"), &[span]);
    let reader = archived.reader();
    let id = reader.trace("r").unwrap().unwrap().spans[0].id;
    let span = reader.span(id).unwrap().unwrap();
    assert_eq!((span.events[0].name.as_str(), span.events[0].attributes["n"].as_str()), ("tick", "1"));
    assert_eq!(span.links[0].span_id, "08".repeat(8));
    assert_eq!((span.status.as_str(), span.status_message.as_str()), ("Error", "no"));
}

#[test]
fn logs_are_filtered() {
    let archived = checkout();
    let reader = archived.reader();
    let messages = |query: LogQuery| -> Vec<String> {
        reader.logs(&query).unwrap().items.into_iter().map(|log| log.message).collect()
    };
    let some = |text: &str| Some(text.to_owned());
    let all = LogQuery::default;
    assert_eq!(messages(all()), ["idle", "card declined", "cart has 3 items"]);
    assert_eq!(messages(LogQuery { level: Some(Level::Warn), ..all() }), ["card declined"]);
    assert_eq!(
        messages(LogQuery { level: Some(Level::Info), ..all() }),
        ["card declined", "cart has 3 items"]
    );
    assert_eq!(messages(LogQuery { service: some("worker"), ..all() }), ["idle"]);
    assert_eq!(messages(LogQuery { service: some("nobody"), ..all() }), [""; 0]);
    assert_eq!(messages(LogQuery { session: some("sess"), ..all() }), ["card declined", "cart has 3 items"]);
    assert_eq!(messages(LogQuery { trace: some("req"), ..all() }), ["card declined", "cart has 3 items"]);
    let both = LogQuery { trace: some("req"), service: some("shop"), text: some("cart"), ..all() };
    assert_eq!(messages(both), ["cart has 3 items"]);
    let error = reader.logs(&LogQuery { level: Some(Level::Error), ..all() }).unwrap().items.remove(0);
    assert_eq!(reader.error(error.error.unwrap()).unwrap().unwrap().log, Some(error.id));
}

#[test]
fn logs_come_in_pages_and_a_tail_goes_on_where_it_was() {
    let archived = Archived::in_memory();
    let shop = resource("shop", "", "");
    let numbered: Vec<Message> = (0..7).map(|n| levelled(&n.to_string(), "INFO", &[])).collect();
    archived.logs(&shop, &numbered);
    let reader = archived.reader();
    let mut page = Page::new(3);
    let mut seen = Vec::new();
    loop {
        let found = reader.logs(&LogQuery { page, ..LogQuery::default() }).unwrap();
        seen.push(found.items.iter().map(|log| log.message.clone()).collect::<Vec<_>>());
        page.before = found.next;
        if found.next.is_none() {
            break;
        }
    }
    assert_eq!(seen, [vec!["6", "5", "4"], vec!["3", "2", "1"], vec!["0"]]);

    let newest = reader.overview().unwrap().newest;
    let after = LogQuery { after: Some(newest), ..LogQuery::default() };
    assert!(reader.logs(&after).unwrap().items.is_empty());
    archived.logs(&shop, &[levelled("7", "INFO", &[]), levelled("8", "INFO", &[])]);
    let tail: Vec<String> =
        archived.reader().logs(&after).unwrap().items.into_iter().map(|log| log.message).collect();
    assert_eq!(tail, ["7", "8"]);
}

#[test]
fn whatever_is_typed_is_searched_for_and_nothing_is_an_operator() {
    let archived = checkout();
    let reader = archived.reader();
    for (typed, found) in [
        ("card", 1),
        ("CARD decl", 1),
        ("items cart", 1),
        ("card items", 0),
        ("blue-socks", 1),
        ("socks-blue", 0),
        ("gateway", 1),
        ("", 3),
        (" \t", 3),
        ("\"", 3),
        ("\"card", 1),
        ("card\" OR \"idle", 0),
        ("card OR idle", 0),
        ("card NOT declined", 0),
        ("NEAR(card idle)", 0),
        ("text:card", 0),
        ("^card", 1),
        ("card*", 1),
        ("(card", 1),
        ("-card + {", 1),
        ("'; DROP TABLE logs; --", 0),
        ("card\0", 1),
    ] {
        let query = LogQuery { text: Some(typed.to_owned()), ..LogQuery::default() };
        assert_eq!(reader.logs(&query).unwrap().items.len(), found, "{typed:?}");
    }
    for (typed, found) in [("declined", 1), ("pay::charge", 1), ("CardError", 1), ("cart", 0)] {
        let query = ErrorQuery { text: Some(typed.to_owned()), ..ErrorQuery::default() };
        assert_eq!(reader.errors(&query).unwrap().items.len(), found, "{typed:?}");
        assert_eq!(reader.error_groups(&query).unwrap().items.len(), found, "{typed:?}");
    }
}

#[test]
fn an_error_finds_its_log_in_the_batch_before() {
    let archived = Archived::in_memory();
    // A transaction takes 4,096 rows: this error's log is the last of the first, the error is in the next.
    let mut logs: Vec<Message> = (0..4_095).map(|n| levelled(&n.to_string(), "INFO", &[])).collect();
    logs.push(error("over the edge", &[]));
    archived.logs(&resource("shop", "", ""), &logs);
    let reader = archived.reader();
    let row = reader.errors(&ErrorQuery::default()).unwrap().items.remove(0);
    let log = reader.logs(&LogQuery::default()).unwrap().items.remove(0);
    assert_eq!((log.id, row.id), (4_096, 4_097));
    assert_eq!((reader.error(row.id).unwrap().unwrap().log, log.error), (Some(log.id), Some(row.id)));
}

#[test]
fn an_error_has_its_frames_and_its_chain() {
    let archived = checkout();
    let reader = archived.reader();
    let row = reader.errors(&ErrorQuery::default()).unwrap().items.remove(0);
    assert_eq!((row.message.as_str(), row.type_name.as_str()), ("card declined", "CardError"));
    assert_eq!(
        (row.service.as_str(), row.session.as_str(), row.trace_id.as_str()),
        ("payments", "sess", "req")
    );
    let error = reader.error(row.id).unwrap().unwrap();
    assert_eq!(error.row.top_frame.as_ref(), error.frames.first());
    let frames: Vec<_> =
        error.frames.iter().map(|f| (f.function.as_deref(), f.file.as_deref(), f.line)).collect();
    assert_eq!(
        frames,
        [(Some("pay::charge"), Some("src/pay.rs"), Some(88)), (Some("main"), Some("src/main.rs"), Some(4))]
    );
    assert_eq!(error.chain.len(), 1);
    assert_eq!(error.chain[0].message, "402 from gateway");
    assert_eq!(error.chain[0].type_name.as_deref(), Some("Gateway"));
}

#[test]
fn errors_are_grouped_as_the_server_does() {
    let archived = Archived::in_memory();
    let go = |name: &str| text("exception.stacktrace", &format!("\n{name}\n\tsrc/a.rs:1\n"));
    let js = |line: u32| {
        let stack = format!("Error: x\n    at f (a.js:{line}:7)\n    at g (a.js:2:3)\n");
        text("exception.stacktrace", &stack)
    };
    archived.logs(
        &resource("shop", "one", ""),
        &[
            error("same text", &[go("a")]),
            error("same text", &[go("b")]),
            error("other text", &[go("a")]),
            error("js 1", &[js(1)]),
            error("js 2", &[js(1)]),
            error("js 3", &[js(9)]),
        ],
    );
    archived.logs(&resource("shop", "two", ""), &[error("same text", &[])]);
    let reader = archived.reader();
    let groups = reader.error_groups(&ErrorQuery::default()).unwrap().items;
    let seen: Vec<_> =
        groups.iter().map(|group| (group.message.as_str(), group.errors, group.sessions)).collect();
    // Without columns only the message counts; with them equal frames do, too (C§6.4).
    assert_eq!(seen, [("same text", 3, 2), ("js 3", 1, 1), ("js 1", 2, 1), ("other text", 1, 1)]);
    assert_eq!(groups[0].last.as_ref().unwrap().session, "two");

    let hour_ago = Timestamp::now().before(std::time::Duration::from_secs(3_600));
    let detail = reader.error_group(groups[0].id, hour_ago, 60).unwrap().unwrap();
    assert_eq!(detail.met_by, ["two", "one"]);
    assert_eq!(detail.histogram.buckets.len(), 60);
    assert_eq!(detail.histogram.buckets.iter().map(|bucket| bucket.count).sum::<u64>(), 3);
    assert!(detail.histogram.buckets[..58].iter().all(|bucket| bucket.count == 0), "all were just now");
    assert_eq!(detail.last_error.unwrap().row.session, "two");
    let of_one = ErrorQuery { session: Some("two".to_owned()), ..ErrorQuery::default() };
    assert_eq!(reader.error_groups(&of_one).unwrap().items.len(), 1);
    assert!(reader.error_group(99, hour_ago, 60).unwrap().is_none());
}

#[test]
fn notes_name_their_paragraph_and_are_counted() {
    let archived = Archived::in_memory();
    let flags = [attribute("a", boolean(true)), attribute("b", boolean(true)), text("c d", "e")];
    archived.logs(&resource("shop", "", ""), &[levelled("m", "INFO", &flags)]);
    let reader = archived.reader();
    let notes = reader.notes(&NoteQuery::default()).unwrap().items;
    assert_eq!(notes.len(), 3);
    assert!(notes.is_sorted_by(|a, b| a.id > b.id));
    let dropped = NoteQuery { dropped: Some(true), ..NoteQuery::default() };
    let dropped = reader.notes(&dropped).unwrap().items;
    let names: Vec<_> = dropped.iter().map(|note| (note.item.as_str(), note.name.as_str())).collect();
    assert_eq!(names, [("attribute", "b"), ("attribute", "a")]);
    assert_eq!((dropped[0].code.as_str(), dropped[0].paragraph.as_str()), ("BoolAttribute", "3.3"));
    assert_eq!(
        (dropped[0].text.as_str(), dropped[0].service.as_str()),
        ("boolean attributes are not stored", "shop")
    );
    let of_code = NoteQuery { code: Some("KeyRewritten".to_owned()), ..NoteQuery::default() };
    assert_eq!(reader.notes(&of_code).unwrap().items.len(), 1);
    let counts: Vec<_> =
        reader.reasons().unwrap().into_iter().map(|r| (r.dropped, r.code, r.count)).collect();
    assert_eq!(counts, [(true, "BoolAttribute".to_owned(), 2), (false, "KeyRewritten".to_owned(), 1)]);
}

#[test]
fn metrics_have_series_to_plot() {
    let archived = Archived::in_memory();
    let (eu, us) = ([text("region", "eu")], [text("region", "us")]);
    let points = [number(1.0, &eu), number(2.5, &us), number(3.0, &eu)];
    let bounds = [1.0f64, 5.0].map(f64::to_le_bytes).concat();
    let counts = [2u64, 1, 0].map(u64::to_le_bytes).concat();
    let point = Message::new().fixed64(4, 3).double(5, 7.5).bytes_field(6, &counts).bytes_field(7, &bounds);
    let histogram = Message::new().message(1, &point).varint(2, 1);
    let histogram = Message::new().text(1, "took").text(3, "s").message(9, &histogram);
    archived
        .send("/v1/metrics", &request(&resource("shop", "", ""), &[], &[sum("sold", 1, &points), histogram]));
    let reader = archived.reader();
    let names: Vec<_> =
        reader.metrics().unwrap().into_iter().map(|m| (m.name, m.kind, m.unit, m.series)).collect();
    let sold = ("sold".to_owned(), MetricKind::Sum, String::new(), 2);
    assert_eq!(names, [sold, ("took".to_owned(), MetricKind::Histogram, "s".to_owned(), 1)]);
    let series = reader.metric(&MetricQuery::new("sold")).unwrap();
    let values: Vec<_> = series
        .iter()
        .map(|s| (s.attributes["region"].as_str(), s.points.iter().map(|p| p.value).collect::<Vec<_>>()))
        .collect();
    assert_eq!(values, [("eu", vec![1.0, 3.0]), ("us", vec![2.5])]);
    let newest = MetricQuery { points: 1, ..MetricQuery::new("sold") };
    assert!((reader.metric(&newest).unwrap()[0].points[0].value - 3.0).abs() < f64::EPSILON);
    let took = reader.metric(&MetricQuery::new("took")).unwrap().remove(0).points.remove(0);
    assert_eq!(took.count, Some(3));
    let Some(PointDetail::Histogram { bounds, buckets, .. }) = took.detail else { panic!("{took:?}") };
    assert_eq!((bounds, buckets), (vec![1.0, 5.0], vec![2, 1, 0]));
}

#[test]
fn the_overview_counts() {
    let archived = checkout();
    let overview = archived.reader().overview().unwrap();
    assert_eq!((overview.sessions, overview.requests, overview.spans), (1, 1, 4));
    assert_eq!((overview.logs, overview.errors, overview.error_groups), (3, 1, 1));
    assert_eq!(overview.services, ["payments", "shop", "worker"]);
    assert_eq!((overview.missed, overview.failed, overview.expired, overview.problem), (0, 0, 0, None));
}

#[test]
fn a_trace_may_be_deep_and_its_parents_in_a_circle() {
    const SPANS: u64 = 12_000;
    let archived = Archived::in_memory();
    let numbered = |number: u64, parent: u64| {
        let id = |number: u64| (number + 1).to_be_bytes();
        span("s").bytes_field(2, &id(number)).bytes_field(4, &id(parent))
    };
    // Each is below the next; the last is below the first.
    let spans: Vec<Message> = (0..SPANS).map(|number| numbered(number, (number + 1) % SPANS)).collect();
    archived.spans(&resource("shop", "", "deep"), &spans);
    let trace = archived.reader().trace("deep").unwrap().unwrap();
    assert_eq!(trace.spans.len(), 12_000);
    let deepest = trace.spans.iter().map(|span| span.depth).max();
    assert_eq!(deepest, Some(11_999));
    assert!(!trace.critical_path.is_empty());
    assert_eq!(trace.names, ["s"]);
}
