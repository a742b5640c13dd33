//! The open spans of the lean subscriber, by id.
//!
//! A span lies in a slot that is used again, and its id says which and for which time: an id that outlives its span finds nothing. Each thread
//! takes slots of its own shard, so threads that make spans do not wait for each other; a span can be used and closed on any thread.

use std::sync::{
    Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use tracing::{Metadata, span::Id};

use super::super::{noted::Noted, spans::Kept};

const SHARD_BITS: u32 = 4;
/// Shards; threads beyond that share them.
const SHARDS: usize = 1 << SHARD_BITS;
/// Slots in the first segment of a shard. Each further segment is twice as large as the one before.
const FIRST: usize = 32;
/// Segments of a shard: 16 million spans that are open at once.
const SEGMENTS: usize = 19;

#[derive(Debug)]
pub(super) struct Store {
    shards: [Shard; SHARDS],
}

/// Aligned so that two threads' shards share no cache line.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    free: Mutex<Free>,
    segments: [OnceLock<Box<[Slot]>>; SEGMENTS],
}

#[derive(Debug, Default)]
struct Free {
    used_before: Vec<usize>,
    /// The first slot that was never used.
    next: usize,
}

type Slot = Mutex<State>;

#[derive(Debug, Default)]
struct State {
    /// How many spans the slot has had.
    generation: u32,
    span: Option<Span>,
}

#[derive(Debug)]
struct Span {
    metadata: &'static Metadata<'static>,
    /// Keeps the parent open.
    parent: Option<Id>,
    handles: usize,
    noted: Noted,
}

/// A span that nobody holds any more.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) noted: Noted,
    /// To be released in its turn.
    pub(super) parent: Option<Id>,
}

/// Where an id says that a span is.
#[derive(Debug, Clone, Copy)]
struct Place {
    shard: usize,
    index: usize,
    generation: u32,
}

impl Store {
    pub(super) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Shard::new()) }
    }

    /// A span with one handle. `parent` is a handle as well.
    pub(super) fn open(&self, metadata: &'static Metadata<'static>, parent: Option<Id>, noted: Noted) -> Id {
        let number = shard_of_thread();
        let place = self.shards.get(number).and_then(|shard| {
            let index = shard.free().take();
            let mut slot = lock(shard.slot_or_new(index)?);
            slot.generation = slot.generation.wrapping_add(1).max(1);
            slot.span = Some(Span { metadata, parent, handles: 1, noted });
            Some(Place { shard: number, index, generation: slot.generation })
        });
        // With all slots in use, a span is known to nobody.
        place.unwrap_or(Place::NOWHERE).id()
    }

    /// The span, if it is still open.
    pub(super) fn find(&self, id: &Id) -> Option<Found<'_>> {
        let place = Place::of(id);
        let shard = self.shards.get(place.shard)?;
        Some(Found { shard, slot: shard.slot(place.index)?, place })
    }

    /// One handle more; `None` if the span is gone.
    pub(super) fn hold(&self, id: &Id) -> Option<Id> {
        self.find(id)?.with(|span| span.handles = span.handles.saturating_add(1))?;
        Some(id.clone())
    }

    /// One handle less. Gives the span if that was the last.
    pub(super) fn release(&self, id: &Id) -> Option<Closed> {
        let found = self.find(id)?;
        let mut slot = found.lock()?;
        let span = slot.span.as_mut()?;
        span.handles = span.handles.saturating_sub(1);
        if span.handles > 0 {
            return None;
        }
        let Span { noted, parent, .. } = slot.span.take()?;
        drop(slot);
        found.shard.free().used_before.push(found.place.index);
        Some(Closed { noted, parent })
    }
}

/// The slot in which a span was put.
#[derive(Debug)]
pub(in super::super) struct Found<'a> {
    shard: &'a Shard,
    slot: &'a Slot,
    place: Place,
}

impl<'a> Found<'a> {
    /// The slot, unless the span is gone.
    fn lock(&self) -> Option<MutexGuard<'a, State>> {
        Some(lock(self.slot)).filter(|slot| slot.generation == self.place.generation && slot.span.is_some())
    }

    pub(super) fn metadata(&self) -> Option<&'static Metadata<'static>> {
        self.with(|span| span.metadata)
    }

    fn with<T>(&self, show: impl FnOnce(&mut Span) -> T) -> Option<T> {
        self.lock()?.span.as_mut().map(show)
    }
}

impl Kept for Found<'_> {
    fn note<T>(&self, show: impl FnOnce(&mut Noted) -> T) -> Option<T> {
        self.with(|span| show(&mut span.noted))
    }
}

impl Shard {
    const fn new() -> Self {
        Self {
            free: Mutex::new(Free { used_before: Vec::new(), next: 0 }),
            segments: [const { OnceLock::new() }; SEGMENTS],
        }
    }

    fn free(&self) -> MutexGuard<'_, Free> {
        lock(&self.free)
    }

    fn slot(&self, index: usize) -> Option<&Slot> {
        let (segment, offset) = segment_of(index);
        self.segments.get(segment)?.get()?.get(offset)
    }

    fn slot_or_new(&self, index: usize) -> Option<&Slot> {
        let (segment, offset) = segment_of(index);
        let slots = self
            .segments
            .get(segment)?
            .get_or_init(|| (0..FIRST << segment).map(|_| Slot::default()).collect());
        slots.get(offset)
    }
}

