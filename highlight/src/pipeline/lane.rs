//! Items of one kind in the order of their arrival.
//!
//! They lie in chunks, and leave in them: nothing is allocated for an item, and the worker takes a batch without moving what is in it.
//!
//! What one thread allocates and another frees is what a queue costs most: allocators keep what a thread frees for that thread. So
//! the worker leaves what an item has held where it is, and whoever puts a new item in its place frees it. By then that has long left
//! the processor's cache, so what comes next is asked for ahead.

use std::{collections::VecDeque, mem};

use super::segment::Weighed;
use crate::prefetch::{self, Holder};

/// Items in a chunk, at most.
const CHUNK_ITEMS: usize = 64;
/// Spent chunks that are kept for what comes: more than the worker has in hand at a time.
const SPARE_CHUNKS: usize = 16;
/// So many places before its turn what is left of an item is asked for, and then what that holds: the spans of a request end in quick
/// succession.
const AHEAD: usize = 4;
const HELD_AHEAD: usize = 2;
/// What is left of heavier items is not kept.
const KEPT_BYTES: usize = 1024;

/// A first-in first-out list that knows how much memory its items hold.
#[derive(Debug)]
pub(super) struct Lane<T> {
    /// None of them is empty.
    chunks: VecDeque<Chunk<T>>,
    spare: Vec<Chunk<T>>,
    len: usize,
    bytes: usize,
}

/// Items that came one after another.
#[derive(Debug)]
pub(super) struct Chunk<T> {
    /// The items; after them, what is left of earlier ones.
    items: Vec<T>,
    /// The estimated weights of the items.
    weights: Vec<usize>,
}

impl<T: Default + Holder> Lane<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the item, and leaves there what is left of an earlier one.
    pub(super) fn push(&mut self, item: &mut T, weight: usize) {
        self.len += 1;
        self.bytes += weight;
        if let Some(last) = self.chunks.back_mut().filter(|chunk| chunk.len() < CHUNK_ITEMS) {
            return last.push(item, weight);
        }
        let mut chunk = self.empty_chunk();
        chunk.push(item, weight);
        self.chunks.push_back(chunk);
    }

    /// Takes back what came last.
    pub(super) fn pop_newest(&mut self) -> Option<T> {
        let last = self.chunks.back_mut()?;
        let weight = last.weights.pop()?;
        let item = last.items.remove(last.weights.len());
        self.len -= 1;
        self.bytes -= weight;
        if last.len() == 0 {
            let emptied = self.chunks.pop_back();
            self.give_back(emptied);
        }
        Some(item)
    }

    /// Moves the oldest items to `batch`, as many as `room` still allows.
    pub(super) fn take_oldest(&mut self, room: &mut Room, batch: &mut Vec<Chunk<T>>) -> usize {
        let before = self.len;
        while let Some(oldest) = self.chunks.front_mut() {
            let count = oldest.weights.iter().take_while(|weight| room.claim(**weight)).count();
            let taken = if count == oldest.len() {
                self.chunks.pop_front()
            } else {
                (count > 0).then(|| oldest.split_front(count))
            };
            let Some(taken) = taken else { break };
            self.len -= count;
            self.bytes -= taken.weights.iter().sum::<usize>();
            batch.push(taken);
        }
        before - self.len
    }

    /// Keeps chunks for what comes. They are to be spent: freeing items takes time.
    pub(super) fn give_back(&mut self, chunks: impl IntoIterator<Item = Chunk<T>>) {
        let room = SPARE_CHUNKS.saturating_sub(self.spare.len());
        self.spare.extend(chunks.into_iter().take(room));
    }

    fn empty_chunk(&mut self) -> Chunk<T> {
        self.spare.pop().unwrap_or_else(|| Chunk {
            items: Vec::with_capacity(CHUNK_ITEMS),
            weights: Vec::with_capacity(CHUNK_ITEMS),
        })
    }
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self { chunks: VecDeque::new(), spare: Vec::new(), len: 0, bytes: 0 }
    }
}

impl<T> Chunk<T> {
    pub(super) fn len(&self) -> usize {
        self.weights.len()
    }

