//! A queue that forgets its oldest items rather than grow beyond its limits.

use std::collections::VecDeque;

/// A first-in, first-out store bounded by number and by weight.
#[derive(Debug)]
pub(super) struct Bounded<T> {
    items: VecDeque<(T, usize)>,
    weight: usize,
    max_items: usize,
    max_weight: usize,
    evicted: u64,
}

impl<T> Bounded<T> {
    pub(super) fn new(max_items: usize, max_weight: usize) -> Self {
        Self { items: VecDeque::new(), weight: 0, max_items, max_weight, evicted: 0 }
    }

    /// Adds an item, and evicts the oldest until the limits hold: even the new one, if it alone
    /// is too heavy.
    pub(super) fn push(&mut self, item: T, weight: usize) {
        self.items.push_back((item, weight));
        self.weight = self.weight.saturating_add(weight);
        while self.items.len() > self.max_items || self.weight > self.max_weight {
            let Some((_, weight)) = self.items.pop_front() else { break };
            self.weight -= weight;
            self.evicted += 1;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(|(item, _)| item)
    }

    /// How many items were ever added: the position of the next one.
    pub(super) fn end(&self) -> u64 {
        self.evicted + self.items.len() as u64
    }

    /// The items at `position` and after, as far as they are still there.
    pub(super) fn since(&self, position: u64) -> impl Iterator<Item = &T> {
        let forgotten = position.saturating_sub(self.evicted);
        let first = usize::try_from(forgotten).unwrap_or(usize::MAX).min(self.items.len());
        self.items.range(first..).map(|(item, _)| item)
    }

    pub(super) const fn evicted(&self) -> u64 {
        self.evicted
    }

    #[cfg(test)]
    pub(super) const fn weight(&self) -> usize {
        self.weight
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn limits_hold_and_the_newest_survive(
            weights in prop::collection::vec(0usize..50, 0..80),
            max_items in 0usize..20,
            max_weight in 0usize..200,
        ) {
            let mut bounded = Bounded::new(max_items, max_weight);
            for (index, weight) in weights.iter().enumerate() {
                bounded.push(index, *weight);
                let kept: Vec<usize> = bounded.iter().copied().collect();
                let total: usize = kept.iter().map(|index| weights[*index]).sum();
                prop_assert!(kept.len() <= max_items && total <= max_weight);
                prop_assert_eq!(total, bounded.weight());
                // What is kept is the newest part, without holes.
                let first = index + 1 - kept.len();
                prop_assert_eq!(&kept, &(first..=index).collect::<Vec<_>>());
                prop_assert_eq!(bounded.evicted(), first as u64);
                prop_assert_eq!(bounded.end(), index as u64 + 1);
                // Nothing is evicted without need: one more would break a limit.
                if first > 0 {
                    let with_one_more = total + weights[first - 1];
                    prop_assert!(kept.len() == max_items || with_one_more > max_weight
                        || weights[first..=index].is_empty());
                }
            }
        }

        #[test]
        fn reading_on_gives_everything_once(
            batches in prop::collection::vec(0usize..10, 0..20),
        ) {
            let mut bounded = Bounded::new(1_000, 1_000);
            let (mut position, mut next, mut read) = (0, 0, Vec::new());
            for batch in batches {
                for _ in 0..batch {
                    bounded.push(next, 1);
                    next += 1;
                }
                read.extend(bounded.since(position).copied());
                position = bounded.end();
            }
            prop_assert_eq!(read, (0..next).collect::<Vec<_>>());
        }
    }

    #[test]
    fn reading_on_skips_what_was_evicted() {
        let mut bounded = Bounded::new(2, 100);
        for item in 0..5 {
            bounded.push(item, 1);
        }
        assert_eq!(bounded.since(1).copied().collect::<Vec<_>>(), [3, 4]);
        assert_eq!(bounded.since(9).count(), 0);
    }
}
