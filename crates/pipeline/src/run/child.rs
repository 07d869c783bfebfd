//! Inside a stage's process: take the work, run the stage, publish, tell the parent.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use igpt_artifact::manifest::MadeBy;
use igpt_artifact::store::Account;
use igpt_artifact::{Artifact, Manifest, Store, Work};
use igpt_stage::{Context, Definition, Failure, InputArtifact, Progress, Seed};
use rustix::process::{Pid, Signal, getpid, getppid, kill_process, set_parent_process_death_signal};

use super::event::{Event, Spec};
use crate::Stages;
use crate::stat::StatCache;

/// How often the count of a running task is told at most.
const BEAT: Duration = Duration::from_millis(50);

/// How the message of a panic begins.
pub(super) const PANICKED: &str = "the stage panicked";

/// Does the work of a stage's process: reads what to do from standard input and tells its
/// parent, as lines on `out`, how it goes. Whether it went well.
///
/// The process dies when its parent does, or when its standard input ends.
pub fn serve(stages: &Stages, made_by: &MadeBy, out: impl Write + Send) -> bool {
    let out = Teller::new(out);
    let last = match attend().and_then(|spec| work(&spec, stages, made_by, &out)) {
        Ok(event) => event,
        Err(failure) => Event::Failed(failure),
    };
    let well = !matches!(last, Event::Failed(_));
    out.tell(&last);
    well
}

/// Reads the work to do and makes sure that this process ends with its parent.
fn attend() -> Result<Spec, Failure> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|e| plain(format!("cannot read what to do: {e}")))?;
    let spec: Spec =
        serde_json::from_str(&line).map_err(|e| plain(format!("cannot understand what to do: {e}")))?;
    // Two ropes: the kernel's signal, which no library can block, and the pipe, which also holds
    // where the parent is not the process that forked.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    if getppid().map(Pid::as_raw_pid) != i32::try_from(spec.parent).ok() {
        end();
    }
    std::thread::spawn(|| {
        let mut rest = [0; 64];
        let mut stdin = io::stdin().lock();
        while !matches!(stdin.read(&mut rest), Ok(0) | Err(_)) {}
        end();
    });
    Ok(spec)
}

/// Ends this process at once. Nothing needs tidying: results appear whole or not at all.
fn end() -> ! {
    let _ = kill_process(getpid(), Signal::KILL);
    std::process::exit(1)
}

fn work(
    spec: &Spec,
    stages: &Stages,
    made_by: &MadeBy,
    out: &Teller<impl Write + Send>,
) -> Result<Event, Failure> {
    let stage = &spec.parts.stage;
    let Some((definition, _)) = stages.get(stage) else {
        return Err(plain(format!("this program has no stage `{stage}`")));
    };
    let store = Store::new(&spec.artifacts);
    let key = spec.parts.key();
    let work = store.claim(key, || out.tell(&Event::Waiting)).map_err(|e| Failure::new(&e))?;
    // Whoever held the claim before may have made the very result.
    if let Ok(Some(found)) = store.find(spec.parts.kind, key)
        && spec.not_before.is_none_or(|time| found.manifest.started > time)
    {
        drop_work(work, true);
        return Ok(Event::Reused);
    }
    match make(spec, definition, &work, made_by, out) {
        Ok(account) => work.publish(account).map(|_: Artifact| Event::Done).map_err(|e| Failure::new(&e)),
        Err(failure) => {
            drop_work(work, false);
            Err(failure)
        }
    }
}

