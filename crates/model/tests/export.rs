//! What this program writes, loaded by transformers: the same logits, and the same tokens of an image.
//!
//! Runs where a Python with transformers is: the one that `IGPT_PYTHON` names, or `.venv` in the workspace
//! (`make python`).

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test, which says that it is skipped")]

use std::path::{Path, PathBuf};
use std::process::Command;

use burn::module::Param;
use burn::tensor::{Tensor, TensorData};
use igpt_artifact::table::palette::{Palette, squared_error};
use igpt_model::device::Cpu;
use igpt_model::{Classifier, ImageGpt, Sequences, processor, weights};
use serde_json::{Value, json};

/// A Python that has transformers.
fn python() -> Option<PathBuf> {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/python");
    let python = std::env::var_os("IGPT_PYTHON").map_or(venv, PathBuf::from);
    let check = Command::new(&python).args(["-c", "import torch, transformers"]).output();
    check.is_ok_and(|output| output.status.success()).then_some(python)
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn transformers_loads_what_is_written() {
    let Some(python) = python() else {
        eprintln!("skipped: no Python with transformers (`make python`, or set IGPT_PYTHON)");
        return;
    };
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (fixture, side, k) in [("one_head_5x5", 5, 8_u16), ("seven_layers_7x7", 7, 31)] {
        let network: ImageGpt<Cpu> =
            weights::read(&tests.join("fixtures").join(fixture), &Default::default()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        weights::write(&network, dir.path()).unwrap();
        let colour = |i: u16| [i, i * 3 % k, i * 7 % k].map(|c| 2.0 * f32::from(c) / f32::from(k) - 1.0);
        let palette = Palette::new((0..k).map(colour).collect());
        processor::write(&palette, side, side, dir.path()).unwrap();

        let ids: Vec<u16> = (0..2 * side * side).map(|i| (i * i + i / 3) as u16 % k).collect();
        let image: Vec<[u8; 3]> =
            (0..side * side).map(|i| [i * 5, i * 31, i * 83].map(|v| v as u8)).collect();
        let rows = |flat: &[u16]| flat.chunks(side * side).map(<[u16]>::to_vec).collect::<Vec<_>>();
        let given = json!({"tokens": rows(&ids), "image": image.chunks(side).collect::<Vec<_>>()});
        let [source, target] = ["in.json", "out.json"].map(|name| dir.path().join(name));
        std::fs::write(&source, given.to_string()).unwrap();
        let mut command = Command::new(&python);
        command.arg(tests.join("python/load_export.py")).args([dir.path(), &source, &target]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said: Value = serde_json::from_slice(&std::fs::read(&target).unwrap()).unwrap();

        assert_eq!(said["problems"], json!([]));
        let sequences = Sequences::new(&ids, side * side, &Default::default());
        let ours = network.forward(&sequences).into_data();
        let theirs = numbers(&said["logits"]);
        assert_eq!(theirs.len(), ids.len() * usize::from(k));
        for (ours, theirs) in ours.iter::<f64>().zip(theirs) {
            assert!((ours - theirs).abs() <= 1e-4 * theirs.abs().max(1.0), "{ours} {theirs}");
        }
        let nearest =
            |&pixel: &[u8; 3]| (0..k).min_by_key(|&i| squared_error(pixel, palette.rgb(i))).unwrap();
        let wanted: Vec<f64> = image.iter().map(|pixel| f64::from(nearest(pixel))).collect();
        assert_eq!(numbers(&said["image_tokens"]), wanted);

        // The same network with a class head.
        let dir = tempfile::tempdir().unwrap();
        let mut classifier = Classifier::new(network, 3, &Default::default());
        let [classes, d] = classifier.score.weight.dims();
        let score: Vec<f32> = (0..classes * d).map(|i| (i as f32 * 0.7).sin()).collect();
        let score = Tensor::from_data(TensorData::new(score, [classes, d]), &Default::default());
        classifier.score.weight = Param::from_tensor(score);
        let names = ["disc".to_owned(), "square".to_owned()];
        weights::write_classifier(&classifier, &names, dir.path()).unwrap();
        let target = dir.path().join("out.json");
        let mut command = Command::new(&python);
        command.arg(tests.join("python/load_classifier.py")).args([dir.path(), &source, &target]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said: Value = serde_json::from_slice(&std::fs::read(&target).unwrap()).unwrap();
        // The output matrix has no place there.
        assert_eq!(said["problems"], json!(["lm_head.weight"]));
        assert_eq!(said["names"], json!(["disc", "square", "2"]));
        let gpt = &classifier.gpt;
        let x = gpt.stream(&sequences);
        let ours = classifier.classify(gpt.finish(x)).into_data();
        let theirs = numbers(&said["logits"]);
        assert_eq!(theirs.len(), 2 * classes);
        for (ours, theirs) in ours.iter::<f64>().zip(theirs) {
            assert!((ours - theirs).abs() <= 1e-4 * theirs.abs().max(1.0), "{ours} {theirs}");
        }
    }
}
