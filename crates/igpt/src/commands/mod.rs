//! The commands, one file each, and what they share: loading a pipeline, printing an error,
//! picking the exit code.

mod import;
mod plan;
mod run;
mod stages;
mod status;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use igpt_artifact::Explain;
use igpt_pipeline::{Error, Overrides, Pipeline};

use crate::cli::{self, Cli, Command};
use crate::format::{self, paint};

/// The command line or the pipeline file is wrong; clap uses the same code.
const USAGE: u8 = 2;
/// `status --exit-code` found something out of date.
const STALE: u8 = 3;
/// The run was interrupted: 128 + SIGINT, as shells have it.
const INTERRUPTED: u8 = 130;

/// Runs the command; `start` is when the program started.
pub(crate) fn run(cli: Cli, start: Instant) -> ExitCode {
    match cli.color.as_str() {
        "always" => anstream::ColorChoice::Always.write_global(),
        "never" => anstream::ColorChoice::Never.write_global(),
        _ => {}
    }
    let outcome = match cli.command {
        Command::Run(args) => run::run(&args, start),
        Command::Import(args) => import::run(&args, start),
        Command::Status(args) => status::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Stages(args) => stages::run(&args),
        Command::Stage => {
            let stages = crate::stages::all();
            let well = igpt_pipeline::serve(&stages, &crate::stages::made_by(), std::io::stdout());
            return ExitCode::from(u8::from(!well));
        }
    };
    outcome.unwrap_or_else(|error| {
        complain(&error);
        ExitCode::from(match &error {
            Error::Interrupted => INTERRUPTED,
            error if error.is_usage() => USAGE,
            _ => 1,
        })
    })
}

/// Finds and loads the pipeline.
fn load(args: &cli::Pipeline) -> Result<Pipeline, Error> {
    let overrides =
        Overrides { set: args.set.clone(), artifacts: args.artifacts.clone(), ..Overrides::default() };
    load_with(args.file.as_deref(), &overrides)
}

fn load_with(file: Option<&Path>, overrides: &Overrides) -> Result<Pipeline, Error> {
    let file = match file {
        Some(file) => file.to_path_buf(),
        None => {
            let here = std::env::current_dir().map_err(|source| Error::Read { path: ".".into(), source })?;
            let found = igpt_pipeline::discover(&here)?;
            found.strip_prefix(&here).map(Into::into).unwrap_or(found)
        }
    };
    Pipeline::load(&file, &crate::stages::all(), overrides)
}

/// The entries that the arguments name, and those that they force to run.
fn targets(pipeline: &Pipeline, args: &cli::Pipeline) -> Result<(Vec<usize>, Vec<usize>), Error> {
    let targets = pipeline.named(&args.stages)?;
    let forced = if args.force { targets.clone() } else { Vec::new() };
    Ok((targets, forced))
}

/// Prints an error: what, why, what to do, and where to read more.
fn complain(error: &Error) {
    let mut err = anstream::stderr().lock();
    // Nobody is left to tell if this cannot be written.
    let mut line = |text: String| drop(writeln!(err, "{text}"));
    line(format!("{} {error}", paint(format::ERROR, "error:")));
    for cause in error.causes() {
        line(format!("  because: {cause}"));
    }
    if let Some(hint) = error.hint() {
        line(format!("{} {hint}", paint(format::HINT, "hint:")));
    }
    if let Some((log, tail)) = error.log() {
        for text in tail {
            line(format!("  {} {text}", paint(format::FAINT, "|")));
        }
        line(format!("log: {}", log.display()));
    }
}
