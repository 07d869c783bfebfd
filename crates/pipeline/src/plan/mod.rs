//! What has to happen, entry by entry, and why. `run`, `status` and `--dry-run` ask here.

mod reason;

pub use reason::Reason;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use igpt_artifact::{Artifact, Digest, Key, KeyParts, Manifest, Store};
use serde::Serialize;

use crate::resolve::Entry;
use crate::stat::StatCache;
use crate::{Diagnostic, Diagnostics, Error, Pipeline};

/// What has to be done for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing: the current result is the right one.
    Cached,
    /// The right result is in the store; only the link has to be set.
    Restore,
    /// The stage has to run.
    Run,
    /// It depends on what a stage upstream makes.
    Maybe,
}

impl State {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cached => "cached",
            Self::Restore => "restore",
            Self::Run => "run",
            Self::Maybe => "maybe",
        }
    }
}

/// What has to be done for one entry, and why.
#[derive(Clone, Debug)]
pub struct Step {
    /// The entry's position in the pipeline.
    pub entry: usize,
    /// Its name.
    pub name: String,
    /// Its stage.
    pub stage: &'static str,
    /// What has to be done.
    pub state: State,
    /// Why; empty when cached.
    pub reasons: Vec<Reason>,
    /// The key, once the content of every input is known.
    pub key: Option<Key>,
    /// The link to the result.
    pub path: PathBuf,
    /// The result, when it is there already.
    pub(crate) made: Option<Manifest>,
    /// What the key is made from, once it is known.
    pub(crate) parts: Option<KeyParts>,
    /// Only a result that was begun later than this, in seconds since 1970, will do.
    pub(crate) not_before: Option<f64>,
}

impl Step {
    /// Every reason, joined.
    pub fn reason(&self) -> String {
        self.reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }
}

/// The steps for the chosen entries, in running order.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One step an entry.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Whether everything is cached.
    pub fn is_done(&self) -> bool {
        self.steps.iter().all(|step| step.state == State::Cached)
    }

    /// How many steps are in this state.
    pub fn count(&self, state: State) -> usize {
        self.steps.iter().filter(|step| step.state == state).count()
    }
}

/// The results that are known so far, by entry.
pub(crate) type Made = BTreeMap<usize, Manifest>;

/// Compares a pipeline with what lies in its artifacts folder.
pub struct Planner<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) store: Store,
    pub(crate) stat: StatCache,
    forced: Vec<usize>,
    now: f64,
}

