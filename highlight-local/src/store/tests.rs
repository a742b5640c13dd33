use std::thread;

use proptest::prelude::*;

use super::*;
use crate::{
    model::Origin,
    note::{DropReason, Dropped, Item, Subject},
};

/// Long enough that a test which needs it has hung.
const HANG: Duration = Duration::from_secs(60);

fn row(name: &str) -> Row {
    let subject = Subject { item: Item::Span, name: name.to_owned(), origin: Origin::default() };
    Dropped { subject, reason: DropReason::MissingProject }.into()
}

fn names(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.dropped.iter().map(|note| note.subject.name.as_str()).collect()
}

#[test]
fn waiting_ends_when_the_rows_come() {
    let store = Store::new(StoreLimits::default());
    let writer = store.clone();
    let writing = thread::spawn(move || {
        for name in ["a", "b", "c"] {
            writer.add([row(name)]);
        }
    });
    assert!(store.wait_until(HANG, |seen| names(seen) == ["a", "b", "c"]));
    writing.join().unwrap();
}

#[test]
fn waiting_for_what_does_not_come_ends_too() {
    let store = Store::new(StoreLimits::default());
    store.add([row("a")]);
    assert!(!store.wait_until(Duration::from_millis(20), |seen| names(seen) == ["b"]));
    assert!(store.wait_until(Duration::ZERO, |seen| names(seen) == ["a"]));
}

#[test]
fn a_condition_may_use_the_store() {
    let store = Store::new(StoreLimits::default());
    assert!(store.wait_until(HANG, |_| {
        store.add([row("a")]);
        !store.snapshot().dropped.is_empty()
    }));
}

#[test]
fn a_wait_longer_than_time_itself_works() {
    let store = Store::new(StoreLimits::default());
    assert!(store.wait_until(Duration::MAX, |_| true));
}

/// Also shows that no timer of the runtime is needed: this one has none.
#[test]
fn async_waiting_needs_no_timer() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = Store::new(StoreLimits::default());
    let writer = store.clone();
    runtime.block_on(async {
        assert!(!store.wait_until_async(Duration::from_millis(20), |seen| !seen.dropped.is_empty()).await);
        let writing = thread::spawn(move || writer.add([row("a")]));
        assert!(store.wait_until_async(HANG, |seen| names(seen) == ["a"]).await);
        writing.join().unwrap();
    });
}

#[test]
fn readers_get_every_row_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = Store::new(StoreLimits::default());
    let mut position = Position::default();
    runtime.block_on(async {
        store.add([row("a"), row("b")]);
        assert_eq!(store.next_rows(&mut position).await.len(), 2);
        let writer = store.clone();
        let writing = thread::spawn(move || writer.add([row("c")]));
        assert_eq!(store.next_rows(&mut position).await.len(), 1);
        writing.join().unwrap();
    });
}

#[test]
fn a_reader_may_begin_at_the_end() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = Store::new(StoreLimits::default());
    store.add([row("a")]);
    let mut position = store.end();
    store.add([row("b")]);
    let rows = runtime.block_on(store.next_rows(&mut position));
    assert!(matches!(rows.as_slice(), [Row::Dropped(note)] if note.subject.name == "b"));
}

proptest! {
    #[test]
    fn memory_is_bounded_and_the_newest_rows_stay(
        lengths in prop::collection::vec(0usize..3_000, 1..60),
        rows in 1usize..20,
        bytes in 0usize..20_000,
    ) {
        let store = Store::new(StoreLimits { rows, bytes, ..StoreLimits::default() });
        for length in &lengths {
            store.add([row(&"x".repeat(*length))]);
        }
        let kept: Vec<usize> = names(&store.snapshot()).iter().map(|name| name.len()).collect();
        prop_assert!(kept.len() <= rows);
        prop_assert!(kept.iter().sum::<usize>() <= bytes);
        prop_assert!(lengths.ends_with(&kept));
        prop_assert_eq!(store.snapshot().evicted, (lengths.len() - kept.len()) as u64);
    }
}
