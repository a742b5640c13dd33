//! The part of a trace that its duration depends on.
//!
//! Going backwards from the end, time belongs to the child that ended last before this moment, and in it to
//! its own child, and so on; where no child was running, to the span itself. To make a request faster, make
//! what is on this path faster.

use serde::{Deserialize, Serialize};

use crate::tree::Forest;

/// A span's time: start and end, in nanoseconds since any moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) start: i64,
    pub(super) end: i64,
}

/// A time during which the trace waited for a span itself, rather than for one below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Segment {
    /// The span, by its position in the trace's spans.
    pub span: usize,
    /// Nanoseconds from the beginning of the trace.
    pub start_ns: i64,
    /// Nanoseconds from the beginning of the trace.
    pub end_ns: i64,
}

/// A span whose time before `cursor` is still to be given away.
struct Open {
    span: usize,
    /// Its own beginning, or its parent's if that is later.
    floor: i64,
    /// Its own end, or its parent's if that is earlier.
    limit: i64,
    cursor: i64,
    /// The children that end before the last one looked at: this many, by end.
    left: usize,
}

/// The segments in order of time. They do not overlap; those of a trace with one root cover it.
///
/// A trace whose spans have several roots is as if one span over all of it were above them.
pub(super) fn critical_path(spans: &[Interval], forest: &Forest) -> Vec<Segment> {
    let above_all = spans.len();
    let Some(start) = spans.iter().map(|span| span.start).min() else { return Vec::new() };
    let end = spans.iter().map(|span| span.end).max().unwrap_or(start);
    let by_end = |below: &[usize]| {
        let mut below = below.to_vec();
        below.sort_by_key(|span| spans[*span].end);
        below
    };
    let mut children: Vec<Vec<usize>> = forest.children.iter().map(|below| by_end(below)).collect();
    children.push(by_end(&forest.roots));

    let mut visited = vec![false; spans.len()];
    let mut path = Vec::new();
    let mut open =
        vec![Open { span: above_all, floor: start, limit: end, cursor: end, left: forest.roots.len() }];
    let mut own = |span: usize, from: i64, to: i64| {
        if span != above_all && from < to {
            path.push(Segment { span, start_ns: from - start, end_ns: to - start });
        }
    };
    while let Some(top) = open.last_mut() {
        let Some(left) = top.left.checked_sub(1).filter(|_| top.cursor > top.floor) else {
            own(top.span, top.floor, top.cursor);
            open.pop();
            continue;
        };
        top.left = left;
        let child = children[top.span][left];
        let (from, to) = (spans[child].start.max(top.floor), spans[child].end.min(top.limit));
        // One that ended later than what came after it began has kept nobody waiting.
        if from >= to || to > top.cursor || std::mem::replace(&mut visited[child], true) {
            continue;
        }
        own(top.span, to, top.cursor);
        top.cursor = from;
        let left = children[child].len();
        open.push(Open { span: child, floor: from, limit: to, cursor: to, left });
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(spans: &[(i64, i64)], parents: &[Option<usize>]) -> Vec<Segment> {
        let ids: Vec<String> = (0..spans.len()).map(|index| index.to_string()).collect();
        let parent = |index: usize| parents[index].map_or("", |parent| ids[parent].as_str());
        let forest = Forest::of((0..spans.len()).map(|index| (ids[index].as_str(), parent(index))));
        let spans: Vec<Interval> =
            spans.iter().map(|(start, end)| Interval { start: *start, end: *end }).collect();
        critical_path(&spans, &forest)
    }

    fn triples(path: &[Segment]) -> Vec<(usize, i64, i64)> {
        path.iter().map(|segment| (segment.span, segment.start_ns, segment.end_ns)).collect()
    }

    #[test]
    fn time_belongs_to_the_child_that_ends_last() {
        //  0 |-------------------| 0..100
        //  1    |-----|            10..40
        //  2      |----------|     20..80   (3 began before it ended, so nothing waited for it)
        //  3              |---|    60..90
        let spans = [(0, 100), (10, 40), (20, 80), (60, 90)];
        let found = path(&spans, &[None, Some(0), Some(0), Some(0)]);
        assert_eq!(triples(&found), [(0, 0, 10), (1, 10, 40), (0, 40, 60), (3, 60, 90), (0, 90, 100)]);
    }

    #[test]
    fn a_child_that_outlives_its_parent_counts_while_the_parent_lasts() {
        let found = path(&[(0, 50), (40, 500)], &[None, Some(0)]);
        assert_eq!(triples(&found), [(0, 0, 40), (1, 40, 50)]);
    }

    #[test]
    fn spans_with_missing_parents_follow_each_other() {
        let found = path(&[(0, 10), (20, 30)], &[None, None]);
        assert_eq!(triples(&found), [(0, 0, 10), (1, 20, 30)]);
    }

    prop_compose! {
        /// Parents may form circles.
        fn trace()(spans in prop::collection::vec((0i64..1_000, 0i64..500, any::<prop::sample::Index>(), 0..5u8), 1..40))
            -> (Vec<(i64, i64)>, Vec<Option<usize>>)
        {
            let parents = spans.iter().map(|span| (span.3 > 0).then(|| span.2.index(spans.len()))).collect();
            (spans.iter().map(|span| (span.0, span.0 + span.1)).collect(), parents)
        }
    }

    proptest! {
        #[test]
        fn segments_are_disjoint_and_within_their_spans((spans, parents) in trace()) {
            let found = path(&spans, &parents);
            let first = spans.iter().map(|span| span.0).min().unwrap_or(0);
            prop_assert!(found.is_sorted_by(|a, b| a.end_ns <= b.start_ns), "{found:?}");
            for segment in &found {
                let (start, end) = spans[segment.span];
                prop_assert!(segment.start_ns < segment.end_ns, "{segment:?}");
                prop_assert!(start <= segment.start_ns + first && segment.end_ns + first <= end, "{segment:?}");
            }
        }

        #[test]
        fn the_path_of_one_root_covers_it((spans, mut parents) in trace()) {
            // Each but the first is below one before it; all end before the root does.
            for (index, parent) in parents.iter_mut().enumerate() {
                *parent = index.checked_sub(1).map(|before| parent.unwrap_or(0) % (before + 1));
            }
            let mut spans = spans;
            spans[0] = (0, 1_500);
            let found = path(&spans, &parents);
            let total: i64 = found.iter().map(|segment| segment.end_ns - segment.start_ns).sum();
            prop_assert_eq!(total, 1_500);
            // In each moment the path is in a span whose parent is still running, too.
            for segment in &found {
                let mut span = segment.span;
                while let Some(parent) = parents[span] {
                    prop_assert!(spans[parent].0 <= segment.start_ns && segment.end_ns <= spans[parent].1);
                    span = parent;
                }
            }
        }
    }
}
