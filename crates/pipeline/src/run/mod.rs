//! Carrying a plan out: one process a stage, in order, each result linked as it appears.

mod cancel;
mod child;
mod event;
mod log;
mod process;

pub use cancel::Cancel;
pub use child::serve;
pub use event::Event;
pub use process::Launcher;

use std::time::Instant;

use igpt_artifact::Manifest;
use igpt_artifact::manifest::Origin;

use crate::Error;
use crate::plan::{Made, Plan, Planner, State, Step};
use event::Spec;
use log::{Row, RunFolder};
use process::End;

/// How a run is carried out; nothing here changes what comes out.
#[derive(Clone, Debug)]
pub struct Options {
    /// How a stage's process is started.
    pub launcher: Launcher,
    /// The compute device to ask for: `auto`, `cpu`, `cuda` or `cuda:N`.
    pub device: String,
}

/// What happens in a run, as it happens.
#[derive(Debug)]
pub enum News<'a> {
    /// A stage starts to run.
    Started {
        /// The step, with its state and reasons as they are known now.
        step: &'a Step,
        /// Its place in the plan, from 1.
        number: usize,
        /// How many steps the plan has.
        total: usize,
    },
    /// The running stage tells something.
    Told(&'a Event),
    /// A step needed no run.
    Settled {
        /// The step; its state is [`State::Cached`] or [`State::Restore`].
        step: &'a Step,
        /// Its place in the plan, from 1.
        number: usize,
        /// How many steps the plan has.
        total: usize,
    },
    /// A stage has finished.
    Finished {
        /// The step.
        step: &'a Step,
        /// Its result.
        result: &'a Manifest,
        /// How long it took, in seconds.
        seconds: f64,
        /// Whether another run made the result meanwhile.
        reused: bool,
    },
}

/// How many steps were done how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Stages that ran.
    pub run: usize,
    /// Links that were set to results made earlier, or by another run meanwhile.
    pub restored: usize,
    /// Steps with nothing to do.
    pub cached: usize,
}

