//! On tiny data: it learns, stops when it no longer gets better, and a kill changes nothing.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use igpt_artifact::table::vectors::Batch;
use igpt_artifact::{Kind, Store};
use igpt_model::device::Cpu;
use igpt_model::{Config, ImageGpt, Objective};
use igpt_stage::{InputArtifact, Progress, Seed, Silent};
use igpt_testing::publish;

use super::*;

/// A network of random weights, as an input.
fn model(root: &Path, objective: Objective) -> InputArtifact {
    publish(&Store::new(root.join("store")), "pretrain", Kind::Model, |dir| {
        let config = Config { n_layer: 2, n_embd: 16, n_head: 2, n_positions: 16, k: 4, objective };
        let network = ImageGpt::<Cpu>::new(config, Seed::new(1), &Default::default());
        weights::write(&network, dir).unwrap();
    })
}

/// Images of two classes: mostly of one pair of colours, or of the other.
fn images(from: u64, count: u64) -> Labelled {
    let mut labelled = Labelled { tokens: Batch::new(16), classes: Vec::new() };
    for id in from..from + count {
        let class = id % 2;
        let noise = Seed::new(9).nth(id).number();
        let pixel = |i: u64| (2 * u64::from((noise >> (i + 16)) & 3 == 0) + class + (noise >> i & 1) * 2) % 4;
        let row: Vec<u16> = (0..16).map(|i| pixel(i) as u16).collect();
        labelled.tokens.push(id, Some(class as i64), &row);
        labelled.classes.push(class as usize);
    }
    labelled
}

struct World {
    dir: tempfile::TempDir,
    inputs: BTreeMap<String, InputArtifact>,
    params: FinetuneParams,
}

impl World {
    fn new(objective: Objective) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let inputs = BTreeMap::from([("model".to_owned(), model(dir.path(), objective))]);
        let params = FinetuneParams {
            batch_size: 8,
            steps: 40,
            learning_rate: 3e-3,
            validate_every: 5,
            log_every: 5,
            masks: 2,
            ..FinetuneParams::default()
        };
        Self { dir, inputs, params }
    }

    fn out(&self, name: &str) -> PathBuf {
        let out = self.dir.path().join(name);
        std::fs::create_dir_all(&out).unwrap();
        out
    }

    fn tune(&self, name: &str, progress: &dyn Progress, checkpoint_every: Duration) -> Result<Tuned, Error> {
        let (out, scratch) = (self.out(name), self.dir.path().join(format!("{name}-scratch")));
        let context = Context {
            inputs: self.inputs.clone(),
            out: &out,
            scratch: &scratch,
            seed: Seed::new(2),
            device: "cpu",
            progress,
        };
        Device::Cpu.run(Tuning {
            context: &context,
            params: &self.params,
            image_width: 4,
            classes: 2,
            names: &[],
            train: &images(0, 64),
            validation: &images(100, 30),
            test: &images(200, 30),
            checkpoint_every,
            device: Device::Cpu,
        })
    }

    fn weights(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.out(name).join("model.safetensors")).unwrap()
    }
}

#[test]
fn both_objectives_learn_the_classes_and_the_best_network_is_kept() {
    for objective in [Objective::Autoregressive, Objective::Bert] {
        let world = World::new(objective);
        let tuned = world.tune("a", &Silent, Duration::MAX).unwrap();
        assert_eq!(tuned.curve[0].step, 0);
        assert!((tuned.curve[0].class_loss - 2_f64.ln()).abs() < 1e-6, "the head does not begin at zero");
        assert!(tuned.test.accuracy > 0.9, "{objective:?}: {:?}", tuned.curve);
        let best = tuned.curve.iter().filter(|row| row.split == Split::Validation).map(|row| row.accuracy);
        assert_eq!(tuned.validation.accuracy, best.fold(0.0, f64::max));
        assert_eq!(tuned.predictions.len(), 30);
        let right = tuned.predictions.iter().filter(|said| said.label == said.predicted).count();
        assert!((tuned.test.accuracy - right as f64 / 30.0).abs() < 1e-12);
        // What lies on disk is the network that was judged, and can be pretrained on.
        let back = weights::read::<Cpu>(&world.out("a"), &Default::default()).unwrap();
        assert_eq!(back.config().objective, objective);
    }
}

#[test]
fn it_stops_when_it_no_longer_gets_better() {
    let mut world = World::new(Objective::Autoregressive);
    world.params = FinetuneParams { steps: 10_000, patience: 2, ..world.params };
    let tuned = world.tune("a", &Silent, Duration::MAX).unwrap();
    assert!(tuned.steps < 1000, "{}", tuned.steps);
    assert_eq!(tuned.steps, tuned.best_step + 2 * 5);
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

#[test]
fn a_killed_fine_tuning_ends_with_the_same_bytes() {
    let world = World::new(Objective::Bert);
    let whole = world.tune("whole", &Silent, Duration::MAX).unwrap();
    for step in [2, 7, 26, 33] {
        let attempt = || world.tune("killed", &KillAt(step), Duration::ZERO);
        assert!(catch_unwind(AssertUnwindSafe(attempt)).is_err(), "not killed at step {step}");
    }
    let resumed = world.tune("killed", &Silent, Duration::ZERO).unwrap();
    assert_eq!(world.weights("whole"), world.weights("killed"));
    assert_eq!(whole.curve, resumed.curve);
    assert_eq!(whole.predictions, resumed.predictions);
}
