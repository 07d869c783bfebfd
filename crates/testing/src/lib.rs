//! What the tests of stages share: artifacts to hand to a stage, and a way to run it on them.
//!
//! Only tests depend on this crate. Its functions panic where something fails, as tests do.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::BTreeMap;
use std::path::Path;

use igpt_artifact::manifest::{FORMAT, MadeBy};
use igpt_artifact::store::Account;
use igpt_artifact::{Digest, KeyParts, Kind, Manifest, Store};
use igpt_stage::{Context, InputArtifact, Seed, Silent, Stage, Summary};

/// What an artifact is made from that no stage has made.
fn made_from(name: &str, kind: Kind) -> KeyParts {
    KeyParts {
        kind,
        format: kind.format(),
        stage: name.into(),
        code: Digest::of(""),
        params: BTreeMap::new(),
        inputs: BTreeMap::new(),
        sources: BTreeMap::new(),
        seed: 0,
    }
}

/// The files in `dir` as an input. They stay as they are: no manifest is written.
pub fn input(kind: Kind, dir: &Path) -> InputArtifact {
    let made_from = made_from(kind.name(), kind);
    let manifest = Manifest {
        format: FORMAT,
        name: kind.name().into(),
        key: made_from.key(),
        content: Digest::of(""),
        made_from,
        inputs: BTreeMap::new(),
        sources: BTreeMap::new(),
        results: Vec::new(),
        files: Vec::new(),
        made_by: MadeBy::default(),
        started: 0.0,
        seconds: 0.0,
        peak_memory: 0,
    };
    InputArtifact { dir: dir.to_path_buf(), manifest }
}

/// Publishes what `write` leaves in a folder as an artifact of a stage `name`, so that it has a true manifest.
pub fn publish(store: &Store, name: &str, kind: Kind, write: impl FnOnce(&Path)) -> InputArtifact {
    let made_from = made_from(name, kind);
    let work = store.claim(made_from.key(), || {}).unwrap();
    write(&work.out());
    let account = Account {
        name: name.into(),
        made_from,
        inputs: BTreeMap::new(),
        sources: BTreeMap::new(),
        results: Vec::new(),
        volatile: Vec::new(),
        made_by: MadeBy::default(),
        peak_memory: 0,
    };
    let artifact = work.publish(account).unwrap();
    InputArtifact { dir: artifact.dir, manifest: artifact.manifest }
}

/// Runs a stage on the CPU, with `out` to write into and as its scratch folder.
///
/// # Errors
/// As the stage does.
pub fn run<'a, S: Stage>(
    inputs: impl IntoIterator<Item = (&'a str, InputArtifact)>,
    out: &Path,
    params: &S::Params,
) -> Result<Summary, S::Error> {
    run_seeded::<S>(inputs, out, 0, params)
}

/// The same with another seed than 0.
///
/// # Errors
/// As the stage does.
pub fn run_seeded<'a, S: Stage>(
    inputs: impl IntoIterator<Item = (&'a str, InputArtifact)>,
    out: &Path,
    seed: u64,
    params: &S::Params,
) -> Result<Summary, S::Error> {
    let inputs = inputs.into_iter().map(|(role, input)| (role.to_owned(), input)).collect();
    let seed = Seed::new(seed);
    S::run(&Context { inputs, out, scratch: out, seed, device: "cpu", progress: &Silent }, params)
}
