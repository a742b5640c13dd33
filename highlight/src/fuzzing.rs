//! What the fuzz targets of `fuzz/` run: whatever reads bytes from outside, or makes bytes of what a program says.
//!
//! Each target is a function beside the code that it tries. It asserts what always holds, not only that nothing panics.
//! `cargo fuzz` runs it for hours; the test below for a moment, on any toolchain, with the corpus and with mutations of it.

/// The targets by name: that of the file in `fuzz/fuzz_targets` and of the directory in `fuzz/corpus`.
pub const TARGETS: &[(&str, fn(&[u8]))] = &[
    ("baggage", crate::propagation::fuzzing::baggage),
    ("cookie", crate::propagation::fuzzing::cookie),
    ("encode", crate::encode::fuzzing::encode),
    ("headers", crate::propagation::fuzzing::headers),
    ("redact", crate::encode::fuzzing::redact),
    ("stack", crate::stack::fuzzing::stack),
    ("traceparent", crate::propagation::fuzzing::traceparent),
];

/// Runs the target of this name.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    assert!(target.is_some(), "there is no target {name}");
    if let Some((_, target)) = target {
        target(data);
    }
}

#[cfg(test)]
#[path = "../../fuzz/mutate.rs"]
mod mutate;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_targets_stand_their_corpus_and_mutations_of_it() {
        for (name, target) in TARGETS {
            mutate::exercise(name, *target);
        }
    }
}
