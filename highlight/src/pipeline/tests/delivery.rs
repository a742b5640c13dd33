//! What is pushed arrives, promptly and whole.

use std::sync::mpsc;

use http::HeaderValue;

use super::{metrics::Points, *};

#[test]
fn each_signal_arrives_at_its_path_with_its_headers() {
    let server = Server::start(|_, _| Reply::Status(200));
    let mut settings = settings(&format!("{}/prefix/", server.url()));
    settings.transport.headers.insert("x-key", HeaderValue::from_static("secret"));
    let pipeline = Pipeline::start(settings, Box::new(Lines), Some(Box::new(Points::new(1)))).unwrap();
    pipeline.push(span("s1"));
    pipeline.push(log("l1"));
    pipeline.push(span("s2"));
    pipeline.flush(HANG_GUARD).unwrap();
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.produced, stats.exported, stats.queued), (4, 4, 0));

    let mut arrived: Vec<_> =
        server.seen().iter().map(|seen| (seen.path.clone(), seen.body.clone())).collect();
    arrived.sort();
    let expected = [("logs", "l1\n"), ("metrics", "point\n"), ("traces", "s1\ns2\n")]
        .map(|(signal, body)| (format!("/prefix/v1/{signal}"), body.to_owned()));
    assert_eq!(arrived, expected);
    for seen in server.seen() {
        let header = |name: &str| seen.headers.get(name).map(String::as_str);
        assert_eq!(header("content-type"), Some("application/x-protobuf"));
        assert_eq!(header("content-encoding"), Some("gzip"));
        assert_eq!(header("x-key"), Some("secret"));
        let agent = format!("highlight-rust/{}", env!("CARGO_PKG_VERSION"));
        assert_eq!(header("user-agent"), Some(agent.as_str()));
    }
}

#[test]
fn compression_can_be_switched_off() {
    let server = Server::start(|_, _| Reply::Status(200));
    let mut settings = settings(&server.url());
    settings.transport.gzip = false;
    let pipeline = start(settings);
    pipeline.push(span("a"));
    pipeline.push(span("b"));
    pipeline.flush(HANG_GUARD).unwrap();
    assert_eq!(server.items(), ["a", "b"]);
    assert!(!server.seen()[0].headers.contains_key("content-encoding"));
}

#[test]
fn what_was_pushed_just_before_a_flush_is_part_of_it() {
    let server = Server::start(|_, _| Reply::Status(200));
    let pipeline = started(&server);
    for round in 0..200 {
        pipeline.push(log(&round.to_string()));
        pipeline.flush(HANG_GUARD).unwrap();
        assert_eq!(pipeline.stats().exported, round + 1);
    }
}

#[test]
fn errors_and_full_batches_do_not_wait_for_the_interval() {
    let server = Server::start(|_, _| Reply::Status(200));
    let mut settings = settings(&server.url());
    settings.limits.batch_items = 4;
    let pipeline = start(settings);
    pipeline.push(log("l"));
    pipeline.push(error("e"));
    server.wait_for(1);
    assert_eq!(server.seen()[0].items(), ["e", "l"], "the error first, the log fills its batch");
    for name in ["1", "2", "3", "4"] {
        pipeline.push(span(name));
    }
    server.wait_for(2);
    assert_eq!(server.seen()[1].items(), ["1", "2", "3", "4"]);
}

#[test]
fn the_interval_sends_what_fills_no_batch() {
    let server = Server::start(|_, _| Reply::Status(200));
    let mut settings = settings(&server.url());
    settings.interval = Duration::from_millis(20);
    let pipeline = start(settings);
    for name in ["a", "b"] {
        pipeline.push(span(name));
        until(&pipeline, "sent", |stats| stats.queued == 0);
    }
    assert_eq!(server.items(), ["a", "b"]);
}

#[test]
fn bodies_stay_below_the_limit() {
    let server = Server::start(|_, _| Reply::Status(200));
    let pipeline = started(&server);
    for name in ["large", "small", "huge", "large"] {
        pipeline.push(span(name));
    }
    assert_eq!(pipeline.flush(HANG_GUARD), Err(FlushError::Undelivered { items: 1 }));
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.exported, stats.dropped.too_large), (3, 1));
    let seen = server.seen();
    assert_eq!(seen.iter().map(|seen| seen.items().len()).collect::<Vec<_>>(), [2, 1]);
    assert!(seen.iter().all(|seen| seen.body.len() <= 8 << 20));
}

#[test]
fn many_requests_share_one_connection() {
    let server = Server::start(|_, _| Reply::Status(200));
    let pipeline = started(&server);
    for round in 0..50 {
        pipeline.push(log(&round.to_string()));
        pipeline.push(span(&round.to_string()));
        pipeline.flush(HANG_GUARD).unwrap();
    }
    assert_eq!((server.seen().len(), server.connections()), (100, 1));
}

#[test]
fn encoding_and_sending_produce_no_telemetry() {
    struct Probe(mpsc::Sender<bool>);
    impl Encode for Probe {
        fn spans(&mut self, _: Weighed<'_, SpanRecord>) -> Encoded {
            let suppressed = opentelemetry::Context::is_current_telemetry_suppressed();
            self.0.send(suppressed).unwrap();
            Encoded::default()
        }
        fn logs(&mut self, _: Weighed<'_, LogRecord>) -> Encoded {
            Encoded::default()
        }
    }
    let (sender, suppressed) = mpsc::channel();
    let pipeline = Pipeline::start(settings(&refused()), Box::new(Probe(sender)), None).unwrap();
    pipeline.push(span("s"));
    let _ = pipeline.flush(HANG_GUARD);
    assert!(suppressed.recv_timeout(HANG_GUARD).unwrap());
}
