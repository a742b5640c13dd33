//! What the compiler says of each program in `cases`: what stands in the file beside it.
//!
//! To write those files anew, and then read them: `TRYBUILD=overwrite cargo test -p misuse-core -p misuse-frameworks`.

#[rustversion::attr(not(stable(1.95)), ignore = "other compilers have other words than Rust 1.95")]
#[test]
fn the_compiler_says_what_is_wrong() {
    trybuild::TestCases::new().compile_fail("cases/*.rs");
}
