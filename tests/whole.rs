//! Everything of the paper that the default pipeline leaves out, at its smallest: BERT, checkpoints,
//! fine-tuning, a second data set, and the comparison of it all.

use polars::prelude::*;

use crate::support::{Project, scan};

/// Two objectives and a checkpoint, probed on another data set than they were trained on, and fine-tuned.
const WHOLE: &str = "\
seed: 3
stages:
  images: {params: {source: shapes, size: 12, train: 160, test: 40}}
  images-target: {like: images, params: {contrast: either, train: 120}}
  palette: {inputs: {images: images}, params: {k: 4, restarts: 1}}
  tokenize: {inputs: {images: images}}
  tokenize-target: {like: tokenize, inputs: {images: images-target}}
  pretrain:
    inputs: {tokens: tokenize}
    params:
      {n_layer: 2, n_embd: 16, n_head: 2, steps: 24, warmup_steps: 4, log_every: 4, clip: 1.0, accumulate: 2,
       recompute: true, augment: {pad: 2}, checkpoints: [8]}
  pretrain-bert: {like: pretrain, params: {objective: bert}}
  features: {inputs: {tokens: tokenize-target}}
  features-8: {like: features, params: {checkpoint: 8}}
  features-bert: {like: features, inputs: {model: pretrain-bert}, params: {masks: 2}}
  probe: {params: {l2: [0.01]}, inputs: {features: features, images: images-target}}
  probe-8: {like: probe, inputs: {features: features-8}}
  probe-bert: {like: probe, inputs: {features: features-bert}}
  finetune:
    inputs: {tokens: tokenize-target}
    params: {steps: 12, validate_every: 4, log_every: 4, batch_size: 8, augment: {pad: 1, flip: true}}
  finetune-bert: {like: finetune, inputs: {model: pretrain-bert}, params: {masks: 2}}
  compare:
  sample: {inputs: {tokens: tokenize}, params: {samples: 2, completions: 1, completions_each: 1}}
  report: {inputs: {images: images-target, tokens: tokenize-target}}
";

#[test]
fn bert_checkpoints_fine_tuning_and_a_second_data_set_end_in_one_comparison() {
    let project = Project::new(WHOLE);
    project.ok(&["run"]);
    assert_eq!(project.stale(&[]), [""; 0]);

    // Three networks with three layers each, and two that were fine-tuned.
    let rows = scan(&project, "compare/comparison.parquet");
    let count = |condition: Expr| rows.clone().filter(condition).collect().unwrap().height();
    assert_eq!(count(col("how").eq(lit("probe"))), 3 * 3);
    assert_eq!(count(col("how").eq(lit("finetune"))), 2);
    assert_eq!(count(col("best")), 5);
    assert_eq!(count(col("objective").eq(lit("bert"))), 3 + 1);
    assert_eq!(count(col("step").eq(lit(8)).and(col("layer").is_not_null())), 3);
    assert_eq!(count(col("validation_loss").is_null()), 0);
    for picture in ["scaling.svg", "depth.svg", "objectives.svg"] {
        let svg = std::fs::read_to_string(project.path("artifacts/compare").join(picture)).unwrap();
        assert!(svg.contains("<svg") && svg.contains("autoregressive") == (picture == "objectives.svg"));
    }

    // What the table says is what the classifiers say of each test image.
    for (name, objective) in [("finetune", "autoregressive"), ("finetune-bert", "bert")] {
        let said = scan(&project, &format!("{name}/predictions.parquet")).collect().unwrap();
        let [label, predicted] =
            ["label", "predicted"].map(|name| said.column(name).unwrap().i64().unwrap().clone());
        let right =
            label.iter().zip(predicted.iter()).filter(|(label, predicted)| label == predicted).count();
        let row =
            rows.clone().filter(col("how").eq(lit("finetune")).and(col("objective").eq(lit(objective))));
        let row = row.collect().unwrap();
        let accuracy = row.column("test_accuracy").unwrap().f64().unwrap().get(0).unwrap();
        assert!((accuracy - right as f64 / said.height() as f64).abs() < 1e-9, "{name}");
        for file in ["config.json", "model.safetensors", "preprocessor_config.json", "metrics.parquet"] {
            assert!(project.path("artifacts").join(name).join(file).exists(), "{name}/{file}");
        }
    }

    // A checkpoint is a model directory; a network of hidden pixels cannot draw.
    assert!(project.path("artifacts/pretrain/checkpoints/step=8/model.safetensors").exists());
    let bert = WHOLE.replace("sample: {inputs: {tokens", "sample: {inputs: {model: pretrain-bert, tokens");
    project.rewrite(&bert);
    let said = project.fails(&["run", "sample"]);
    assert!(said.contains("objective `bert`"), "{said}");
    project.rewrite(&WHOLE.replace("checkpoint: 8", "checkpoint: 9"));
    let said = project.fails(&["run", "features-8"]);
    assert!(said.contains("no checkpoint at step 9"), "{said}");
}

#[test]
fn the_same_bytes_again_whatever_was_killed() {
    let project = Project::new(WHOLE);
    project.ok(&["run", "finetune", "finetune-bert"]);
    let again = Project::new(WHOLE);
    again.ok(&["run", "finetune", "finetune-bert", "--threads", "1"]);
    assert_eq!(project.contents(), again.contents());
}

#[test]
fn a_plan_says_what_the_papers_networks_cost() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments");
    let project = Project::new(WHOLE);
    for (name, parameters) in [
        ("igpt-s", 76_571_648_u64),
        ("igpt-m", 455_157_760),
        ("igpt-l", 1_362_250_752),
        ("igpt-xl", 6_810_875_904),
    ] {
        let file = root.join(format!("{name}.yaml"));
        let output = project.run(&["plan", "--json", file.to_str().unwrap()]);
        let rows: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
        let pretrain = rows.iter().find(|row| row["stage"] == "pretrain").unwrap();
        let figures = pretrain["figures"].as_array().unwrap();
        let figure = |name: &str| figures.iter().find(|figure| figure["name"] == name).unwrap().clone();
        assert_eq!(figure("parameters")["count"], parameters, "{name}");
        assert!(figure("memory")["bytes"].as_f64().unwrap() > 16.0 * parameters as f64);
        let said = project.ok(&["plan", file.to_str().unwrap()]);
        assert!(said.contains("tokens an image") && said.contains("FLOP"), "{said}");
    }
}

/// Every pipeline file that is shipped can be planned.
#[test]
fn every_experiment_is_valid() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let project = Project::new(WHOLE);
    let mut files: Vec<_> =
        std::fs::read_dir(root.join("experiments")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.push(root.join("pipeline.yaml"));
    assert!(files.len() > 8);
    for file in files {
        project.ok(&["plan", file.to_str().unwrap()]);
    }
}
