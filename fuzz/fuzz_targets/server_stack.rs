#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| highlight_local::fuzzing::server_stack(data));
