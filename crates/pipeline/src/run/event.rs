//! What a stage's process is told, and what it tells: one JSON value a line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use igpt_artifact::KeyParts;
use igpt_artifact::manifest::Origin;
use igpt_stage::Failure;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Told by a stage's process while it works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Another process is making the same result; this one waits for it.
    Waiting,
    /// A task begins.
    Begin {
        /// What is being done.
        task: String,
        /// How many units there are; 0 where unknown.
        total: u64,
        /// What is counted.
        unit: String,
    },
    /// So many units are done.
    At {
        /// Units since the task began.
        done: u64,
    },
    /// A short text to show beside the bar.
    Note {
        /// The text.
        text: String,
    },
    /// A line for the log.
    Log {
        /// The line.
        line: String,
    },
    /// The result is published. The last event.
    Done,
    /// Another process has made the result meanwhile. The last event.
    Reused,
    /// The stage has failed. The last event.
    Failed(Failure),
}

/// All that a stage's process needs to know; the first line on its standard input. Its end of
/// file tells the process to die.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spec {
    /// The entry's name.
    pub(crate) entry: String,
    /// What the key is made from; names the stage too.
    pub(crate) parts: KeyParts,
    /// Every parameter, those that name sources included.
    pub(crate) params: BTreeMap<String, Value>,
    /// The directory and the origin of each input.
    pub(crate) inputs: BTreeMap<String, (PathBuf, Origin)>,
    /// The path behind each parameter that names a source.
    pub(crate) sources: BTreeMap<String, PathBuf>,
    /// The compute device that was asked for.
    pub(crate) device: String,
    /// The artifacts folder.
    pub(crate) artifacts: PathBuf,
    /// A result begun before this is not good enough, in seconds since 1970.
    pub(crate) not_before: Option<f64>,
    /// The process that started this one.
    pub(crate) parent: u32,
}
