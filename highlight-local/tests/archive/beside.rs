//! Readers and the writer at the same time.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use highlight_local::archive::{ArchiveBuilder, LogQuery, SessionQuery};

use super::*;

/// Every answer is of one moment, and nothing is lost or refused meanwhile.
fn reads_beside_writes(builder: ArchiveBuilder) {
    const BATCHES: u64 = 40;
    let receiver = receiver();
    let archived = Archived { archive: builder.start(&receiver.store()).unwrap(), receiver };
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let read = || {
            let reader = archived.archive.reader();
            let mut most = 0;
            while !done.load(Ordering::Relaxed) {
                let query = LogQuery { text: Some("log".to_owned()), ..LogQuery::default() };
                assert!(reader.logs(&query).unwrap().items.is_sorted_by(|a, b| a.id > b.id));
                reader.sessions(&SessionQuery::default()).unwrap();
                let overview = reader.overview().unwrap();
                assert!(overview.logs >= most && overview.logs % 50 == 0, "a batch is there or is not");
                most = overview.logs;
            }
        };
        let readers = [scope.spawn(read), scope.spawn(read), scope.spawn(read)];
        for batch in 0..BATCHES {
            let logs: Vec<Message> = (0..50).map(|n| levelled(&format!("log {n}"), "INFO", &[])).collect();
            archived.logs(&resource("shop", "sess", &format!("req-{batch}")), &logs);
        }
        archived.archive.settle();
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.join().unwrap();
        }
    });
    let overview = archived.reader().overview().unwrap();
    assert_eq!((overview.logs, overview.requests), (BATCHES * 50, BATCHES));
    assert_eq!((overview.missed, overview.failed, overview.problem), (0, 0, None));
}

#[test]
fn in_memory() {
    reads_beside_writes(Archive::in_memory());
}

#[test]
fn in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    reads_beside_writes(Archive::file(folder.path().join("archive")));
}
