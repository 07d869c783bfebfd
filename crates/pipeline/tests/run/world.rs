//! A pipeline in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};

use igpt_pipeline::{Cancel, Error, Launcher, Options, Overrides, Pipeline, Plan, Planner, State, Tally};

use crate::toy;

/// A folder with `pipeline.yaml`, removed in the end.
pub(crate) struct World {
    dir: tempfile::TempDir,
    /// What stands for the code of `palette`.
    pub(crate) code: &'static str,
    /// Settings for the next run.
    pub(crate) set: Vec<String>,
    /// Entries to force.
    pub(crate) force: Vec<String>,
}

/// The pipeline of most tests.
pub(crate) const CHAIN: &str = "stages:\n  images: {params: {text: abcdef}}\n  palette:\n  tokenize:\n";

impl World {
    /// A folder with this pipeline.
    pub(crate) fn new(pipeline: &str) -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap(), code: "", set: Vec::new(), force: Vec::new() };
        world.write("pipeline.yaml", pipeline);
        world
    }

    /// A path in the folder.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Writes a file.
    pub(crate) fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    /// What a stage wrote.
    pub(crate) fn text(&self, entry: &str) -> String {
        fs::read_to_string(self.path("artifacts").join(entry).join("text")).unwrap()
    }

    /// Loads the pipeline.
    pub(crate) fn load(&self) -> Pipeline {
        let overrides = Overrides { set: self.set.clone(), ..Overrides::default() };
        Pipeline::load(&self.path("pipeline.yaml"), &toy::stages(self.code), &overrides).unwrap()
    }

    /// The plan for some entries, all of them where none is named.
    pub(crate) fn plan(&self, targets: &[&str]) -> Result<Plan, Error> {
        let pipeline = self.load();
        self.planner(&pipeline).plan(&pipeline.named(&names(targets)).unwrap())
    }

    /// Each entry's state and reason.
    pub(crate) fn states(&self) -> Vec<(State, String)> {
        self.plan(&[]).unwrap().steps.iter().map(|step| (step.state, step.reason())).collect()
    }

    /// Runs some entries, all of them where none is named.
    pub(crate) fn try_run(&self, targets: &[&str]) -> Result<Tally, Error> {
        let pipeline = self.load();
        let mut planner = self.planner(&pipeline);
        let plan = planner.plan(&pipeline.named(&names(targets)).unwrap())?;
        planner.run(&plan, &options(), &Cancel::default(), |_| {})
    }

    /// Runs everything; how many stages ran, were restored, were cached.
    #[track_caller]
    pub(crate) fn run(&self) -> [usize; 3] {
        let tally = self.try_run(&[]).unwrap();
        [tally.run, tally.restored, tally.cached]
    }

    fn planner<'a>(&self, pipeline: &'a Pipeline) -> Planner<'a> {
        let forced = if self.force.is_empty() { Vec::new() } else { pipeline.named(&self.force).unwrap() };
        Planner::new(pipeline, forced, false)
    }
}

fn names(targets: &[&str]) -> Vec<String> {
    targets.iter().map(|name| (*name).to_owned()).collect()
}

/// Stages are processes of this program.
pub(crate) fn options() -> Options {
    Options { launcher: Launcher::this_program("__stage", None), device: "cpu".into() }
}

/// Runs a pipeline file to its end.
pub(crate) fn run_file(file: &Path) {
    let pipeline = Pipeline::load(file, &toy::stages(""), &Overrides::default()).unwrap();
    let mut planner = Planner::new(&pipeline, Vec::new(), false);
    let plan = planner.plan(&pipeline.named(&[]).unwrap()).unwrap();
    planner.run(&plan, &options(), &Cancel::default(), |_| {}).unwrap();
}
