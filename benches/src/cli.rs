//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Speed and memory of igpt beside other programs, as one table.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// What is measured, and how often.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Only this row, or those whose names begin with it; may be given several times.
    #[arg(long, value_name = "ROW")]
    pub(crate) only: Vec<String>,
    /// Measurements of each side, taken in turns; the table has their medians.
    #[arg(long, value_name = "N", default_value = "5")]
    pub(crate) repeats: NonZeroUsize,
    /// Threads of each side.
    #[arg(long, value_name = "N", default_value = "2")]
    pub(crate) threads: NonZeroUsize,
    /// Where both sides run networks: cpu, cuda or cuda:N.
    #[arg(long, default_value = "cpu")]
    pub(crate) device: String,
    /// The Python of the peers; without it they are left out.
    #[arg(long, value_name = "PATH", default_value = ".venv/bin/python")]
    pub(crate) python: PathBuf,
    /// The folder of the peers' scripts.
    #[arg(long, value_name = "DIR", default_value = "benches/peers")]
    pub(crate) peers: PathBuf,
    /// Also write the table into this file.
    #[arg(long, value_name = "PATH")]
    pub(crate) markdown: Option<PathBuf>,
}

/// What a process of its own does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure once, and print one line of JSON.
    Row(Work),
    /// Write the files that a measurement of both sides reads.
    Prepare(Work),
}

/// Work by name, with its sizes.
#[derive(Args, Debug)]
pub(crate) struct Work {
    /// train, train-time, features, features-memory, sample, palette, tokens or probe.
    pub(crate) work: String,
    /// Sizes, and `dir=` (where prepared files are), `device=` and `threads=`.
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
}
