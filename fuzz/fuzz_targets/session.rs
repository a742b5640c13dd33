#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| highlight_local::fuzzing::session(data));
