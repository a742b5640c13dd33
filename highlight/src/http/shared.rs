//! Texts that come again with nearly every request: hosts, user agents, routes.

use std::{cell::RefCell, sync::Arc};

/// Longer ones are not kept.
const LENGTH_LIMIT: usize = 256;
/// Texts that a thread keeps, at most: 16 KiB and their headers.
const SLOTS: usize = 64;

thread_local! {
    static KEPT: RefCell<[Option<Arc<str>>; SLOTS]> = const { RefCell::new([const { None }; SLOTS]) };
}

/// The text, shared with the requests before that had it too: a copy would be made on this thread, and freed on the exporter's.
pub(super) fn shared(text: &str) -> Arc<str> {
    if text.len() > LENGTH_LIMIT {
        return text.into();
    }
    let look_up = |kept: &RefCell<[Option<Arc<str>>; SLOTS]>| {
        let mut kept = kept.try_borrow_mut().ok()?;
        let slot = kept.get_mut(slot(text.as_bytes()))?;
        if let Some(known) = slot.as_ref().filter(|known| ***known == *text) {
            return Some(Arc::clone(known));
        }
        Some(Arc::clone(slot.insert(text.into())))
    };
    // Gone while the thread ends.
    KEPT.try_with(look_up).ok().flatten().unwrap_or_else(|| text.into())
}

/// Texts that share a slot displace each other, so a few bytes are enough.
fn slot(text: &[u8]) -> usize {
    let at = |index: usize| text.get(index).map_or(0, |byte| usize::from(*byte));
    let bytes = [at(text.len() / 2), at(text.len().wrapping_sub(2)), at(text.len().wrapping_sub(1))];
    bytes.into_iter().fold(text.len(), |hash, byte| hash.wrapping_mul(31).wrapping_add(byte)) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_itself_and_the_same_the_next_time() {
        let long = "x".repeat(LENGTH_LIMIT + 1);
        for text in ["", "a", "localhost", "/orders/{id}", "é", &long] {
            assert_eq!(&*shared(text), text);
        }
        assert!(Arc::ptr_eq(&shared("localhost"), &shared("localhost")));
        assert!(!Arc::ptr_eq(&shared(&long), &shared(&long)));
    }

    #[test]
    fn whoever_shares_a_slot_displaces_and_is_never_taken_for_another() {
        for n in 0..10_000 {
            let text = format!("/route/{n}");
            assert_eq!(&*shared(&text), text);
        }
    }
}
