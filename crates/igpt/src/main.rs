//! The command `igpt`: reads arguments, prints, picks the exit code. All else is in libraries.

mod cli;
mod commands;
mod console;
mod format;
mod stages;

// What the build script computes is tested here.
#[cfg(test)]
#[path = "../build/code.rs"]
mod code;
#[cfg(test)]
#[path = "../build/tokens.rs"]
mod tokens;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

fn main() -> ExitCode {
    let start = Instant::now();
    commands::run(cli::Cli::parse(), start)
}
