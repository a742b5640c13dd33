//! Trace and span ids.

use std::{
    cell::RefCell,
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    process,
    time::SystemTime,
};

use opentelemetry::{SpanId, TraceId};

/// Random ids, of which nobody has to be unable to guess the next.
///
/// The OpenTelemetry SDK's generator is a cryptographic one, which costs several times as much.
#[derive(Debug)]
pub(crate) struct RandomIds {
    /// A fork inherits the generators of its parent's threads, but starts a client of its own.
    salt: u64,
}

impl RandomIds {
    pub(crate) fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(process::id());
        hasher.write_u128(now.as_nanos());
        Self { salt: hasher.finish() }
    }

    /// Never zero, which is no id.
    fn next(&self) -> u64 {
        // Gone while the thread ends.
        let random = GENERATOR.try_with(|generator| generator.borrow_mut().next());
        let random = random.unwrap_or_else(|_| Xoshiro::seeded().next());
        (random ^ self.salt).max(1)
    }
}

impl RandomIds {
    pub(crate) fn new_trace_id(&self) -> TraceId {
        TraceId::from((u128::from(self.next()) << 64) | u128::from(self.next()))
    }

    pub(crate) fn new_span_id(&self) -> SpanId {
        SpanId::from(self.next())
    }
}

thread_local! {
    static GENERATOR: RefCell<Xoshiro> = RefCell::new(Xoshiro::seeded());
}

/// xoshiro256++, by Blackman and Vigna.
struct Xoshiro([u64; 4]);

impl Xoshiro {
    fn seeded() -> Self {
        Self([0; 4].map(|_: u64| RandomState::new().build_hasher().finish()))
    }

    fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.0;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.0 = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    #[test]
    fn the_generator_is_xoshiro256_plus_plus() {
        // What its authors' own program draws from the state 1, 2, 3, 4.
        let mut generator = Xoshiro([1, 2, 3, 4]);
        assert_eq!([0; 3].map(|_: u64| generator.next()), [41_943_041, 58_720_359, 3_588_806_011_781_223]);
    }

    #[test]
    fn ids_are_valid_and_differ_in_all_threads_and_clients() {
        let (one, other) = (RandomIds::new(), RandomIds::new());
        let ids: Vec<_> = thread::scope(|scope| {
            let draw = || {
                let ids = (0..2_000).flat_map(|_| [one.new_span_id(), other.new_span_id()]);
                ids.collect::<Vec<_>>()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(draw)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert!(!ids.contains(&SpanId::INVALID));
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 16_000);
        assert_ne!(one.new_trace_id(), one.new_trace_id());
    }

    #[test]
    fn another_salt_makes_another_sequence_of_the_same_state() {
        // What a fork's thread would draw.
        let draw = |salt| {
            GENERATOR.with(|generator| *generator.borrow_mut() = Xoshiro([1, 2, 3, 4]));
            RandomIds { salt }.new_trace_id()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
