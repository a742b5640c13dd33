//! What goes, and that it is counted.

use std::time::Duration;

use highlight_local::{
    Store, StoreLimits,
    archive::{LogQuery, Retention, SessionQuery},
};

use super::*;

fn retained(retention: Retention) -> Archived {
    let receiver = receiver();
    let archive = Archive::in_memory().retention(retention).start(&receiver.store()).unwrap();
    Archived { receiver, archive }
}

#[test]
fn what_is_over_the_size_goes_oldest_first_and_is_counted() {
    let bytes = 2 << 20;
    let archived = retained(Retention { bytes, ..Retention::default() });
    let long = "word ".repeat(200);
    let batches = 40;
    for batch in 0..batches {
        let session = resource("shop", &format!("session-{batch:02}"), &format!("request-{batch:02}"));
        let logs: Vec<Message> =
            (0..100).map(|n| levelled(&format!("{batch} {n} {long}"), "INFO", &[])).collect();
        archived.logs(&session, &logs);
        archived.archive.settle();
    }
    let reader = archived.reader();
    let overview = reader.overview().unwrap();
    assert!(overview.expired > 0);
    assert_eq!(overview.expired + overview.logs, batches * 100, "each row is there or counted");
    // Freed pages are reused: the file stays near what is allowed.
    assert!(overview.bytes < bytes + bytes / 2, "{}", overview.bytes);
    let newest = reader.logs(&LogQuery::default()).unwrap().items.remove(0);
    assert!(newest.message.starts_with("39 99 "), "{}", newest.message);
    let sessions = reader.sessions(&SessionQuery::default()).unwrap().items;
    assert_eq!(sessions[0].id, "session-39");
    assert!(sessions.iter().all(|session| session.id != "session-00"), "what has no row left is gone");
    let gone = LogQuery { session: Some("session-00".to_owned()), ..LogQuery::default() };
    assert!(reader.logs(&gone).unwrap().items.is_empty());
    let searched = LogQuery { text: Some("0".to_owned()), session: Some("session-00".to_owned()), ..gone };
    assert!(reader.logs(&searched).unwrap().items.is_empty());
}

#[test]
fn what_is_too_old_goes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("archive");
    let receiver = receiver();
    let first = Archived { archive: Archive::file(&file).start(&receiver.store()).unwrap(), receiver };
    first.logs(&resource("shop", "sess", "req"), &[levelled("old", "INFO", &[]), error("old", &[])]);
    assert_eq!(first.reader().overview().unwrap().logs, 2);
    drop(first);

    let retention = Retention { age: Duration::ZERO, ..Retention::default() };
    let archive =
        Archive::file(&file).retention(retention).start(&Store::new(StoreLimits::default())).unwrap();
    let reader = archive.reader();
    // Ends when the writer has done what it does first.
    drop(archive);
    let overview = reader.overview().unwrap();
    assert_eq!((overview.logs, overview.errors, overview.sessions, overview.requests), (0, 0, 0, 0));
    assert_eq!((overview.error_groups, overview.services.len()), (0, 0));
    assert_eq!(overview.expired, 3);
}

#[test]
fn rows_that_the_store_lost_first_are_counted() {
    let receiver = Receiver::builder()
        .address(0)
        .limits(StoreLimits { rows: 10, ..StoreLimits::default() })
        .start()
        .unwrap();
    let logs: Vec<Message> = (0..25).map(|n| levelled(&n.to_string(), "INFO", &[])).collect();
    let answer = client::post(&receiver, "/v1/logs", &of_project(&logs).bytes());
    assert_eq!(answer.status, 200);
    let archive = Archive::in_memory().start(&receiver.store()).unwrap();
    let archived = Archived { receiver, archive };
    let overview = archived.reader().overview().unwrap();
    assert_eq!((overview.logs, overview.missed), (10, 15));
}

#[test]
fn dropping_it_writes_what_has_come() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("archive");
    let receiver = receiver();
    let archived = Archived { archive: Archive::file(&file).start(&receiver.store()).unwrap(), receiver };
    let logs: Vec<Message> = (0..5_000).map(|n| levelled(&n.to_string(), "INFO", &[])).collect();
    archived.logs(&resource("shop", "", ""), &logs);
    drop(archived);
    assert_eq!(Reader::open(&file).unwrap().overview().unwrap().logs, 5_000);
}

#[test]
fn rows_that_the_database_refuses_are_counted_and_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("archive");
    let receiver = receiver();
    let archived = Archived { archive: Archive::file(&file).start(&receiver.store()).unwrap(), receiver };
    let shop = resource("shop", "", "");
    archived.logs(&shop, &[levelled("one", "INFO", &[])]);
    let reader = archived.reader();
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("ALTER TABLE batches RENAME TO away").unwrap();
    archived.logs(&shop, &[levelled("two", "INFO", &[]), levelled("three", "INFO", &[])]);
    archived.archive.settle();
    let overview = reader.overview().unwrap();
    assert_eq!((overview.logs, overview.failed), (1, 2), "all or nothing of a batch");
    assert!(overview.problem.is_some());

    other.execute_batch("ALTER TABLE away RENAME TO batches").unwrap();
    archived.logs(&shop, &[levelled("four", "INFO", &[])]);
    let overview = archived.reader().overview().unwrap();
    assert_eq!((overview.logs, overview.failed, overview.problem), (2, 2, None));
}