impl Planner<'_> {
    /// Carries a plan out. Each step is planned again when its turn comes: by then its inputs are
    /// known, and where they are what they were, it need not run.
    pub fn run(
        &mut self,
        plan: &Plan,
        options: &Options,
        cancel: &Cancel,
        mut listen: impl FnMut(News<'_>),
    ) -> Result<Tally, Error> {
        let mut folder = RunFolder::create(self.store.root(), &self.pipeline.file, self.pipeline.seed)?;
        let outcome = self.run_steps(plan, options, cancel, &mut folder, &mut listen);
        folder.record.outcome = match &outcome {
            Ok(_) => "ok",
            Err(Error::Interrupted) => "interrupted",
            Err(_) => "failed",
        };
        self.stat.save();
        let saved = folder.save();
        let tally = outcome?;
        saved?;
        Ok(tally)
    }

    fn run_steps(
        &mut self,
        plan: &Plan,
        options: &Options,
        cancel: &Cancel,
        folder: &mut RunFolder,
        listen: &mut impl FnMut(News<'_>),
    ) -> Result<Tally, Error> {
        let mut tally = Tally::default();
        let mut made = Made::new();
        let total = plan.steps.len();
        for (number, planned) in (1..).zip(&plan.steps) {
            if cancel.is_asked() {
                return Err(Error::Interrupted);
            }
            let step = self.step(planned.entry, &made)?;
            let start = Instant::now();
            let mut row = Row {
                stage: step.name.clone(),
                definition: step.stage,
                done: "cached",
                reasons: step.reasons.iter().map(ToString::to_string).collect(),
                key: step.key.map(|key| key.to_string()),
                seconds: 0.0,
                results: Vec::new(),
            };
            let result = match (&step.made, step.state) {
                (Some(result), state) => {
                    if state == State::Restore {
                        self.link(&step, result)?;
                        row.done = "restored";
                        tally.restored += 1;
                    } else {
                        tally.cached += 1;
                    }
                    listen(News::Settled { step: &step, number, total });
                    Ok(result.clone())
                }
                (None, _) => {
                    listen(News::Started { step: &step, number, total });
                    let made = self.make(&step, &made, options, cancel, folder, listen);
                    row.done = match &made {
                        Ok((_, End::Done)) => "run",
                        Ok((_, End::Reused)) => "reused",
                        Err(_) => "failed",
                    };
                    match made {
                        Ok((_, End::Done)) => tally.run += 1,
                        Ok((_, End::Reused)) => tally.restored += 1,
                        Err(_) => {}
                    }
                    made.map(|(result, end)| {
                        let seconds = start.elapsed().as_secs_f64();
                        listen(News::Finished {
                            step: &step,
                            result: &result,
                            seconds,
                            reused: end == End::Reused,
                        });
                        result
                    })
                }
            };
            row.seconds = start.elapsed().as_secs_f64();
            row.results = result.as_ref().map(|result| result.results.clone()).unwrap_or_default();
            folder.record.stages.push(row);
            made.insert(planned.entry, result?);
            if step.state == State::Run {
                // What is known now is kept even if this process is killed later.
                self.stat.save();
                folder.save()?;
            }
        }
        Ok(tally)
    }

    /// Has a stage's process make the result of `step`.
    fn make(
        &mut self,
        step: &Step,
        made: &Made,
        options: &Options,
        cancel: &Cancel,
        folder: &RunFolder,
        listen: &mut impl FnMut(News<'_>),
    ) -> Result<(Manifest, End), Error> {
        let spec = self.spec(step, made, options);
        // The process compares its sources with what is known of them.
        self.stat.save();
        let mut log = folder.log(&step.name)?;
        log.line(&format!("{} (stage {}): {}", step.name, step.stage, step.reason()));
        let end =
            process::run(&options.launcher, &spec, &mut log, cancel, |event| listen(News::Told(event)))?;
        let key = spec.parts.key();
        let Some(found) = self.store.find(spec.parts.kind, key)? else {
            let dir = self.store.place(spec.parts.kind, key);
            return Err(igpt_artifact::Error::NoManifest { path: dir }.into());
        };
        for file in &found.manifest.files {
            self.stat.seed(&found.dir.join(&file.path), file.digest);
        }
        self.link(step, &found.manifest)?;
        log.line(match end {
            End::Done => "done",
            End::Reused => "done by another run",
        });
        for (name, value) in &found.manifest.results {
            log.line(&format!("{name}: {value}"));
        }
        Ok((found.manifest, end))
    }

    fn spec(&self, step: &Step, made: &Made, options: &Options) -> Spec {
        let entry = &self.pipeline.entries[step.entry];
        let input = |from: &usize| {
            let manifest = made.get(from)?;
            let kind = manifest.made_from.kind;
            let name = self.pipeline.entries[*from].name.clone();
            let origin = Origin { name, key: manifest.key, content: manifest.content };
            Some((self.store.place(kind, manifest.key), origin))
        };
        Spec {
            entry: step.name.clone(),
            parts: step.parts.clone().expect("the parts of a key are known once every input is made"),
            params: entry.params.clone(),
            inputs: entry
                .inputs
                .iter()
                .filter_map(|(role, from)| Some((role.clone(), input(from)?)))
                .collect(),
            sources: entry
                .sources
                .iter()
                .map(|(param, source)| (param.clone(), source.path.clone()))
                .collect(),
            device: options.device.clone(),
            artifacts: self.store.root().to_path_buf(),
            not_before: step.not_before,
            parent: std::process::id(),
        }
    }

    fn link(&self, step: &Step, result: &Manifest) -> Result<(), Error> {
        let entry = &self.pipeline.entries[step.entry];
        Ok(self.store.set_current(&entry.link, result.made_from.kind, result.key)?)
    }
}
