//! A project in a fresh directory, and the command run in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use polars::prelude::{HiveOptions, LazyFrame, PlRefPath, ScanArgsParquet};
use serde_json::Value;

/// Everything at its smallest: a few seconds for the whole pipeline.
pub(crate) const TINY: &str = "\
seed: 7
stages:
  images: {params: {source: shapes, size: 12, train: 120, test: 40}}
  palette: {params: {k: 4, restarts: 2}}
  tokenize:
  pretrain: {params: {n_layer: 2, n_embd: 16, n_head: 2, steps: 12, warmup_steps: 4, log_every: 4}}
  untrained: {like: pretrain, params: {steps: 0}}
  features:
  features-untrained: {like: features, inputs: {model: untrained}}
  probe: {inputs: {untrained: features-untrained}, params: {l2: [0.01, 1.0]}}
  sample: {params: {samples: 4, completions: 2, completions_each: 2}}
  report:
";

/// A folder with a pipeline file.
pub(crate) struct Project {
    dir: tempfile::TempDir,
}

impl Project {
    pub(crate) fn new(pipeline: &str) -> Self {
        let project = Self { dir: tempfile::tempdir().unwrap() };
        project.rewrite(pipeline);
        project
    }

    pub(crate) fn rewrite(&self, pipeline: &str) {
        std::fs::write(self.path("pipeline.yaml"), pipeline).unwrap();
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// The command, about to run in this folder.
    pub(crate) fn igpt(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_igpt"));
        command.args(arguments).current_dir(self.dir.path()).env_remove("IGPT_CIFAR10");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.igpt(arguments).output().unwrap()
    }

    /// Runs the command, which has to succeed, and gives back what it said.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = said(&output);
        assert!(output.status.success(), "{arguments:?}: {said}");
        said
    }

    /// Runs the command, which has to fail, and gives back what it said.
    pub(crate) fn fails(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = said(&output);
        assert!(!output.status.success(), "{arguments:?} should have failed: {said}");
        assert!(!said.contains("panicked"), "{said}");
        said
    }

    /// The state of every stage.
    pub(crate) fn states(&self, arguments: &[&str]) -> BTreeMap<String, (String, String)> {
        let output = self.run(&[&["status", "--json"], arguments].concat());
        let list: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| {
            panic!("{e}: {}", said(&output));
        });
        let text = |object: &Value, key: &str| object[key].as_str().unwrap().to_owned();
        list.iter().map(|o| (text(o, "stage"), (text(o, "state"), text(o, "reason")))).collect()
    }

    /// The stages that are not cached.
    pub(crate) fn stale(&self, arguments: &[&str]) -> Vec<String> {
        let states = self.states(arguments).into_iter();
        states.filter(|(_, (state, _))| state != "cached").map(|(stage, _)| stage).collect()
    }

    /// The content digest of every stage's current result.
    pub(crate) fn contents(&self) -> BTreeMap<String, String> {
        contents(&self.path("artifacts"))
    }
}

/// The content digest of every stage's current result below an artifacts folder.
pub(crate) fn contents(artifacts: &Path) -> BTreeMap<String, String> {
    let mut contents = BTreeMap::new();
    for entry in std::fs::read_dir(artifacts).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if let Ok(text) = std::fs::read_to_string(path.join("manifest.json")) {
            let manifest: Value = serde_json::from_str(&text).unwrap();
            contents.insert(name, manifest["content"].as_str().unwrap().to_owned());
        }
    }
    contents
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A table or a tree of tables among the results, with its hive partitions.
pub(crate) fn scan(project: &Project, path: &str) -> LazyFrame {
    let path = project.path("artifacts").join(path);
    // `split` is a word; without the feature for dates polars must not look for one in it.
    let hive_options = HiveOptions { enabled: Some(true), try_parse_dates: false, ..Default::default() };
    let args = ScanArgsParquet { hive_options, ..Default::default() };
    LazyFrame::scan_parquet(PlRefPath::try_from_path(&path).unwrap(), args).unwrap()
}