impl Free {
    fn take(&mut self) -> usize {
        self.used_before.pop().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        })
    }
}

impl Place {
    /// Where nothing is.
    const NOWHERE: Self = Self { shard: 0, index: (u32::MAX >> SHARD_BITS) as usize, generation: 0 };

    /// The generation, and below it the slot: its index, and then its shard.
    fn id(self) -> Id {
        let slot = (self.index << SHARD_BITS) | self.shard;
        Id::from_u64(u64::from(self.generation) << 32 | slot as u64)
    }

    fn of(id: &Id) -> Self {
        let [a, b, c, d, slot @ ..] = id.into_u64().to_be_bytes();
        let slot = u32::from_be_bytes(slot) as usize;
        Self { shard: slot % SHARDS, index: slot >> SHARD_BITS, generation: u32::from_be_bytes([a, b, c, d]) }
    }
}

/// The segment of a slot, and the slot's place in it.
fn segment_of(index: usize) -> (usize, usize) {
    let segment = (index / FIRST + 1).ilog2();
    (segment as usize, index - FIRST * ((1 << segment) - 1))
}

fn shard_of_thread() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static SHARD: usize = THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS);
    SHARD.try_with(|shard| *shard).unwrap_or_default()
}

/// Each change leaves a slot whole, so what a panic has left behind is no reason for another.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use opentelemetry::Context;
    use proptest::prelude::*;

    use super::{super::carrier::METADATA, *};
    use crate::bridge::noted::State as NotedState;

    fn open(store: &Store, parent: Option<Id>) -> Id {
        store.open(&METADATA, parent, Noted::new(NotedState::Standing(Context::new())))
    }

    #[derive(Debug, Clone)]
    enum Step {
        Open,
        Hold(usize),
        Release(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let number = 0_usize..64;
        prop_oneof![
            2 => Just(Step::Open),
            1 => number.clone().prop_map(Step::Hold),
            3 => number.prop_map(Step::Release),
        ]
    }

    proptest! {
        #[test]
        fn a_span_is_there_as_long_as_it_is_held(steps in prop::collection::vec(step(), 0..200)) {
            let store = Store::new();
            let mut ids = Vec::new();
            let mut handles = HashMap::new();
            for step in steps {
                let chosen = |number: usize| Some(Id::clone(ids.get(number.checked_rem(ids.len())?)?));
                match step {
                    Step::Open => {
                        let id = open(&store, None);
                        prop_assert_eq!(handles.insert(id.clone(), 1_usize), None, "no id comes twice");
                        ids.push(id);
                    }
                    Step::Hold(number) => if let Some(id) = chosen(number) {
                        let held = handles.entry(id.clone()).or_default();
                        prop_assert_eq!(store.hold(&id).is_some(), *held > 0);
                        *held += usize::from(*held > 0);
                    },
                    Step::Release(number) => if let Some(id) = chosen(number) {
                        let held = handles.entry(id.clone()).or_default();
                        prop_assert_eq!(store.release(&id).is_some(), *held == 1);
                        *held = held.saturating_sub(1);
                    },
                }
                for (id, held) in &handles {
                    let metadata = store.find(id).and_then(|found| found.metadata());
                    prop_assert_eq!(metadata.is_some(), *held > 0);
                }
            }
        }

        #[test]
        fn ids_say_where(shard in 0..SHARDS, index in 0_usize..1 << 24, generation in 1_u32..) {
            let id = Place { shard, index, generation }.id();
            let place = Place::of(&id);
            prop_assert_eq!((place.shard, place.index, place.generation), (shard, index, generation));
            prop_assert_ne!(id, super::super::carrier::of_the_current());
        }
    }

    #[test]
    fn slots_lie_one_after_another_and_each_segment_is_twice_as_large() {
        let mut expected = (0, 0);
        for index in 0..10_000 {
            assert_eq!(segment_of(index), expected, "{index}");
            expected.1 += 1;
            if expected.1 == FIRST << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
    }

    #[test]
    fn what_one_thread_opens_and_another_closes_is_used_again() {
        let store = Store::new();
        let (sender, receiver) = std::sync::mpsc::sync_channel(8);
        let slots = std::thread::scope(|scope| {
            let opener = scope.spawn(|| {
                let slots = (0..10_000).map(|_| {
                    let id = open(&store, None);
                    let slot = Place::of(&id).index;
                    sender.send(id).unwrap();
                    slot
                });
                let most = slots.max();
                drop(sender);
                most
            });
            for id in receiver {
                assert!(store.release(&id).is_some());
            }
            opener.join().unwrap()
        });
        // Those on their way, and one in each hand.
        assert!(slots < Some(16), "{slots:?}");
    }

    #[test]
    fn a_span_known_to_nobody_is_no_harm() {
        let store = Store::new();
        for id in [
            Place::NOWHERE.id(),
            Id::from_u64(1),
            Id::from_u64(u64::MAX),
            super::super::carrier::of_the_current(),
        ] {
            assert!(store.find(&id).is_none_or(|found| found.metadata().is_none()));
            assert!(store.hold(&id).is_none() && store.release(&id).is_none());
        }
    }
}
