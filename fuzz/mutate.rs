//! Fuzzing without a fuzzer: the corpus of a target, and random but repeatable mutations of it.
//!
//! Part of the tests of the crates whose code the targets run; `FUZZ_ROUNDS` sets the number of mutations.

use std::{fs, panic, path::Path};

/// Mutations per target, if nobody says otherwise: a second or so.
const ROUNDS: usize = 3000;
/// Inputs do not grow beyond it.
const MAX_LEN: usize = 4096;
/// Pieces that the formats are made of.
const PIECES: [&str; 32] = [
    "/",
    ",",
    ";",
    "=",
    ":",
    " ",
    "\n",
    "\t",
    "\0",
    "&",
    "?",
    "#",
    "@",
    "%",
    "%2F",
    "%00",
    "\"",
    "://",
    " <",
    "<14>1 ",
    "-",
    "00-",
    "0af7651916cd43dd8448eb211c80319c",
    "x-highlight-request",
    "highlight.session_id",
    "token=",
    "é",
    "\u{200B}",
    "::h0123456789abcdef",
    ".",
    "exception.message",
    "[REDACTED]",
];

/// A test for each of the targets, which are functions of the module around.
macro_rules! tests {
    ($($target:ident)*) => {$(
        #[test]
        fn $target() {
            super::mutate::exercise(stringify!($target), super::$target);
        }
    )*};
}
pub(crate) use tests;

/// Runs the target of this name, with its corpus and with mutations of it.
pub(crate) fn exercise(name: &str, target: fn(&[u8])) {
    assert_is_a_target(name);
    let seeds = corpus(name);
    for seed in &seeds {
        attempt(name, target, seed);
    }
    let rounds = std::env::var("FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(ROUNDS);
    // The same sequence on every machine and every day.
    let mut random = fastrand::Rng::with_seed(name.bytes().fold(7, |seed, byte| seed * 31 + u64::from(byte)));
    for _ in 0..rounds {
        attempt(name, target, &mutation(&seeds, &mut random));
    }
}

/// What `cargo fuzz` needs to know it too.
fn assert_is_a_target(name: &str) {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let program = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
    assert!(
        program.contains(&format!("fuzzing::{name}(data)")),
        "fuzz_targets/{name}.rs runs another target"
    );
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name} has no row in fuzz/Cargo.toml");
}

/// The files of `fuzz/corpus/<name>`, in the order of their names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no seeds", directory.display());
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn attempt(name: &str, target: fn(&[u8]), input: &[u8]) {
    if let Err(payload) = panic::catch_unwind(|| target(input)) {
        eprintln!("the target {name} fails with b\"{}\"", input.escape_ascii());
        panic::resume_unwind(payload);
    }
}

fn mutation(seeds: &[Vec<u8>], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut input = seeds[random.usize(..seeds.len())].clone();
    for _ in 0..random.usize(1..8) {
        let at = random.usize(..=input.len());
        let end = (at + random.usize(..16)).min(input.len());
        match random.u8(..7) {
            0 if at < input.len() => input[at] = random.u8(..),
            1 if at < input.len() => input[at] ^= 1 << random.u8(..8),
            2 => input.insert(at, random.u8(..)),
            3 => drop(input.drain(at..end)),
            4 => drop(input.splice(at..at, input[at..end].to_vec())),
            5 => drop(input.splice(at..end, seeds[random.usize(..seeds.len())].clone())),
            _ => drop(input.splice(at..at, PIECES[random.usize(..PIECES.len())].bytes())),
        }
        input.truncate(MAX_LEN);
    }
    input
}