/// Runs the stage and says what it did.
fn make(
    spec: &Spec,
    definition: &Definition,
    work: &Work,
    made_by: &MadeBy,
    out: &Teller<impl Write + Send>,
) -> Result<Account, Failure> {
    let mut inputs = BTreeMap::new();
    for (role, (dir, _)) in &spec.inputs {
        let manifest = Manifest::read(dir).map_err(|e| Failure::new(&e))?;
        inputs.insert(role.clone(), InputArtifact { dir: dir.clone(), manifest });
    }
    let (out_dir, scratch) = (work.out(), work.scratch());
    let context = Context {
        inputs,
        out: &out_dir,
        scratch: &scratch,
        seed: Seed::new(spec.parts.seed),
        device: &spec.device,
        progress: out,
    };
    let summary = catch_unwind(AssertUnwindSafe(|| (definition.run)(&context, &spec.params)))
        .unwrap_or_else(|panic| Err(panicked(panic.as_ref())))?;
    check_sources(spec)?;
    Ok(Account {
        name: spec.entry.clone(),
        made_from: spec.parts.clone(),
        inputs: spec.inputs.iter().map(|(role, (_, origin))| (role.clone(), origin.clone())).collect(),
        sources: spec
            .sources
            .iter()
            .map(|(param, path)| (param.clone(), path.display().to_string()))
            .collect(),
        results: summary.results,
        volatile: summary.volatile,
        made_by: MadeBy { device: summary.device.unwrap_or_else(|| "cpu".into()), ..made_by.clone() },
        peak_memory: peak_memory(),
    })
}

/// A result made from files that changed meanwhile has no key that says so: it is not kept.
fn check_sources(spec: &Spec) -> Result<(), Failure> {
    let mut stat = StatCache::open(&spec.artifacts, false);
    for (param, path) in &spec.sources {
        let now = stat.tree(path).map_err(|e| Failure::new(&e))?;
        if spec.parts.sources.get(param) != Some(&now) {
            return Err(Failure {
                message: format!("{} changed while the stage was reading it", path.display()),
                causes: Vec::new(),
                hint: Some("its result was thrown away: run again when the files are complete".into()),
            });
        }
    }
    Ok(())
}

/// Gives up a claim: what was written goes, checkpoints stay for the next run with this key.
fn drop_work(work: Work, scratch_too: bool) {
    let empty =
        |dir: &std::path::Path| std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none());
    let (out, scratch) = (work.out(), work.scratch());
    let _ = igpt_artifact::fs::remove_dir(&out);
    if let Some(dir) = out.parent()
        && (scratch_too || empty(&scratch))
    {
        let _ = igpt_artifact::fs::remove_dir(dir);
    }
}

fn plain(message: String) -> Failure {
    Failure { message, causes: Vec::new(), hint: None }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    Failure {
        message: format!("{PANICKED}: {text}"),
        causes: Vec::new(),
        hint: Some("this is a bug in igpt: please report it with the log".into()),
    }
}

/// The largest resident memory of this process so far, in bytes; 0 where the system does not say.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Tells the parent; the progress that a stage reports to.
struct Teller<W> {
    out: Mutex<W>,
    /// When the last count was told, and the total of the task.
    beat: Mutex<(Option<Instant>, u64)>,
}

impl<W: Write + Send> Teller<W> {
    fn new(out: W) -> Self {
        Self { out: Mutex::new(out), beat: Mutex::new((None, 0)) }
    }

    fn tell(&self, event: &Event) {
        let Ok(mut line) = serde_json::to_string(event) else { return };
        line.push('\n');
        let mut out = self.out.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // A parent that no longer listens has ended, and this process is about to.
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }

    /// Whether it is time to tell a count again.
    fn beats(&self, done: u64) -> bool {
        let mut beat = self.beat.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let due = beat.0.is_none_or(|last| last.elapsed() >= BEAT) || (done == beat.1 && done > 0);
        if due {
            beat.0 = Some(Instant::now());
        }
        due
    }
}

impl<W: Write + Send> Progress for Teller<W> {
    fn begin(&self, task: &str, total: u64, unit: &'static str) {
        *self.beat.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = (None, total);
        self.tell(&Event::Begin { task: task.into(), total, unit: unit.into() });
    }

    fn at(&self, done: u64) {
        if self.beats(done) {
            self.tell(&Event::At { done });
        }
    }

    fn note(&self, text: &str) {
        self.tell(&Event::Note { text: text.into() });
    }

    fn log(&self, line: &str) {
        self.tell(&Event::Log { line: line.into() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_thinned_out_and_the_last_one_is_told() {
        let teller = Teller::new(Vec::new());
        teller.begin("count", 100_000, "numbers");
        (1..=100_000).for_each(|done| teller.at(done));
        let told = String::from_utf8(teller.out.into_inner().unwrap()).unwrap();
        assert!(told.lines().count() < 1000, "{} lines", told.lines().count());
        assert_eq!(told.lines().last().unwrap(), r#"{"event":"at","done":100000}"#);
    }
}
