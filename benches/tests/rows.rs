//! Every work measures something at tiny sizes, in a process of its own. Nothing here looks at how long it takes.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const NETWORK: &str = "n_layer=1 n_embd=8 n_head=2 n_positions=16 k=4";

fn bench(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_igpt-bench"));
    command.args(words.iter().flat_map(|words| words.split_whitespace()));
    command.env("RAYON_NUM_THREADS", "2").env_remove("IGPT_CIFAR10").output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Prepares and measures work in `dir`.
fn measure(work: &str, sizes: &str, dir: &Path) -> Value {
    let dir = format!("dir={}", dir.display());
    assert_eq!(json(&bench(&["prepare", work, sizes, &dir, "threads=2"]))["skipped"], Value::Null);
    let figure = json(&bench(&["row", work, sizes, &dir, "threads=2"]));
    assert_eq!(figure["row"], work);
    assert!(figure["value"].as_f64().unwrap() > 0.0, "{figure}");
    assert!(figure["peak_bytes"].as_u64().unwrap() > 1 << 20, "{figure}");
    figure
}

#[test]
fn networks() {
    let dir = tempfile::tempdir().unwrap();
    let steps = format!("{NETWORK} batch_size=3 warm_up=1 steps=2");
    for (work, sizes, unit) in [
        ("train", &steps, "tokens/s"),
        ("train-time", &steps, "µs/token"),
        ("features", &format!("{NETWORK} images=5 batch_size=2"), "tokens/s"),
        ("features-memory", &format!("{NETWORK} images=5 batch_size=2"), "MB"),
        ("sample", &format!("{NETWORK} images=3 tokens=16"), "tokens/s"),
    ] {
        let dir = dir.path().join(work);
        std::fs::create_dir(&dir).unwrap();
        assert_eq!(measure(work, sizes, &dir)["unit"], unit);
    }
    // A token of a sequence twice as long costs more: it looks at more.
    let cost = |n_positions: usize| {
        let sizes = format!("{steps} n_positions={n_positions}");
        measure("train", &sizes, dir.path())["cost"].as_f64().unwrap()
    };
    assert!(cost(32) > cost(16));
}

#[test]
fn tokens_of_drawn_images() {
    let dir = tempfile::tempdir().unwrap();
    let figure = measure("tokens", "images=20 size=12 k=8 checked=2", dir.path());
    assert!(figure["note"].as_str().unwrap().starts_with("tokens of 2 images add up to "), "{figure}");
}

/// Both solvers minimise the same: what a comparison of their times rests on.
#[test]
fn solvers_reach_the_same_objective() {
    let dir = tempfile::tempdir().unwrap();
    let sizes = "images=300 dims=6 classes=3 l2=0.01 tolerance=1e-6 max_iterations=500";
    let objective = |more: &str| {
        let figure = measure("probe", &format!("{sizes} {more}"), dir.path());
        let note = figure["note"].as_str().unwrap().to_owned();
        note.split(' ').nth(1).unwrap().parse::<f64>().unwrap()
    };
    let (ours, linfa) = (objective("solver=lbfgs"), objective("solver=linfa"));
    assert!((ours - linfa).abs() < 1e-6 && ours < 3_f64.ln(), "{ours} {linfa}");
}

#[test]
fn without_a_data_set_what_needs_it_is_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let dir = format!("dir={}", dir.path().display());
    let said = json(&bench(&["prepare", "palette", "size=32 k=8 iterations=1 tolerance=0", &dir]));
    assert!(said["skipped"].as_str().unwrap().contains("IGPT_CIFAR10"));
}

#[test]
fn mistakes_are_said() {
    for (words, message) in [
        (&["row", "paint"][..], "error: there is no work `paint`"),
        (&["row", "sample", NETWORK, "images=1"], "error: no `tokens=` was given"),
        (&["row", "sample", NETWORK, "images=1 tokens=17"], "error: tokens 17: an image has 16"),
        (&["row", "probe", "colour=red"], "error: no `images=` was given"),
        (&["--only", "paint"], "error: there is no row `paint`"),
    ] {
        let output = bench(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.starts_with(message), "{words:?}: {said}");
    }
}
