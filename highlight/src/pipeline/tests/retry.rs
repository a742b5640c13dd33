//! Answers other than 200: what is tried again, when, and what is given up.

use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::{
    logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse},
    trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse},
};
use prost::Message;

use super::*;

#[test]
fn what_is_worth_another_try_is_delivered_in_the_end() {
    type Reluctant = (&'static str, fn() -> Reply);
    let table: [Reluctant; 8] = [
        ("408", || Reply::Status(408)),
        ("429", || Reply::Status(429)),
        ("502", || Reply::Status(502)),
        ("503", || Reply::Status(503)),
        ("504", || Reply::Status(504)),
        ("cut", || Reply::Cut),
        ("garbage", || Reply::Garbage),
        ("retry-after date in the past", || {
            let date = "Sun, 06 Nov 1994 08:49:37 GMT".to_owned();
            Reply::Full(503, ("retry-after", date), Vec::new())
        }),
    ];
    for (name, first) in table {
        // Two, because a disconnect is tried again at once.
        let server = Server::start(move |number, _| match number {
            0 | 1 => first(),
            _ => Reply::Status(200),
        });
        let pipeline = started(&server);
        pipeline.push(error("e"));
        let stats = until(&pipeline, name, |stats| stats.exported == 1);
        assert_eq!(stats.dropped.total(), 0, "{name}");
        assert_eq!(server.items(), ["e", "e", "e"], "{name}");
    }
}

#[test]
fn the_server_says_when_to_come_back() {
    let server = Server::reluctant(|| Reply::Full(503, ("retry-after", "2".to_owned()), Vec::new()));
    let pipeline = started(&server);
    pipeline.push(error("e"));
    until(&pipeline, "delivered", |stats| stats.exported == 1);
    let seen = server.seen();
    let waited = seen[1].at - seen[0].at;
    // Without the header the wait would be 250 ms at most.
    assert!(waited >= Duration::from_millis(1900), "{waited:?}");
}

#[test]
fn the_server_may_say_a_date_to_come_back_at() {
    let second = Duration::from_secs(1);
    let server = Server::start(move |number, _| match number {
        0 => {
            let date = httpdate::fmt_http_date(SystemTime::now() + 2 * second);
            Reply::Full(429, ("retry-after", date), Vec::new())
        }
        _ => Reply::Status(200),
    });
    let pipeline = started(&server);
    pipeline.push(error("e"));
    until(&pipeline, "delivered", |stats| stats.exported == 1);
    let seen = server.seen();
    // A date has whole seconds. Without it the wait would be 250 ms at most.
    let waited = seen[1].at - seen[0].at;
    assert!(waited >= second, "{waited:?}");
}

#[test]
fn a_flush_tries_at_once_whatever_the_wait() {
    let server = Server::reluctant(|| Reply::Full(503, ("retry-after", "300".to_owned()), Vec::new()));
    let pipeline = started(&server);
    pipeline.push(error("e"));
    server.wait_for(1);
    promptly(|| pipeline.flush(HANG_GUARD)).unwrap();
    assert_eq!(pipeline.stats().exported, 1);
}

#[test]
fn what_is_refused_for_good_is_not_tried_again() {
    for status in [301, 307, 400, 401, 404, 500, 501] {
        let location = ("location", "/elsewhere".to_owned());
        let server = Server::start(move |_, _| Reply::Full(status, location.clone(), Vec::new()));
        let pipeline = started(&server);
        pipeline.push(span("s"));
        pipeline.push(span("t"));
        assert_eq!(pipeline.flush(HANG_GUARD), Err(FlushError::Undelivered { items: 2 }), "{status}");
        let stats = pipeline.stats();
        books(&stats);
        assert_eq!((stats.dropped.rejected, stats.queued), (2, 0), "{status}");
        assert_eq!(server.seen().len(), 1, "{status}");
    }
}

#[test]
fn a_request_too_large_for_the_server_is_halved_until_it_fits() {
    let server = Server::start(|_, seen| match seen.items().as_slice() {
        ["poison"] => Reply::Status(413),
        items if items.len() > 3 => Reply::Status(413),
        items if items.contains(&"poison") => Reply::Status(413),
        _ => Reply::Status(200),
    });
    let pipeline = started(&server);
    let names: Vec<String> = (0..20).map(|n| n.to_string()).collect();
    for name in &names {
        pipeline.push(span(name));
    }
    pipeline.push(span("poison"));
    assert_eq!(pipeline.flush(HANG_GUARD), Err(FlushError::Undelivered { items: 1 }));
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.exported, stats.dropped.too_large), (20, 1));
    let seen = server.seen();
    let accepted = seen.iter().map(server::Seen::items);
    let accepted = accepted.filter(|items| items.len() <= 3 && !items.contains(&"poison"));
    assert_eq!(accepted.flatten().collect::<Vec<_>>(), names, "all, once, in order");
}

