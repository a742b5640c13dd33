//! Asks the processor for what will be needed soon.
//!
//! What another core has had meanwhile takes a hundred times as long to come as what is at hand. For what was asked for in time nobody
//! waits.

/// A cache line, in bytes.
const LINE: usize = 64;
/// What an `Arc` counts with, or the allocator notes, stands before a value.
const BEFORE: usize = 16;

/// Something that holds more elsewhere.
pub(crate) trait Holder {
    /// Asks for that.
    fn prefetch_held(&self);
}

/// Asks for the value itself.
#[inline]
pub(crate) fn value<T>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<i8>().wrapping_sub(BEFORE);
    for line in (0..BEFORE + size_of::<T>()).step_by(LINE) {
        ask(start.wrapping_add(line));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[expect(
    unsafe_code,
    reason = "the instruction has no other name; without it a request costs the better part of a tenth more"
)]
fn ask(address: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: it is a hint. Nothing is read by it, whatever the address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn ask(_: *const i8) {}
