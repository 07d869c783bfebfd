//! Whole-pipeline tests: the real command, real stages, a fresh directory each.
//!
//! They are tests of `crates/igpt`, so that cargo builds the command for them; they lie here
//! because they speak of the whole workspace. One program, to be linked once.

// Helpers of tests may unwrap as tests do, and a skipped test says so.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod bad_input;
mod caching;
mod end_to_end;
mod import;
mod killing;
mod probes;
mod support;
mod whole;
