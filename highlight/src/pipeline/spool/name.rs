//! The names of files: who has it, how old it is and how many items it holds, so that a directory is known from its listing, and a
//! damaged file can still be counted.

use std::fmt;

/// The name of a file with a request, `<created>-<sequence>-<owner>-<items>.batch` in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// Milliseconds since 1970. First, because the order of names is the order of delivery.
    pub(super) created: u64,
    /// Unique for an owner.
    pub(super) sequence: u64,
    pub(super) owner: Owner,
    pub(super) items: u64,
}

/// One spool of one process: a random number, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Owner(pub(super) u64);

/// What a name in the directory stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Batch(Name),
    /// A batch that was being written.
    Unfinished(Owner),
    Lock(Owner),
}

/// What a file is called until it is whole.
pub(super) const UNFINISHED: &str = ".tmp";

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { created, sequence, owner: Owner(owner), items } = self;
        write!(f, "{created:016x}-{sequence:016x}-{owner:016x}-{items:x}.batch")
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}.lock", self.0)
    }
}

/// `None` for a file that is none of ours.
pub(super) fn parse(text: &str) -> Option<Found> {
    let found = if let Some(batch) = text.strip_suffix(UNFINISHED) {
        Found::Unfinished(batch_name(batch)?.owner)
    } else if let Some(owner) = text.strip_suffix(".lock") {
        Found::Lock(Owner(number(owner)?))
    } else {
        Found::Batch(batch_name(text)?)
    };
    is_our_spelling(found, text).then_some(found)
}

/// Whether that is how we write it: another spelling of the same numbers is not ours.
fn is_our_spelling(found: Found, text: &str) -> bool {
    match found {
        Found::Batch(name) => name.to_string() == text,
        Found::Lock(owner) => owner.to_string() == text,
        Found::Unfinished(_) => true,
    }
}

fn batch_name(text: &str) -> Option<Name> {
    let mut parts = text.strip_suffix(".batch")?.split('-').map(number);
    let mut next = || parts.next().flatten();
    let name = Name { created: next()?, sequence: next()?, owner: Owner(next()?), items: next()? };
    // Nobody has that many, and sums of them must fit.
    (parts.next().is_none() && u32::try_from(name.items).is_ok()).then_some(name)
}

fn number(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_are_read_as_written_and_sort_by_age(ages: [u64; 2], sequence: u64, owner: u64, items: u32) {
            let [first, second] = ages.map(|created| {
                Name { created, sequence, owner: Owner(owner), items: items.into() }
            });
            prop_assert_eq!(parse(&first.to_string()), Some(Found::Batch(first)));
            prop_assert_eq!(parse(&format!("{first}{UNFINISHED}")), Some(Found::Unfinished(first.owner)));
            prop_assert_eq!(parse(&first.owner.to_string()), Some(Found::Lock(first.owner)));
            prop_assert_eq!(first.cmp(&second), first.to_string().cmp(&second.to_string()));
        }
    }

    #[test]
    fn other_files_are_not_ours() {
        for name in [
            "",
            ".batch",
            "notes.txt",
            "a-b-c.batch",
            "1-2-3-4.batch",
            "+1.lock",
            ".lock",
            "x.lock.tmp",
            "..",
            "é.batch",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
    }
}
