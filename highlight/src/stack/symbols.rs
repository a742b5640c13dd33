//! Reading the program's symbols, by the crate `backtrace`.

use std::sync::{
    Once,
    atomic::{AtomicBool, Ordering},
};

use backtrace::{Backtrace, BacktraceFrame, BacktraceSymbol};

use super::{Place, Symbol, without_crate_hashes};

/// Whether the first stack of the process is being resolved: the program's symbols are read, which takes a fraction of a
/// second. A capture of ours would have to wait for it. Later on it waits for the look-up of a single frame at most.
static READING_SYMBOLS: AtomicBool = AtomicBool::new(false);
/// Whether the program's symbols were read.
static SYMBOLS_READ: Once = Once::new();

/// Whether a capture of ours would have to wait for long.
pub(super) fn are_being_read() -> bool {
    READING_SYMBOLS.load(Ordering::Relaxed)
}

/// Names and places, innermost first. Slow.
pub(super) fn resolve(mut backtrace: Backtrace) -> Vec<Symbol> {
    read_symbols(&SYMBOLS_READ, &READING_SYMBOLS, || backtrace.resolve());
    backtrace.resolve();
    backtrace.frames().iter().flat_map(BacktraceFrame::symbols).filter_map(Symbol::of).collect()
}

/// Reads them if they were not, and says so meanwhile. What panics is tried again by the next.
fn read_symbols(read: &Once, reading: &AtomicBool, work: impl FnOnce()) {
    struct Done<'a>(&'a AtomicBool);

    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(false, Ordering::Relaxed);
        }
    }

    read.call_once_force(|_| {
        let done = Done(reading);
        done.0.store(true, Ordering::Relaxed);
        work();
    });
}

impl Symbol {
    fn of(symbol: &BacktraceSymbol) -> Option<Self> {
        // The alternate form leaves out the hash of the function.
        let function = without_crate_hashes(&format!("{:#}", symbol.name()?));
        let place = symbol.filename().zip(symbol.lineno());
        let place =
            place.map(|(file, line)| Place { file: file.to_string_lossy().into_owned().into(), line });
        (!function.is_empty()).then_some(Self { function, place })
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn symbols_are_read_once_though_the_first_try_panics() {
        let (read, reading) = (Once::new(), AtomicBool::new(false));
        let panic = AssertUnwindSafe(|| read_symbols(&read, &reading, || panic!("as asked")));
        assert!(catch_unwind(panic).is_err());
        assert!(!reading.load(Ordering::Relaxed));
        let mut times = 0;
        for _ in 0..2 {
            read_symbols(&read, &reading, || {
                assert!(reading.load(Ordering::Relaxed));
                times += 1;
            });
        }
        assert_eq!((times, reading.load(Ordering::Relaxed)), (1, false));
    }
}
