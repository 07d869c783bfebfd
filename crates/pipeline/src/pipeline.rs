//! A pipeline, from its file to something that can be planned.

use std::path::{Path, PathBuf};

use igpt_stage::{Forecast, InputFacts};

use crate::env::Environment;
use crate::file::{self, Source};
use crate::resolve::{self, Entry};
use crate::set::Setting;
use crate::{Diagnostics, Error, Stages, check, suggest};

/// A resolved pipeline. Nothing on disk has been touched for it but its file.
pub struct Pipeline {
    /// The file.
    pub file: PathBuf,
    /// The folder from which relative paths are taken.
    pub root: PathBuf,
    /// The folder of results.
    pub artifacts: PathBuf,
    /// The seed of everything random.
    pub seed: u64,
    /// The entries in running order.
    pub entries: Vec<Entry>,
}

/// What changes a pipeline from outside its file.
#[derive(Clone, Debug)]
pub struct Overrides {
    /// `ENTRY.PARAM=VALUE`, or `seed=NUMBER`.
    pub set: Vec<String>,
    /// Another folder of results than the file says.
    pub artifacts: Option<PathBuf>,
    /// Where `${VAR}` is looked up.
    pub environment: Environment,
}

impl Default for Overrides {
    fn default() -> Self {
        Self { set: Vec::new(), artifacts: None, environment: |name| std::env::var(name).ok() }
    }
}

impl Pipeline {
    /// Reads, checks and resolves a pipeline file. In messages it is called what `file` says.
    pub fn load(file: &Path, stages: &Stages, overrides: &Overrides) -> Result<Self, Error> {
        let read = |source| Error::Read { path: file.to_path_buf(), source };
        let text = std::fs::read_to_string(file).map_err(read)?;
        let absolute = std::path::absolute(file).map_err(read)?;
        let root = file::project_root(&absolute);
        let name = file.display().to_string();
        Ok(Self { file: absolute, ..Self::parse(&name, text, &root, stages, overrides)? })
    }

    /// Checks and resolves the text of a pipeline. In messages it is called `name`; relative paths
    /// in it are taken from the folder `root`.
    pub fn parse(
        name: &str,
        text: String,
        root: &Path,
        stages: &Stages,
        overrides: &Overrides,
    ) -> Result<Self, Error> {
        let settings = overrides.set.iter().map(|text| Setting::parse(text)).collect::<Result<_, _>>();
        let settings = settings.map_err(Diagnostics::from)?;
        let (source, raw) = Source::read(name, text, settings).map_err(Diagnostics::from)?;
        let checked = check::check(raw, &source, stages, overrides.environment)?;
        let seed = checked.seed;
        let artifacts = match &overrides.artifacts {
            Some(folder) => {
                std::path::absolute(folder).map_err(|source| Error::Read { path: folder.clone(), source })?
            }
            None => root.join(checked.artifacts.as_deref().unwrap_or("artifacts")),
        };
        let entries = resolve::resolve(checked, &source, root)?;
        Ok(Self { file: name.into(), root: root.to_path_buf(), artifacts, seed, entries })
    }

    /// What can be said of every entry before anything runs, in running order.
    pub fn forecasts(&self) -> Vec<Forecast> {
        let mut forecasts: Vec<Forecast> = Vec::new();
        for entry in &self.entries {
            // Inputs come before the entries that read them.
            let facts = |(role, from): (&String, &usize)| (role.clone(), forecasts[*from].facts.clone());
            let inputs = InputFacts(entry.inputs.iter().map(facts).collect());
            forecasts.push((entry.definition.forecast)(&entry.params, &inputs));
        }
        forecasts
    }

    /// The entries with these names, as positions; all of them where no name is given.
    pub fn named(&self, names: &[String]) -> Result<Vec<usize>, Error> {
        if names.is_empty() {
            return Ok((0..self.entries.len()).collect());
        }
        let position = |name: &String| {
            self.entries.iter().position(|entry| entry.name == *name).ok_or_else(|| Error::NoEntry {
                name: name.clone(),
                help: suggest::help(name, self.entries.iter().map(|entry| entry.name.as_str())),
            })
        };
        names.iter().map(position).collect()
    }

    /// Some entries and everything upstream of them, in running order.
    pub fn with_upstream(&self, targets: &[usize]) -> Vec<usize> {
        let mut wanted = vec![false; self.entries.len()];
        for target in targets {
            wanted[*target] = true;
        }
        // Inputs come before the entries that read them.
        for i in (0..self.entries.len()).rev() {
            if wanted[i] {
                self.entries[i].inputs.values().for_each(|from| wanted[*from] = true);
            }
        }
        (0..self.entries.len()).filter(|i| wanted[*i]).collect()
    }
}