impl<'a> Planner<'a> {
    /// A planner that wants the entries in `forced` to run whatever is there. With `verify`
    /// every file is hashed again.
    pub fn new(pipeline: &'a Pipeline, forced: Vec<usize>, verify: bool) -> Self {
        let root = &pipeline.artifacts;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            pipeline,
            store: Store::new(root),
            stat: StatCache::open(root, verify),
            forced,
            now: now.as_secs_f64(),
        }
    }

    /// Plans some entries and what they need upstream.
    pub fn plan(&mut self, targets: &[usize]) -> Result<Plan, Error> {
        let mut made = Made::new();
        let mut steps = Vec::new();
        for entry in self.pipeline.with_upstream(targets) {
            let step = self.step(entry, &made)?;
            if let Some(manifest) = &step.made {
                made.insert(entry, manifest.clone());
            }
            steps.push(step);
        }
        self.stat.save();
        Ok(Plan { steps })
    }

    /// Plans one entry, given the results upstream that are known.
    pub(crate) fn step(&mut self, i: usize, made: &Made) -> Result<Step, Error> {
        let entry = &self.pipeline.entries[i];
        let inputs: Vec<_> = entry
            .inputs
            .iter()
            .map(|(role, from)| (role, made.get(from).map(|manifest| manifest.content)))
            .collect();
        let parts = self.parts(entry, &inputs)?;
        let mut step = Step {
            entry: i,
            name: entry.name.clone(),
            stage: entry.definition.name,
            state: State::Run,
            reasons: Vec::new(),
            key: None,
            path: self.pipeline.artifacts.join(&entry.link),
            made: None,
            parts: None,
            not_before: None,
        };
        let forced = self.forced.contains(&i);
        if forced {
            step.reasons.push(Reason::Forced);
            step.not_before = Some(self.now);
        }

        let mut waits_for: Vec<_> = entry
            .inputs
            .values()
            .filter(|from| !made.contains_key(from))
            .map(|from| self.pipeline.entries[*from].name.clone())
            .collect();
        waits_for.dedup();
        if !waits_for.is_empty() {
            let own = self.compare(entry, &parts, &inputs);
            if own.is_empty() && !forced {
                step.state = State::Maybe;
            }
            step.reasons.extend(own);
            step.reasons.push(Reason::WaitsFor { entries: waits_for });
            return Ok(step);
        }

        let key = parts.key();
        step.key = Some(key);
        match self.store.find(parts.kind, key) {
            Ok(Some(found)) => match self.damage(&found)? {
                Some(damage) => {
                    step.not_before.get_or_insert(found.manifest.started);
                    step.reasons.push(damage);
                }
                None if forced => {}
                None if self.is_linked(entry, &found) => {
                    step.state = State::Cached;
                    step.made = Some(found.manifest);
                }
                None => {
                    step.state = State::Restore;
                    step.reasons = self.compare(entry, &parts, &inputs);
                    step.reasons.retain(|reason| *reason != Reason::NeverRun);
                    if step.reasons.is_empty() {
                        step.reasons.push(Reason::NotLinked);
                    }
                    step.made = Some(found.manifest);
                }
            },
            Ok(None) => {
                let own = self.compare(entry, &parts, &inputs);
                step.reasons.extend(own);
            }
            Err(error) => step.reasons.push(damaged(&error)),
        }
        if step.state == State::Run && step.reasons.is_empty() {
            // The link leads to this very result, yet the store no longer has it under its key.
            step.reasons.push(Reason::NeverRun);
        }
        step.parts = Some(parts);
        Ok(step)
    }

    /// What the key is made from; inputs whose content is unknown are left out.
    fn parts(&mut self, entry: &Entry, inputs: &[(&String, Option<Digest>)]) -> Result<KeyParts, Error> {
        let mut sources = BTreeMap::new();
        for (param, source) in &entry.sources {
            let digest = self.stat.tree(&source.path).map_err(|error| {
                let message = format!("{error}: {}", cause(&error));
                let help = igpt_artifact::Explain::hint(&error);
                Error::Pipeline(Diagnostics::from(Diagnostic::new(source.at.clone(), message).help(help)))
            })?;
            sources.insert(param.clone(), digest);
        }
        let kind = entry.definition.kind;
        Ok(KeyParts {
            kind,
            format: kind.format(),
            stage: entry.definition.name.to_owned(),
            code: entry.code,
            // The content of a source counts, not where it lies.
            params: entry
                .params
                .iter()
                .filter(|(name, _)| !sources.contains_key(*name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            inputs: inputs
                .iter()
                .filter_map(|(role, content)| Some(((*role).clone(), (*content)?)))
                .collect(),
            sources,
            seed: self.pipeline.seed,
        })
    }

    /// How an entry differs from the result that its link leads to.
    fn compare(&self, entry: &Entry, parts: &KeyParts, inputs: &[(&String, Option<Digest>)]) -> Vec<Reason> {
        match self.store.current(&entry.link) {
            Ok(None) => vec![Reason::NeverRun],
            Ok(Some(current)) => reason::differences(&current.manifest, parts, inputs),
            Err(igpt_artifact::Error::Format { found, known, .. }) => {
                vec![Reason::Format { old: found, new: known }]
            }
            Err(error) => vec![damaged(&error)],
        }
    }

    /// The first file of a result that is not as it was published.
    fn damage(&mut self, artifact: &Artifact) -> Result<Option<Reason>, Error> {
        for file in &artifact.manifest.files {
            let path = artifact.dir.join(&file.path);
            let how = match fs::metadata(&path) {
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => "is missing",
                Err(e) => return Err(igpt_artifact::Error::io("look at", &path)(e).into()),
                Ok(metadata) if metadata.len() != file.size => "was changed after it was made",
                Ok(_) if self.stat.file(&path)? != file.digest => "was changed after it was made",
                Ok(_) => continue,
            };
            return Ok(Some(Reason::File { path: file.path.clone(), how }));
        }
        Ok(None)
    }

    fn is_linked(&self, entry: &Entry, artifact: &Artifact) -> bool {
        let link = fs::canonicalize(self.store.root().join(&entry.link));
        let place = fs::canonicalize(&artifact.dir);
        matches!((link, place), (Ok(link), Ok(place)) if link == place)
    }
}

fn damaged(error: &igpt_artifact::Error) -> Reason {
    Reason::Damaged { message: error.to_string() }
}

fn cause(error: &dyn std::error::Error) -> String {
    error.source().map(ToString::to_string).unwrap_or_default()
}
