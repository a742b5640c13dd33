//! Spans as trees, whatever a sender makes of their parents.

use std::collections::HashMap;

/// Who is below whom, by index.
#[derive(Debug)]
pub(crate) struct Forest {
    /// The children of each, in the order given.
    pub(crate) children: Vec<Vec<usize>>,
    /// Those that nothing is above: of each circle of parents, one.
    pub(crate) roots: Vec<usize>,
}

impl Forest {
    /// From pairs of an id and its parent's. One whose parent is unknown is a root, as in the server's view.
    pub(crate) fn of<'a>(spans: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        let mut by_id: HashMap<&str, usize> = HashMap::new();
        for (index, (id, _)) in spans.clone().enumerate() {
            by_id.entry(id).or_insert(index);
        }
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.clone().count()];
        let mut roots = Vec::new();
        for (index, (_, parent)) in spans.enumerate() {
            let above = by_id.get(parent).copied();
            match above.filter(|above| !parent.is_empty() && *above != index) {
                Some(above) => children[above].push(index),
                None => roots.push(index),
            }
        }
        roots.extend(one_of_each_circle(&children, &roots));
        Self { children, roots }
    }
}

/// Spans that no root leads to.
fn one_of_each_circle(children: &[Vec<usize>], roots: &[usize]) -> Vec<usize> {
    let mut reached = vec![false; children.len()];
    let mut entries = Vec::new();
    let mut open = roots.to_vec();
    for candidate in 0..children.len() {
        while let Some(index) = open.pop() {
            if !std::mem::replace(&mut reached[index], true) {
                open.extend(&children[index]);
            }
        }
        if !reached[candidate] {
            entries.push(candidate);
            open.push(candidate);
        }
    }
    entries
}
