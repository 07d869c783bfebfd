//! Where a run keeps what it did: `artifacts/.runs/<run>/`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use igpt_artifact::Error;
use serde::Serialize;
use serde_json::Value;

/// How many lines of a log are shown with an error.
const TAIL: usize = 12;

/// The log of one stage. Its process writes to the same file as its standard error.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    start: Instant,
}

impl Log {
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        let file =
            OpenOptions::new().create(true).append(true).open(path).map_err(Error::io("create", path))?;
        Ok(Self { path: path.to_path_buf(), file, start: Instant::now() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file, for a process to write to.
    pub(crate) fn handle(&self) -> Result<File, Error> {
        self.file.try_clone().map_err(Error::io("open", &self.path))
    }

    /// Adds a line with the time since the start. A log that cannot be written stops nothing:
    /// where the disk is full, the stage itself will say so.
    pub(crate) fn line(&mut self, text: &str) {
        let _ = writeln!(self.file, "[{:8.1} s] {text}", self.start.elapsed().as_secs_f64());
    }

    /// The last lines.
    pub(crate) fn tail(&self) -> Vec<String> {
        let text = fs::read(&self.path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].iter().map(|line| (*line).to_owned()).collect()
    }
}

/// `run.json`: what a run did, for people and for comparing runs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Record {
    /// The run's name: UTC time and process.
    pub(crate) run: String,
    /// The pipeline file.
    pub(crate) pipeline: PathBuf,
    /// The pipeline's seed.
    pub(crate) seed: u64,
    /// How it ended: `running`, `ok`, `failed`, `interrupted`.
    pub(crate) outcome: &'static str,
    /// How long it took so far, in seconds.
    pub(crate) seconds: f64,
    /// One row a stage, in running order.
    pub(crate) stages: Vec<Row>,
}

/// A stage in `run.json`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) stage: String,
    #[serde(rename = "use")]
    pub(crate) definition: &'static str,
    /// What was done: `cached`, `restored`, `run`, `reused`, `failed`.
    pub(crate) done: &'static str,
    pub(crate) reasons: Vec<String>,
    pub(crate) key: Option<String>,
    /// In seconds.
    pub(crate) seconds: f64,
    pub(crate) results: Vec<(String, Value)>,
}

/// The folder of one run.
pub(crate) struct RunFolder {
    dir: PathBuf,
    start: Instant,
    pub(crate) record: Record,
}

impl RunFolder {
    /// Makes the folder. That it can be made shows, before anything runs, that results can be
    /// written.
    pub(crate) fn create(artifacts: &Path, pipeline: &Path, seed: u64) -> Result<Self, Error> {
        let runs = artifacts.join(".runs");
        igpt_artifact::fs::create_dir(&runs)?;
        let now = chrono::DateTime::<chrono::Utc>::from(SystemTime::now()).format("%Y%m%dT%H%M%S%3fZ");
        let name = format!("{now}-{}", std::process::id());
        // Only a program that runs several pipelines at once needs more than the first name.
        let names = (1..).map(|n| if n == 1 { name.clone() } else { format!("{name}-{n}") });
        let mut made = Err(std::io::ErrorKind::NotFound.into());
        let mut run = String::new();
        for candidate in names {
            made = fs::create_dir(runs.join(&candidate));
            run = candidate;
            if !matches!(&made, Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists) {
                break;
            }
        }
        let dir = runs.join(&run);
        made.map_err(Error::io("create the folder", &dir))?;
        let record = Record {
            run,
            pipeline: pipeline.to_path_buf(),
            seed,
            outcome: "running",
            seconds: 0.0,
            stages: Vec::new(),
        };
        let mut folder = Self { dir, start: Instant::now(), record };
        folder.save()?;
        Ok(folder)
    }

    /// The log of an entry.
    pub(crate) fn log(&self, entry: &str) -> Result<Log, Error> {
        Log::create(&self.dir.join(format!("{entry}.log")))
    }

    /// Writes `run.json`.
    pub(crate) fn save(&mut self) -> Result<(), Error> {
        let path = self.dir.join("run.json");
        self.record.seconds = self.start.elapsed().as_secs_f64();
        let text = serde_json::to_string_pretty(&self.record)
            .map_err(|source| Error::Json { path: path.clone(), source })?;
        igpt_artifact::fs::write_atomically(&path, format!("{text}\n").as_bytes())
    }
}
