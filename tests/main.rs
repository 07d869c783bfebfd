//! Whole-pipeline tests: the real command, real stages, a fresh directory each.
//!
//! They are tests of `crates/igpt`, so that cargo builds the command for them; they lie here
//! because they speak of the whole workspace. One program, to be linked once.

mod bad_input;
mod caching;
mod end_to_end;
mod killing;
mod support;