#[test]
fn partial_success_counts_what_was_refused() {
    let server = Server::start(|_, seen| {
        let body = match seen.path.as_str() {
            "/v1/traces" => ExportTraceServiceResponse {
                partial_success: Some(ExportTracePartialSuccess {
                    rejected_spans: 2,
                    error_message: "two of them".to_owned(),
                }),
            }
            .encode_to_vec(),
            // More than there were: a server cannot refuse what it was not given.
            _ => ExportLogsServiceResponse {
                partial_success: Some(ExportLogsPartialSuccess {
                    rejected_log_records: 99,
                    error_message: String::new(),
                }),
            }
            .encode_to_vec(),
        };
        Reply::Full(200, ("content-type", "application/x-protobuf".to_owned()), body)
    });
    let pipeline = started(&server);
    for name in ["1", "2", "3"] {
        pipeline.push(span(name));
    }
    pipeline.push(log("l"));
    assert_eq!(pipeline.flush(HANG_GUARD), Err(FlushError::Undelivered { items: 3 }));
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.exported, stats.dropped.rejected), (1, 3));
}

#[test]
fn an_answer_cut_short_is_an_answer() {
    let server = Server::start(|_, _| Reply::CutAnswer);
    let pipeline = started(&server);
    pipeline.push(span("s"));
    pipeline.flush(HANG_GUARD).unwrap();
    assert_eq!(pipeline.stats().exported, 1);
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn an_endpoint_that_is_not_there_costs_the_caller_nothing() {
    let pipeline = start(settings(&refused()));
    for _ in 0..10 {
        pipeline.push(error("e"));
    }
    let kept = promptly(|| pipeline.flush(HANG_GUARD));
    assert_eq!(kept, Err(FlushError::Undelivered { items: 10 }));
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.queued, stats.dropped.total()), (10, 0), "kept for another try");
    let lost = promptly(|| pipeline.shutdown(HANG_GUARD));
    assert_eq!(lost, Err(FlushError::Undelivered { items: 10 }));
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.queued, stats.dropped.shut_down), (0, 10));
    assert_eq!(pipeline.flush(HANG_GUARD), lost, "the shutdown's outcome");
}

#[test]
fn after_an_outage_the_interval_counts_again() {
    let server = Server::reluctant(|| Reply::Status(503));
    let mut settings = settings(&server.url());
    settings.interval = Duration::from_millis(20);
    let pipeline = start(settings);
    pipeline.push(error("e"));
    until(&pipeline, "recovered", |stats| stats.exported == 1);
    pipeline.push(log("l"));
    until(&pipeline, "sent", |stats| stats.exported == 2);
}

#[test]
fn what_cannot_be_delivered_for_too_long_expires() {
    let mut settings = settings(&refused());
    settings.retry_for = Duration::ZERO;
    let pipeline = start(settings);
    pipeline.push(error("e"));
    let stats = until(&pipeline, "expired", |stats| stats.queued == 0);
    assert_eq!(stats.dropped.expired, 1);
}
