//! What is lost is told to the server, and what is left out on purpose is no loss.

use super::{metrics::Points, *};

#[test]
fn what_before_send_drops_is_counted_and_is_no_loss() {
    let server = Server::start(|_, _| Reply::Status(200));
    let points = Box::new(Points::new(10));
    let pipeline = Pipeline::start(settings(&server.url()), Box::new(Lines), Some(points)).unwrap();
    pipeline.push(span("unwanted"));
    pipeline.push(span("wanted"));
    pipeline.push(log("unwanted"));
    pipeline.flush(HANG_GUARD).unwrap();
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.dropped.before_send, stats.dropped.total(), stats.exported), (3, 3, 11));
}

#[test]
fn losses_are_reported_to_the_server_and_are_in_no_book() {
    let server = Server::start(|_, seen| match seen.items().as_slice() {
        ["telemetry was lost"] => Reply::Status(200),
        _ => Reply::Status(400),
    });
    let mut settings = settings(&server.url());
    settings.report_losses = Some(Duration::ZERO);
    let pipeline = start(settings);
    pipeline.push(span("s"));
    assert_eq!(pipeline.flush(HANG_GUARD), Err(FlushError::Undelivered { items: 1 }));
    assert_eq!(server.taken(), ["telemetry was lost"]);
    assert_eq!(server.seen()[1].path, "/v1/logs");
    assert_eq!(pipeline.flush(HANG_GUARD), Ok(()), "nothing new");
    assert_eq!(server.seen().len(), 2);
    let stats = pipeline.stats();
    books(&stats);
    assert_eq!((stats.produced, stats.exported, stats.dropped.total()), (1, 0, 1));
}

#[test]
fn a_report_of_losses_that_is_refused_is_no_loss_to_report() {
    let server = Server::start(|_, _| Reply::Status(400));
    let mut settings = settings(&server.url());
    settings.report_losses = Some(Duration::ZERO);
    let said = listen(&mut settings);
    let pipeline = start(settings);
    pipeline.push(span("s"));
    let _ = pipeline.flush(HANG_GUARD);
    let _ = pipeline.flush(HANG_GUARD);
    assert_eq!(server.items(), ["s", "telemetry was lost"]);
    assert_eq!(pipeline.stats().dropped.total(), 1);
    assert_eq!(said.lock().unwrap().len(), 1);
}

#[test]
fn after_an_outage_the_report_comes_last() {
    let server = Server::reluctant(|| Reply::Status(503));
    let mut settings = settings(&server.url());
    settings.report_losses = Some(Duration::from_secs(60));
    settings.limits = Limits { max_items: 2, error_reserve: 1, ..Limits::default() };
    let pipeline = start(settings);
    pipeline.push(error("first"));
    server.wait_for(1);
    for n in 0..5 {
        pipeline.push(log(&n.to_string()));
    }
    pipeline.flush(HANG_GUARD).unwrap();
    assert_eq!(server.taken(), ["first", "0", "telemetry was lost"]);
    assert_eq!(pipeline.stats().dropped.queue_full, 4);
}
