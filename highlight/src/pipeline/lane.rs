//! Items of one kind in the order of their arrival.

use std::collections::VecDeque;

/// A first-in first-out list that knows how much memory its items hold.
#[derive(Debug)]
pub(super) struct Lane<T> {
    entries: VecDeque<Entry<T>>,
    bytes: usize,
}

/// An item, boxed as the request path made it, and its estimated weight.
#[derive(Debug)]
pub(super) struct Entry<T> {
    pub(super) item: Box<T>,
    pub(super) weight: usize,
}

impl<T> Lane<T> {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push(&mut self, entry: Entry<T>) {
        self.bytes += entry.weight;
        self.entries.push_back(entry);
    }

    /// Takes back what came last.
    pub(super) fn pop_newest(&mut self) -> Option<Entry<T>> {
        let entry = self.entries.pop_back()?;
        self.bytes -= entry.weight;
        Some(entry)
    }

    /// Moves the oldest items to `batch`, as many as `room` still allows.
    pub(super) fn take_oldest(&mut self, room: &mut Room, batch: &mut Vec<Entry<T>>) -> usize {
        let before = self.entries.len();
        while let Some(oldest) = self.entries.front() {
            if !room.claim(oldest.weight) {
                break;
            }
            self.bytes -= oldest.weight;
            batch.extend(self.entries.pop_front());
        }
        before - self.entries.len()
    }
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self { entries: VecDeque::new(), bytes: 0 }
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
