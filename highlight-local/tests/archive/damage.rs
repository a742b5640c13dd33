//! Files that are no archive, or none any more.

use std::{fs, path::Path};

use highlight_local::{
    Store, StoreLimits,
    archive::{LogQuery, OpenError},
};

use super::*;

fn open(file: &Path) -> Result<Archive, OpenError> {
    Archive::file(file).start(&Store::new(StoreLimits::default()))
}

/// An archive of some pages.
fn filled(file: &Path) {
    let receiver = receiver();
    let archived = Archived { archive: Archive::file(file).start(&receiver.store()).unwrap(), receiver };
    let logs: Vec<Message> = (0..500).map(|n| levelled(&format!("log {n}"), "INFO", &[])).collect();
    archived.logs(&resource("shop", "sess", "req"), &logs);
}

#[test]
fn rows_outlive_the_program_and_new_ones_come_after_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("archive");
    filled(&file);
    filled(&file);
    let reader = Reader::open(&file).unwrap();
    assert_eq!(reader.overview().unwrap().logs, 1_000);
    let session = reader.session("sess").unwrap().unwrap();
    assert_eq!(session.requests[0].logs, 1_000);
    let query = LogQuery { text: Some("499".to_owned()), ..LogQuery::default() };
    assert_eq!(reader.logs(&query).unwrap().items.len(), 2);
}

#[test]
fn another_programs_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    let text = "these are my notes, and nothing else\n".repeat(100);
    fs::write(&file, &text).unwrap();
    for outcome in [open(&file).err(), Reader::open(&file).err()] {
        assert!(matches!(outcome, Some(OpenError::NotAnArchive { .. })), "{outcome:?}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), text);

    let database = folder.path().join("other.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.execute_batch("CREATE TABLE logs(x)").unwrap();
    let outcome = open(&database).err();
    assert!(matches!(outcome, Some(OpenError::NotAnArchive { .. })), "{outcome:?}");
}

#[test]
fn a_newer_file_asks_for_a_newer_version() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("archive");
    filled(&file);
    rusqlite::Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for outcome in [open(&file).err(), Reader::open(&file).err()] {
        let outcome = outcome.unwrap();
        assert!(matches!(outcome, OpenError::Newer { found: 99, .. }), "{outcome:?}");
        assert!(outcome.to_string().contains("use that version"));
    }
}

#[test]
fn a_damaged_file_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("archive");
    filled(&file);
    let mut bytes = fs::read(&file).unwrap();
    let pages = bytes.len() / 4_096;
    assert!(pages > 20, "{pages}");
    bytes[4_096 * 2..].fill(0xa5);
    fs::write(&file, bytes).unwrap();
    let outcome = open(&file).err();
    assert!(matches!(outcome, Some(OpenError::Damaged { .. })), "{outcome:?}");
    assert!(outcome.unwrap().to_string().contains("move it away"));
}

#[test]
fn a_file_that_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("no/such/folder/archive");
    let outcome = open(&file).err();
    assert!(matches!(outcome, Some(OpenError::Refused { .. })), "{outcome:?}");
    let outcome = Reader::open(&file).err();
    assert!(matches!(outcome, Some(OpenError::Missing { .. })), "{outcome:?}");
}
