//! The stage from artifact to artifact, on features made so that the right answer is known.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{Row, Weights, accuracy, features, images, probe, rows, table};
use igpt_artifact::{Explain, Split};
use igpt_probe::{Error, ProbeParams};
use polars::prelude::*;
use tempfile::TempDir;

#[test]
fn layers_untrained_and_pixels_side_by_side() {
    let trained = features("trained", &[0.2, 3.0, 0.6], |_, _| {});
    let untrained = features("untrained", &[0.0, 0.1], |_, _| {});
    let images = images();
    let inputs = [("features", trained.path()), ("untrained", untrained.path()), ("images", images.path())];
    let run = || {
        let out = tempfile::tempdir().unwrap();
        let summary = probe(&inputs, &ProbeParams::default(), out.path()).unwrap();
        (out, summary)
    };
    let (out, summary) = run();

    let probes = table(&out.path().join("probes.parquet"));
    assert_eq!(probes.height(), (3 + 2 + 1) * 3);
    assert_eq!(accuracy(&probes, "model", Some(2), "test"), 1.0);
    assert!(accuracy(&probes, "model", Some(4), "test") > accuracy(&probes, "model", Some(0), "test"));
    assert!(accuracy(&probes, "untrained", Some(0), "test") < 0.5);
    assert_eq!(accuracy(&probes, "pixels", None, "test"), 1.0);

    let results: BTreeMap<_, _> = summary.results.iter().cloned().collect();
    assert_eq!(results["best_layer"], 2);
    assert_eq!(results["test_accuracy"], 1.0);
    assert_eq!(results["pixels_test_accuracy"], 1.0);
    assert_eq!(summary.volatile, ["timing.json"]);

    // The tables agree with each other and with the weights.
    let predictions = table(&out.path().join("predictions.parquet"));
    assert_eq!(predictions.height(), 6 * 120);
    let of_layer = col("source").eq(lit("model")).and(col("layer").eq(lit(4_u32)));
    let of_layer = predictions.lazy().filter(of_layer).collect().unwrap();
    let column = |name: &str| of_layer.column(name).unwrap().i64().unwrap().into_no_null_iter();
    let hits = column("label").zip(column("predicted")).filter(|(a, b)| a == b).count();
    assert_eq!(hits as f64 / 120.0, accuracy(&probes, "model", Some(4), "test"));
    let weights = Weights::read(out.path(), "model.4");
    assert_eq!(weights.classes, [10, 11, 12]);
    let confidence = of_layer.column("confidence").unwrap().f64().unwrap();
    for (i, (_, _, x)) in rows(Split::Test, "trained4", 0.6).iter().enumerate() {
        let p = weights.probabilities(x).into_iter().fold(0.0, f64::max);
        // Vectors are standardised to f32, which these weights undo in f64.
        assert!((p - confidence.get(i).unwrap()).abs() < 1e-6);
    }
    let svg = std::fs::read_to_string(out.path().join("depth.svg")).unwrap();
    assert!(svg.contains("untrained") && svg.contains("raw pixels") && svg.contains("100.0"));

    // Another run gives the same bytes, seconds apart.
    let (again, _) = run();
    let files = igpt_artifact::fs::files_below(out.path()).unwrap();
    assert_eq!(files.len(), 6);
    for file in files.iter().filter(|file| *file != Path::new("timing.json")) {
        let read = |dir: &TempDir| std::fs::read(dir.path().join(file)).unwrap();
        assert!(read(&out) == read(&again), "{}", file.display());
    }
}

#[test]
fn the_strength_is_chosen_on_validation_and_ties_go_to_the_stronger() {
    let trained = features("trained", &[3.0], |_, _| {});
    let out = tempfile::tempdir().unwrap();
    let params = ProbeParams { l2: vec![1e-3, 30.0, 1e-3, 100.0], ..ProbeParams::default() };
    probe(&[("features", trained.path())], &params, out.path()).unwrap();
    let probes = table(&out.path().join("probes.parquet"));
    // The lower loss decides where all tell the classes apart.
    let l2 = probes.column("l2").unwrap().f64().unwrap().get(0);
    assert_eq!(l2, Some(1e-3));
    // Shuffled validation labels leave nothing to learn, so the strongest is best.
    let shuffled = features("trained", &[3.0], |split, rows| {
        if split == Split::Validation {
            rows.iter_mut().for_each(|(id, label, _)| *label = Some((*id / 3 % 3) as i64 + 10));
        }
    });
    let out = tempfile::tempdir().unwrap();
    probe(&[("features", shuffled.path())], &params, out.path()).unwrap();
    let probes = table(&out.path().join("probes.parquet"));
    assert!(probes.column("l2").unwrap().f64().unwrap().get(0) >= Some(30.0));
}

