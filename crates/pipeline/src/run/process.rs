//! The parent's side of a stage's process.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

use igpt_stage::Failure;
use rustix::process::Signal;

use super::cancel::Cancel;
use super::event::{Event, Spec};
use super::log::Log;
use crate::Error;

/// How to start the process of a stage: this very program, told to be one.
#[derive(Clone, Debug)]
pub struct Launcher {
    program: OsString,
    args: Vec<OsString>,
    threads: Option<usize>,
}

impl Launcher {
    /// Starts the running program again, with the argument `word`; such a process has to call
    /// [`crate::serve`]. `threads` is how many it may use, where that is limited.
    pub fn this_program(word: &str, threads: Option<usize>) -> Self {
        // The link to the running program stays right even if its file is replaced meanwhile, so
        // that all stages of a run come from one build.
        Self { program: "/proc/self/exe".into(), args: vec![word.into()], threads }
    }
}

/// How a stage's process ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    Reused,
}

/// Runs a stage in a process of its own and hears what it tells, to the end.
pub(crate) fn run(
    launcher: &Launcher,
    spec: &Spec,
    log: &mut Log,
    cancel: &Cancel,
    mut hear: impl FnMut(&Event),
) -> Result<End, Error> {
    let failed = |doing| {
        let entry = spec.entry.clone();
        move |source| Error::Process { doing, entry, source }
    };
    let mut command = Command::new(&launcher.program);
    command.args(&launcher.args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log.handle()?);
    if let Some(threads) = launcher.threads {
        command.env("RAYON_NUM_THREADS", threads.to_string());
    }
    let mut child = command.spawn().map_err(failed("start"))?;
    // Held open to the end: when this process dies, the other one sees its input end.
    let mut stdin = child.stdin.take().expect("the input was asked for as a pipe");
    let stdout = child.stdout.take().expect("the output was asked for as a pipe");
    cancel.watch(child);

    let text = serde_json::to_string(spec).map_err(|e| failed("describe the work to")(e.into()))?;
    // A process that died at once is found out about below.
    let _ = writeln!(stdin, "{text}").and_then(|()| stdin.flush());
    let mut last = None;
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.map_err(failed("hear from"))?;
        match serde_json::from_slice(&line) {
            Ok(event @ (Event::Done | Event::Reused | Event::Failed(_))) => last = Some(event),
            Ok(event) => {
                note(log, &event);
                hear(&event);
            }
            // Some library wrote to standard output: worth keeping, nothing to act on.
            Err(_) => log.line(&String::from_utf8_lossy(&line)),
        }
    }
    let status = cancel.wait().map_err(failed("wait for"))?;
    drop(stdin);
    // Ctrl-C reaches both processes, and this one may hear of it second.
    let interrupted = cancel.is_asked() || status.signal() == Some(Signal::INT.as_raw());
    if interrupted && !matches!(last, Some(Event::Done | Event::Reused)) {
        log.line("interrupted");
        return Err(Error::Interrupted);
    }
    let failure = match last {
        Some(Event::Done) => return Ok(End::Done),
        Some(Event::Reused) => return Ok(End::Reused),
        Some(Event::Failed(failure)) => failure,
        _ => {
            let (how, hint) = death(status);
            Failure { message: format!("the process {how}"), causes: Vec::new(), hint }
        }
    };
    // What a death or a panic left in the log says more than its message.
    let said_all = status.code() == Some(1) && !failure.message.starts_with(super::child::PANICKED);
    let tail = if said_all { Vec::new() } else { log.tail() };
    log.line(&format!("failed: {failure}"));
    Err(Error::Stage { entry: spec.entry.clone(), failure: failure.into(), log: log.path().into(), tail })
}

fn note(log: &mut Log, event: &Event) {
    match event {
        Event::Waiting => log.line("waiting for another run that makes the same result"),
        Event::Begin { task, total: 0, .. } => log.line(task),
        Event::Begin { task, total, unit } => log.line(&format!("{task}: {total} {unit}")),
        Event::Log { line } => log.line(line),
        // Counts and the texts beside them come many times a second.
        _ => {}
    }
}

/// How a process ended that did not say so itself.
fn death(status: ExitStatus) -> (String, Option<String>) {
    let Some(number) = status.signal() else {
        return (format!("ended without a result ({status})"), None);
    };
    let name = [
        (Signal::KILL, "SIGKILL"),
        (Signal::TERM, "SIGTERM"),
        (Signal::INT, "SIGINT"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::BUS, "SIGBUS"),
        (Signal::ABORT, "SIGABRT"),
        (Signal::ILL, "SIGILL"),
    ];
    let name = name.into_iter().find(|(signal, _)| signal.as_raw() == number);
    let hint = match name {
        Some((Signal::KILL, _)) => {
            Some("it may have run out of memory: give it more, or make batches or images smaller")
        }
        Some((Signal::BUS, _)) => Some("the disk may be full"),
        Some((Signal::ILL, _)) => Some("this build uses instructions that this processor does not have"),
        _ => None,
    };
    let name = name.map_or_else(|| format!("signal {number}"), |(_, name)| name.to_owned());
    (format!("was killed by {name}"), hint.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deaths_are_explained() {
        let (how, hint) = death(ExitStatus::from_raw(9));
        assert_eq!(how, "was killed by SIGKILL");
        assert!(hint.unwrap().contains("out of memory"));
        assert_eq!(death(ExitStatus::from_raw(40)), ("was killed by signal 40".into(), None));
        assert_eq!(death(ExitStatus::from_raw(3 << 8)).0, "ended without a result (exit status: 3)");
    }
}
