#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| highlight_local::fuzzing::run("server_stack", data));