    pub(super) fn weighed(&mut self) -> Weighed<'_, T> {
        let Self { items, weights } = self;
        Weighed { items: &mut items[..weights.len()], weights }
    }

    #[cfg(test)]
    pub(super) fn into_items(mut self) -> Vec<T> {
        self.items.truncate(self.weights.len());
        self.items
    }

    /// The items are not needed any more.
    pub(super) fn spend(&mut self) {
        let mut weights = self.weights.drain(..);
        self.items.retain(|_| weights.next().is_none_or(|weight| weight <= KEPT_BYTES));
    }

    fn push(&mut self, item: &mut T, weight: usize)
    where
        T: Default + Holder,
    {
        let at = self.weights.len();
        self.weights.push(weight);
        match self.items.get_mut(at) {
            Some(left) => mem::swap(left, item),
            None => self.items.push(mem::take(item)),
        }
        if let Some(later) = self.items.get(at + AHEAD) {
            prefetch::value(later);
        }
        if let Some(soon) = self.items.get(at + HELD_AHEAD) {
            soon.prefetch_held();
        }
    }

    fn split_front(&mut self, count: usize) -> Self {
        Self { items: self.items.drain(..count).collect(), weights: self.weights.drain(..count).collect() }
    }
}

/// What a batch may still take.
#[derive(Debug)]
pub(super) struct Room {
    items: usize,
    bytes: usize,
    untouched: bool,
}

impl Room {
    pub(super) fn new(items: usize, bytes: usize) -> Self {
        Self { items, bytes, untouched: true }
    }

    /// Reserves room for one item. The first always fits: a batch of nothing would never end.
    fn claim(&mut self, weight: usize) -> bool {
        let fits = self.untouched || (self.items > 0 && self.bytes >= weight);
        if fits {
            self.untouched = false;
            self.items = self.items.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(weight);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Holder for usize {
        fn prefetch_held(&self) {}
    }

    impl Holder for Option<&str> {
        fn prefetch_held(&self) {}
    }

    #[derive(Debug, Clone)]
    enum Step {
        Push(usize),
        Pop,
        Take(usize, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1_usize..100).prop_map(Step::Push),
            1 => Just(Step::Pop),
            1 => (1_usize..150, 1_usize..5000).prop_map(|(items, bytes)| Step::Take(items, bytes)),
        ]
    }

    /// For Miri as well, which sees to what is asked for ahead: `cargo +nightly miri test -p highlight --lib lane::tests::what_is_left`.
    #[test]
    fn what_is_left_of_an_item_goes_with_the_next_unless_it_is_heavy() {
        let mut lane = Lane::default();
        for (name, weight) in [("light", KEPT_BYTES), ("heavy", KEPT_BYTES + 1), ("lighter", 1)] {
            let mut item = Some(name);
            lane.push(&mut item, weight);
            assert_eq!(item, None);
        }
        let mut batch = Vec::new();
        lane.take_oldest(&mut Room::new(3, usize::MAX), &mut batch);
        batch.iter_mut().for_each(Chunk::spend);
        lane.give_back(batch);
        let mut left = [Some("new"); 3];
        for item in &mut left {
            lane.push(item, 1);
        }
        assert_eq!(left, [Some("light"), Some("lighter"), None]);
    }

    proptest! {
        #[test]
        fn a_lane_is_a_list_that_knows_its_weight(steps in prop::collection::vec(step(), 1..600)) {
            let mut lane = Lane::default();
            let mut model = VecDeque::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push(weight) => {
                        lane.push(&mut number.clone(), weight);
                        model.push_back((number, weight));
                    }
                    Step::Pop => prop_assert_eq!(lane.pop_newest(), model.pop_back().map(|(item, _)| item)),
                    Step::Take(items, bytes) => {
                        let mut batch = Vec::new();
                        let taken = lane.take_oldest(&mut Room::new(items, bytes), &mut batch);
                        let mut room = Room::new(items, bytes);
                        let mut expected = Vec::new();
                        while model.front().is_some_and(|(_, weight)| room.claim(*weight)) {
                            expected.extend(model.pop_front().map(|(item, _)| item));
                        }
                        let got: Vec<_> = batch.iter_mut().flat_map(|chunk| chunk.weighed().items.to_vec()).collect();
                        prop_assert_eq!((taken, &got), (expected.len(), &expected));
                        prop_assert!(batch.iter().all(|chunk| chunk.len() > 0));
                        batch.iter_mut().for_each(Chunk::spend);
                        lane.give_back(batch);
                    }
                }
                prop_assert_eq!(lane.len(), model.len());
                prop_assert_eq!(lane.bytes(), model.iter().map(|(_, weight)| weight).sum::<usize>());
                prop_assert!(lane.spare.len() <= SPARE_CHUNKS);
            }
        }
    }
}
