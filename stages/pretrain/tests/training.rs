//! The stage on tiny data: it learns, it is deterministic, and a kill changes nothing.

// Helpers of tests may unwrap as tests do.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use igpt_artifact::table::palette::Palette;
use igpt_artifact::table::tokens::{Tokens, TokensMeta};
use igpt_artifact::{Kind, Split, Store};
use igpt_model::{Config, Device};
use igpt_pretrain::train::Training;
use igpt_pretrain::{Error, PretrainParams, PretrainStage};
use igpt_stage::{Context, InputArtifact, Progress, Seed, Silent, Stage};
use igpt_testing::publish;
use igpt_train::History;

/// Sequences of 4×4 pixels in which each colour follows from the one before.
fn inputs(store: &Store) -> BTreeMap<String, InputArtifact> {
    let rows = BTreeMap::from([(Split::Train, 40), (Split::Validation, 8), (Split::Test, 8)]);
    let meta = TokensMeta { height: 4, width: 4, k: 3, classes: Vec::new(), rows };
    let tokens = publish(store, "tokens", Kind::Tokens, |dir| {
        meta.write(dir).unwrap();
        for (&split, &rows) in &meta.rows {
            let mut writer = Tokens::writer(dir, split, &meta);
            for id in 0..rows {
                let row: Vec<u16> = (0..16).map(|i| ((id + i) % 3) as u16).collect();
                writer.push(id, Some(0), &row).unwrap();
            }
            writer.finish().unwrap();
        }
    });
    let palette = publish(store, "palette", Kind::Palette, |dir| {
        Palette::new(vec![[-1.0; 3], [0.0; 3], [1.0; 3]]).write(dir).unwrap();
    });
    [("tokens", tokens), ("palette", palette)].map(|(role, input)| (role.to_owned(), input)).into()
}

fn params() -> PretrainParams {
    PretrainParams {
        n_layer: Some(2),
        n_embd: Some(16),
        n_head: Some(2),
        batch_size: 8,
        steps: 60,
        learning_rate: 0.01,
        log_every: 4,
        validate_every: 20,
        ..Default::default()
    }
}

fn context<'a>(
    inputs: &BTreeMap<String, InputArtifact>,
    out: &'a Path,
    scratch: &'a Path,
    progress: &'a dyn Progress,
) -> Context<'a> {
    Context { inputs: inputs.clone(), out, scratch, seed: Seed::new(5), device: "cpu", progress }
}

fn run(inputs: &BTreeMap<String, InputArtifact>, params: &PretrainParams, out: &Path) -> Result<(), Error> {
    let scratch = out.join("scratch");
    PretrainStage::run(&context(inputs, out, &scratch, &Silent), params).map(|_| ())
}

fn weights(out: &Path) -> Vec<u8> {
    std::fs::read(out.join("model.safetensors")).unwrap()
}

#[test]
fn it_learns_what_follows_and_repeats_itself() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = inputs(&Store::new(dir.path().join("store")));
    let [a, b] = ["a", "b"].map(|name| dir.path().join(name));
    for out in [&a, &b] {
        std::fs::create_dir(out).unwrap();
        run(&inputs, &params(), out).unwrap();
    }
    assert_eq!(weights(&a), weights(&b));
    let metrics = |out: &Path| std::fs::read(out.join("metrics.parquet")).unwrap();
    assert_eq!(metrics(&a), metrics(&b));
    for file in ["config.json", "preprocessor_config.json", "timing.parquet"] {
        assert!(a.join(file).exists(), "{file}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = inputs(&Store::new(dir.path().join("store")));
    let trained = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let out = dir.path().join(threads.to_string());
        std::fs::create_dir(&out).unwrap();
        // 7 images do not divide evenly into parts.
        pool.install(|| run(&inputs, &PretrainParams { batch_size: 7, ..params() }, &out)).unwrap();
        weights(&out)
    });
    assert_eq!(trained[0], trained[1]);
}

#[test]
fn without_steps_it_is_the_initial_network_and_guesses_uniformly() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = inputs(&Store::new(dir.path().join("store")));
    let history =
        train(&inputs, &PretrainParams { steps: 0, ..params() }, dir.path(), &Silent, Duration::MAX);
    let loss = history.unwrap().last_loss(Split::Validation).unwrap();
    assert!((loss - 3f64.ln()).abs() < 1e-5, "{loss}");
}

#[test]
fn nothing_to_learn_from_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = inputs(&Store::new(dir.path().join("store")));
    let error = run(&inputs, &PretrainParams { batch_size: 41, ..params() }, dir.path()).unwrap_err();
    assert_eq!(error.to_string(), "40 training images do not fill a batch of 41");
}

/// Panics, as a kill would, when the training reaches a step.
struct KillAt(u64);

impl Progress for KillAt {
    fn begin(&self, _: &str, _: u64, _: &'static str) {}
    fn at(&self, done: u64) {
        assert!(done != self.0, "killed");
    }
    fn note(&self, _: &str) {}
    fn log(&self, _: &str) {}
}

fn train(
    inputs: &BTreeMap<String, InputArtifact>,
    params: &PretrainParams,
    out: &Path,
    progress: &dyn Progress,
    checkpoint_every: Duration,
) -> Result<History, Error> {
    let tokens = Tokens::open(&inputs["tokens"].dir).unwrap();
    let [train, validation, test] = Split::ALL.map(|split| tokens.read_all(split).unwrap());
    let objective = params.objective;
    let config = Config { n_layer: 2, n_embd: 16, n_head: 2, n_positions: 16, k: 3, objective };
    let scratch = out.join("scratch");
    Device::Cpu.run(Training {
        context: &context(inputs, out, &scratch, progress),
        params,
        config,
        image_width: 4,
        train: &train,
        validation: &validation,
        test: &test,
        checkpoint_every,
        device: Device::Cpu,
    })
}

#[test]
fn a_killed_training_ends_with_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = inputs(&Store::new(dir.path().join("store")));
    let [whole, killed] = ["whole", "killed"].map(|name| dir.path().join(name));
    for out in [&whole, &killed] {
        std::fs::create_dir(out).unwrap();
    }
    let uninterrupted = train(&inputs, &params(), &whole, &Silent, Duration::MAX).unwrap();
    assert!(uninterrupted.last_loss(Split::Validation).unwrap() < 0.4, "it has not learned");
    for step in [3, 10, 33, 34, 59] {
        let attempt = || train(&inputs, &params(), &killed, &KillAt(step), Duration::ZERO);
        assert!(catch_unwind(AssertUnwindSafe(attempt)).is_err(), "not killed at step {step}");
        assert!(!killed.join("model.safetensors").exists());
    }
    let resumed = train(&inputs, &params(), &killed, &Silent, Duration::ZERO).unwrap();
    assert_eq!(weights(&whole), weights(&killed));
    assert_eq!(uninterrupted.metrics, resumed.metrics);
}
