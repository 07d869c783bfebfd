//! `igpt run`.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use igpt_pipeline::{Cancel, Error, Launcher, Options, Plan, Planner};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::{INTERRUPTED, status};
use crate::cli::{self, STAGE_WORD};
use crate::console::Console;
use crate::format;

pub(super) fn run(args: &cli::Run, start: Instant) -> Result<ExitCode, Error> {
    let pipeline = super::load(&args.pipeline)?;
    let (targets, forced) = super::targets(&pipeline, &args.pipeline)?;
    let mut planner = Planner::new(&pipeline, forced, args.pipeline.verify);
    let plan = planner.plan(&targets)?;
    if args.dry_run {
        status::print_table(&plan);
        Console::new(args.quiet, 0).line(&status::summary(&plan));
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options {
        launcher: Launcher::this_program(STAGE_WORD, args.threads.map(Into::into)),
        device: args.device.clone(),
    };
    make(&mut planner, &plan, &options, args.quiet, start)?;
    Ok(ExitCode::SUCCESS)
}

/// Carries a plan out, and tells of it.
pub(super) fn make(
    planner: &mut Planner<'_>,
    plan: &Plan,
    options: &Options,
    quiet: bool,
    start: Instant,
) -> Result<(), Error> {
    let took = || format::seconds(start.elapsed().as_secs_f64());
    let width = plan.steps.iter().map(|step| step.name.chars().count()).max().unwrap_or(0);
    let mut console = Console::new(quiet, width);
    if plan.is_done() {
        console.line(&format!("nothing to do ({} stages cached) in {}", plan.steps.len(), took()));
        return Ok(());
    }
    let cancel = Arc::new(Cancel::default());
    on_signal(&cancel);
    let outcome = planner.run(plan, options, &cancel, |news| console.hear(news));
    console.clear();
    let tally = outcome?;
    let (run, restored, cached) = (tally.run, tally.restored, tally.cached);
    console.line(&format!("{run} run, {restored} restored, {cached} cached in {}", took()));
    Ok(())
}

/// The first signal stops the run in order; a second one ends this program at once.
fn on_signal(cancel: &Arc<Cancel>) {
    let Ok((mut wake, hear)) = UnixStream::pair() else { return };
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // Without a handler the system's default holds, which ends both processes too.
        let Ok(hear) = hear.try_clone() else { return };
        let _ = signal_hook::low_level::pipe::register(signal, hear);
    }
    let cancel = Arc::clone(cancel);
    std::thread::spawn(move || {
        let mut byte = [0];
        while wake.read_exact(&mut byte).is_ok() {
            if cancel.is_asked() {
                let _ = std::io::stderr().flush();
                std::process::exit(INTERRUPTED.into());
            }
            cancel.cancel();
        }
    });
}
