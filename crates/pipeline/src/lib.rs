//! From `pipeline.yaml` to artifacts.
//!
//! ```text
//! text ─ file ─→ raw ─ check ─→ checked ─ resolve ─→ Pipeline ─ plan ─→ Plan ─ run ─→ artifacts
//! ```
//!
//! - [`Pipeline::load`] reads a file (raw types, positions kept), checks every name
//!   in it, wires inputs to entries and types the parameters. What is wrong comes out as
//!   [`Diagnostics`] that point at the line. Nothing else on disk is touched.
//! - [`Planner::plan`] compares the pipeline with what lies in the artifacts folder and says
//!   for each entry what has to be done and why.
//! - [`Planner::run`] carries the plan out: each stage in a process of its own ([`serve`]),
//!   so that its memory is returned and it can be killed; each result linked as it appears.
//!
//! This crate knows stages as [`igpt_stage::Definition`] and nothing of what they do.

mod check;
mod diagnostic;
mod env;
mod error;
mod file;
mod pipeline;
mod plan;
mod resolve;
mod run;
mod set;
mod stages;
mod stat;
mod suggest;

pub use diagnostic::{Diagnostic, Diagnostics, Location};
pub use env::Environment;
pub use error::Error;
pub use file::{DEFAULT_FILE, discover};
pub use pipeline::{Overrides, Pipeline};
pub use plan::{Plan, Planner, Reason, State, Step};
pub use resolve::{Entry, SourcePath};
pub use run::{Cancel, Event, Launcher, News, Options, Tally, serve};
pub use stages::Stages;
