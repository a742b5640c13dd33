//! The program's last word.

use std::sync::{Arc, Mutex};

use highlight::{ErrorReport, KeyValue, Level, OutgoingKind, Stats};

use crate::stage::Wire;

/// One of each kind, in a request.
fn one_of_each(wire: &Wire) {
    wire.request(|| {
        highlight::in_span("a span", |span| span.set_attribute("n", 1));
        highlight::log(Level::Warn, "a log", [KeyValue::new("n", 2), KeyValue::new("ok", true)]);
        ErrorReport::new("an error").attribute("n", 3).consume();
        highlight::metrics::record_count("a.metric", 1, [KeyValue::new("n", 4)]);
    });
}

fn books(wire: &Wire) -> Stats {
    let stats = wire.client.stats();
    assert_eq!(stats.produced, stats.exported + stats.dropped.total(), "{stats:?}");
    stats
}

#[test]
fn it_sees_what_everything_is() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let see = Arc::clone(&seen);
    let wire = Wire::new(|config| {
        config.before_send(move |item| {
            let attribute = item.attribute("n").map(std::borrow::Cow::into_owned);
            let text = item.text().to_owned();
            let session = item.session_id().map(std::borrow::Cow::into_owned);
            see.lock().unwrap().push((item.kind(), text, attribute, item.level(), session));
            true
        })
    });
    one_of_each(&wire);
    let sent = wire.sent_text();
    for text in ["a span", "a log", "an error", "a.metric"] {
        assert!(sent.contains(text), "{text}");
    }
    let mut seen = seen.lock().unwrap().clone();
    seen.retain(|(_, text, ..)| text.starts_with('a'));
    seen.sort_by_key(|(_, _, attribute, ..)| attribute.clone());
    let of = |kind, text: &str, n: &str, level, session: Option<&str>| {
        (kind, text.to_owned(), Some(n.to_owned()), level, session.map(ToOwned::to_owned))
    };
    let session = Some("session1");
    let expected = [
        of(OutgoingKind::Span, "a span", "1", None, session),
        of(OutgoingKind::Log, "a log", "2", Some(Level::Warn), session),
        of(OutgoingKind::Error, "an error", "3", Some(Level::Error), session),
        of(OutgoingKind::Metric, "a.metric", "4", None, None),
    ];
    assert_eq!(seen, expected);
    assert_eq!(books(&wire).dropped, highlight::Dropped::default());
}

#[test]
fn what_it_writes_is_sent_and_redacted() {
    let wire = Wire::new(|config| {
        config.before_send(|item| {
            item.set_text(format!("{} edited?token=Q7hunter2", item.text()));
            item.set_attribute("added", "Bearer Q7hunter2");
            item.set_attribute("count", 7);
            item.set_attribute("db.password", "Q7hunter2");
            assert!(!item.remove_attribute("nothing"), "as asked");
            item.remove_attribute("n");
            true
        })
    });
    one_of_each(&wire);
    let sent = wire.sent_text();
    for text in ["a span", "a log", "an error", "a.metric"] {
        assert!(sent.contains(&format!("{text} edited?token=")), "{text}: {sent}");
    }
    assert!(sent.matches("[REDACTED]").count() >= 4 * 3 && !sent.contains("Q7hunter2"), "{sent}");
    books(&wire);
}

#[test]
fn an_error_is_renamed_with_its_log_line() {
    let wire = Wire::new(|config| {
        config.before_send(|item| {
            if item.kind() == OutgoingKind::Error {
                assert_eq!(item.error_type(), Some("core::fmt::Error"));
                item.set_text("renamed");
            }
            true
        })
    });
    wire.request(|| ErrorReport::new(&std::fmt::Error).title("of Q7customer").consume());
    let sent = wire.sent_text();
    assert!(sent.contains("renamed") && !sent.contains("Q7customer"), "{sent}");
}

#[test]
fn what_it_drops_is_not_sent_and_counted() {
    for (kind, text) in [
        (OutgoingKind::Span, "a span"),
        (OutgoingKind::Log, "a log"),
        (OutgoingKind::Error, "an error"),
        (OutgoingKind::Metric, "a.metric"),
    ] {
        let wire = Wire::new(|config| config.before_send(move |item| item.kind() != kind));
        one_of_each(&wire);
        let sent = wire.sent_text();
        assert!(!sent.contains(text), "{kind:?}");
        let stats = books(&wire);
        assert!(
            stats.dropped.before_send >= 1 && stats.dropped.before_send == stats.dropped.total(),
            "{kind:?}: {stats:?}"
        );
        assert_eq!(stats.exported, 3, "{kind:?}");
    }
}

#[test]
fn its_panic_drops_that_item_alone() {
    let wire = Wire::new(|config| {
        config.before_send(|item| {
            assert_ne!(item.text(), "a log", "as asked");
            true
        })
    });
    one_of_each(&wire);
    let sent = wire.sent_text();
    assert!(!sent.contains("a log") && sent.contains("a span") && sent.contains("an error"), "{sent}");
    let stats = books(&wire);
    assert_eq!((stats.dropped.before_send, stats.exported), (1, 3));
}

#[test]
fn each_data_point_is_an_item() {
    let wire = Wire::new(|config| {
        config.before_send(|item| {
            match item.attribute("n").as_deref() {
                Some("1") => return false,
                Some("2") => item.set_text("orders.second"),
                _ => {}
            }
            true
        })
    });
    wire.request(|| {
        for n in 0..4 {
            highlight::metrics::record_count("orders", 1, [KeyValue::new("n", n)]);
            highlight::metrics::record_histogram("seconds", 1.0, [KeyValue::new("n", n)]);
            highlight::metrics::record_metric("level", 1.0, [KeyValue::new("n", n)]);
        }
    });
    let sent = wire.sent_text();
    assert_eq!(sent.matches("orders.second").count(), 3, "{sent}");
    let stats = books(&wire);
    assert_eq!((stats.dropped.before_send, stats.exported), (3, 9));
}

/// An error is told twice: by itself, and by the status of the span that it was reported in.
#[test]
fn it_can_edit_what_a_spans_status_says() {
    let wire = Wire::new(|config| {
        config.before_send(|item| {
            if item.status_description().is_some_and(|status| status.contains("Ada")) {
                item.set_status_description("an error of a customer's");
            }
            item.kind() != OutgoingKind::Error
        })
    });
    wire.request(|| highlight::in_span("a span", |_| ErrorReport::new("no order of Ada's").consume()));
    let sent = wire.sent_text();
    assert!(sent.contains("an error of a customer's") && !sent.contains("Ada"), "{sent}");
    assert_eq!(books(&wire).dropped.before_send, 1);
}
