//! Speed and memory beside what else does the same work: `make bench`.
//!
//! The program measures nothing itself. For every row of [`rows`] it starts processes in turn, one of its own
//! (`igpt-bench row WORK key=value …`) and one of each peer (`benches/peers/*.py key=value …`), and takes the
//! medians of what they say ([`figure`]). A process of its own has a peak of memory of its own, and sides that take
//! turns see the same moods of a machine.
//!
//! - [`rows`]: what is compared, and every size;
//! - [`mod@bench`]: the rounds, each measurement a [`child`];
//! - [`summary`]: medians and ratios; [`table`]: how they are shown;
//! - [`work`]: what is measured of ours; [`inputs`] and [`raw`] are what it works on.

mod bench;
mod child;
mod cli;
mod error;
mod figure;
mod inputs;
mod machine;
mod number;
mod raw;
mod rows;
mod settings;
mod summary;
mod table;
mod work;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use igpt_artifact::Explain;
use serde::Serialize;

use crate::cli::{Cli, Command, Work};
use crate::error::{Error, Result};
use crate::settings::Settings;

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            let mut err = std::io::stderr().lock();
            let causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
            let causes: String = causes.map(|cause| format!(": {cause}")).collect();
            let _ = writeln!(err, "error: {error}{causes}");
            if let Some(hint) = error.hint() {
                let _ = writeln!(err, "hint: {hint}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<ExitCode> {
    let settings = |of: &Work| Settings::read(&of.settings);
    match &cli.command {
        Some(Command::Row(of)) => say(&work::measure(&of.work, settings(of)?)?)?,
        Some(Command::Prepare(of)) => say(&work::prepare(&of.work, settings(of)?)?)?,
        None => return bench::run(&cli.options),
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells the process that listens.
fn say(what: &impl Serialize) -> Result<()> {
    let line = serde_json::to_string(what).map_err(Error::Json)?;
    writeln!(std::io::stdout().lock(), "{line}").map_err(Error::Print)
}