#[test]
fn images_without_a_label_are_left_out_and_unseen_labels_count_as_wrong() {
    let trained = features("trained", &[3.0], |split, rows| {
        rows[0].1 = None;
        if split == Split::Test {
            rows[1].1 = Some(99);
        }
    });
    let out = tempfile::tempdir().unwrap();
    let params = ProbeParams { limit: Some(60), ..ProbeParams::default() };
    probe(&[("features", trained.path())], &params, out.path()).unwrap();
    let probes = table(&out.path().join("probes.parquet"));
    let images: Vec<_> = probes.column("images").unwrap().u64().unwrap().into_no_null_iter().collect();
    assert_eq!(images, [60, 89, 119]);
    assert_eq!(accuracy(&probes, "model", Some(0), "test"), 118.0 / 119.0);
}

#[test]
fn bad_input_is_named() {
    let failure = |edit: fn(Split, &mut Vec<Row>)| {
        let trained = features("trained", &[3.0], edit);
        let out = tempfile::tempdir().unwrap();
        probe(&[("features", trained.path())], &ProbeParams::default(), out.path()).unwrap_err()
    };
    let unlabelled = failure(|split, rows| {
        if split == Split::Validation {
            rows.iter_mut().for_each(|row| row.1 = None);
        }
    });
    assert_eq!(unlabelled.to_string(), "no labelled image in the validation split");
    assert!(unlabelled.hint().is_some());
    let one_class = failure(|_, rows| rows.iter_mut().for_each(|row| row.1 = Some(4)));
    assert!(matches!(one_class, Error::OneClass { class: 4, images: 300 }), "{one_class}");
    let infinite = failure(|split, rows| {
        if split == Split::Test {
            rows[5].2[1] = f32::INFINITY;
        }
    });
    assert_eq!(
        infinite.to_string(),
        "model layer 0: image 395 of the test split has a value that is not finite"
    );

    let trained = features("trained", &[3.0], |_, _| {});
    let fewer = features("untrained", &[3.0], |_, rows| drop(rows.remove(7)));
    let out = tempfile::tempdir().unwrap();
    let inputs = [("features", trained.path()), ("untrained", fewer.path())];
    let missing = probe(&inputs, &ProbeParams::default(), out.path()).unwrap_err();
    assert_eq!(missing.to_string(), "untrained layer 0: image 7 of the train split is missing");

    let part = Split::Train.dir(trained.path()).join("layer=0/part-00000.parquet");
    let bytes = std::fs::read(&part).unwrap();
    std::fs::write(&part, &bytes[..bytes.len() / 2]).unwrap();
    let cut = probe(&[("features", trained.path())], &ProbeParams::default(), out.path()).unwrap_err();
    assert!(matches!(cut, Error::Read { .. }), "{cut}");
}

#[test]
fn values_of_any_size_are_no_reason_to_fail() {
    for standardize in [true, false] {
        for size in [1e-30_f32, 1e6, 1e30] {
            let trained = features("trained", &[3.0], |_, rows| {
                rows.iter_mut().for_each(|row| row.2.iter_mut().for_each(|v| *v *= size));
            });
            let out = tempfile::tempdir().unwrap();
            let params = ProbeParams { standardize, ..ProbeParams::default() };
            probe(&[("features", trained.path())], &params, out.path()).unwrap();
            let probes = table(&out.path().join("probes.parquet"));
            let loss = probes.column("loss").unwrap().f64().unwrap();
            assert!(loss.into_no_null_iter().all(f64::is_finite));
            if standardize {
                assert_eq!(accuracy(&probes, "model", Some(0), "test"), 1.0);
            }
        }
    }
}
