//! Toy pipelines through the real runner: this program is also the process of their stages.
//!
//! `run __stage` is such a process, `run __run FILE` a runner to be killed, anything else runs the
//! tests whose names contain it.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test")]

#[path = "../toy/mod.rs"]
mod toy;

mod cases;
mod world;

use std::process::ExitCode;

use igpt_artifact::manifest::MadeBy;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["__stage"] => {
            let well = igpt_pipeline::serve(&toy::stages(""), &MadeBy::default(), std::io::stdout());
            ExitCode::from(u8::from(!well))
        }
        ["__run", file] => {
            world::run_file(file.as_ref());
            ExitCode::SUCCESS
        }
        _ => test(args.iter().find(|arg| !arg.starts_with('-')).map_or("", String::as_str)),
    }
}

/// Runs the tests whose names contain `filter`.
fn test(filter: &str) -> ExitCode {
    let mut failed = 0;
    for (name, case) in cases::ALL.iter().filter(|(name, _)| name.contains(filter)) {
        let well = std::panic::catch_unwind(case).is_ok();
        failed += u8::from(!well);
        eprintln!("test {name} ... {}", if well { "ok" } else { "FAILED" });
    }
    ExitCode::from(failed)
}
