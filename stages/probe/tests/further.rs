//! Probes beyond one layer and all labels in memory: layers side by side, few labels, streamed features.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{Weights, features, images, probe, rows, table};
use igpt_artifact::table::probe::{Probe, ProbeId, ProbeRow, Source, Subset, read_low_data};
use igpt_artifact::{Explain, Split};
use igpt_probe::{Error, LowData, ProbeParams, Sgd, SolverName};
use tempfile::TempDir;

fn find(rows: &[ProbeRow], id: ProbeId, split: Split) -> ProbeRow {
    *rows.iter().find(|row| row.id == id && row.split == split).unwrap()
}

/// The stage's files, seconds apart, from two runs that have to agree in every byte.
fn twice(inputs: &[(&str, &Path)], params: &ProbeParams) -> (TempDir, BTreeMap<String, serde_json::Value>) {
    alike(inputs, [params, params])
}

/// The same for two settings that ought to make no difference.
fn alike(
    inputs: &[(&str, &Path)],
    params: [&ProbeParams; 2],
) -> (TempDir, BTreeMap<String, serde_json::Value>) {
    let [(out, results), (again, _)] = params.map(|params| {
        let out = tempfile::tempdir().unwrap();
        let summary = probe(inputs, params, out.path()).unwrap();
        (out, summary.results.into_iter().collect())
    });
    for file in igpt_artifact::fs::files_below(out.path()).unwrap() {
        let read = |dir: &TempDir| std::fs::read(dir.path().join(&file)).unwrap();
        assert!(file == Path::new("timing.json") || read(&out) == read(&again), "{}", file.display());
    }
    (out, results)
}

#[test]
fn layers_side_by_side_and_few_labels() {
    let trained = features("trained", &[0.2, 0.5, 0.6], |_, _| {});
    let untrained = features("untrained", &[0.0, 0.1], |_, _| {});
    let images = images();
    let inputs = [("features", trained.path()), ("untrained", untrained.path()), ("images", images.path())];
    let params = ProbeParams {
        l2: vec![1e-3, 1e-1],
        concat: vec![5, 3],
        // No class has 101 train images.
        low_data: Some(LowData { labels_per_class: vec![20, 4, 101], subsets: 3 }),
        ..ProbeParams::default()
    };
    let (out, results) = twice(&inputs, &params);

    // Six probes on all labels; layers 2 and 4 around 4, layers 0 to 4 around it; two sizes of three
    // subsets of three sources.
    let artifact = Probe::open(out.path()).unwrap();
    let probes = artifact.rows().unwrap();
    assert_eq!(probes.len(), 3 * (6 + 2 + 2 * 3 * 3));
    assert_eq!(results["best_layer"], 4);
    let best = ProbeId::layer(Source::Model, 4);
    let test = |id| find(&probes, id, Split::Test).accuracy;
    let wide = best.side_by_side(3);
    assert_eq!(find(&probes, wide, Split::Test).dims, 12);
    assert!(test(wide) > test(best), "{} {}", test(wide), test(best));
    assert_eq!(results["concat5_test_accuracy"], test(wide));
    assert_eq!(results["concat3_test_accuracy"], test(best.side_by_side(2)));
    let layers: Vec<_> = artifact.meta.concatenated.iter().map(|wide| wide.layers.clone()).collect();
    assert_eq!(layers, [vec![2, 4], vec![0, 2, 4]]);

    // Judged on subsets of 4 images of each of three classes, and on all test images.
    let few = |number| best.on(Subset { labels_per_class: 4, number });
    assert_eq!(find(&probes, few(2), Split::Train).images, 12);
    assert_eq!(find(&probes, few(2), Split::Test).images, 120);
    let sums = read_low_data(out.path()).unwrap();
    assert_eq!(sums.len(), 2 * 3);
    let accuracies = [0, 1, 2].map(|number| test(few(number)));
    let mean = accuracies.iter().sum::<f64>() / 3.0;
    let deviation = (accuracies.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
    assert!(sums[0].source == Source::Model && sums[0].labels_per_class == 4);
    assert!((sums[0].mean - mean).abs() < 1e-12 && (sums[0].deviation.unwrap() - deviation).abs() < 1e-12);
    let shown = format!("{:.1} ± {:.1}", 100.0 * mean, 100.0 * deviation);
    assert_eq!(results["low_data_4"], shown);
    assert!(results.contains_key("pixels_low_data_20") && !results.contains_key("low_data_101"));

    // Predictions and weights are those of the probes on all labels.
    assert_eq!(table(&out.path().join("predictions.parquet")).height(), (6 + 2) * 120);
    assert_eq!(table(&out.path().join("subsets.parquet")).height(), 3 * 3 * (4 + 20));
    let weights = Weights::read(out.path(), "model.4.layers3");
    let vectors =
        [0, 2, 4].map(|layer| rows(Split::Test, &format!("trained{layer}"), [0.2, 0.5, 0.6][layer / 2]));
    let hits = (0..120).filter(|&i| {
        let x: Vec<f32> = vectors.iter().flat_map(|rows| rows[i].2.clone()).collect();
        let p = weights.probabilities(&x);
        let said = (0..3).max_by(|&a, &b| p[a].total_cmp(&p[b])).unwrap();
        Some(weights.classes[said]) == vectors[0][i].1
    });
    assert_eq!(hits.count() as f64 / 120.0, test(wide));
}

#[test]
fn vectors_that_outgrow_memory_give_the_same_bytes() {
    let trained = features("trained", &[0.6, 0.5, 0.2], |split, rows| {
        if split == Split::Train {
            rows[3].1 = None;
        }
    });
    let images = images();
    let inputs = [("features", trained.path()), ("images", images.path())];
    for solver in [SolverName::Lbfgs, SolverName::Linfa] {
        let held = ProbeParams {
            solver,
            l2: vec![1e-3, 1e-1],
            concat: vec![3],
            low_data: Some(LowData { labels_per_class: vec![10], subsets: 2 }),
            ..ProbeParams::default()
        };
        alike(&inputs, [&held, &ProbeParams { memory: 0, ..held.clone() }]);
    }
}

#[test]
fn streamed_features_end_near_the_optimum() {
    let trained = features("trained", &[0.6, 0.5], |split, rows| {
        if split == Split::Train {
            rows[3].1 = None;
        }
    });
    let images = images();
    let inputs = [("features", trained.path()), ("images", images.path())];
    let l2 = 0.01;
    let in_memory = ProbeParams { l2: vec![l2], concat: vec![3], ..ProbeParams::default() };
    let streamed = ProbeParams {
        solver: SolverName::Sgd,
        // The first rate leads nowhere.
        sgd: Sgd {
            learning_rates: vec![1e-9, 0.3],
            l2,
            batch_size: 32,
            buffer: 50,
            epochs: 40,
            momentum: 0.9,
        },
        low_data: Some(LowData { labels_per_class: vec![10], subsets: 2 }),
        ..in_memory.clone()
    };
    let out = tempfile::tempdir().unwrap();
    probe(&inputs, &in_memory, out.path()).unwrap();
    let exact = Probe::open(out.path()).unwrap().rows().unwrap();
    let (out, results) = twice(&inputs, &streamed);
    let probes = Probe::open(out.path()).unwrap().rows().unwrap();
    assert_eq!(probes.len(), 3 * (3 + 1 + 2 * 2));
    for row in &exact {
        let near = find(&probes, row.id, row.split);
        assert_eq!((near.images, near.dims), (row.images, row.dims));
        let (near, far) = (near.loss.min(row.loss), near.loss.max(row.loss));
        assert!(far < 1.05 * near, "{}, {}: {near} {far}", row.id, row.split);
    }
    let row = find(&probes, ProbeId::layer(Source::Model, 0), Split::Train);
    assert_eq!((row.iterations, row.l2, row.images), (40 * 10, l2, 299));
    assert_eq!(row.learning_rate, Some(0.3));
    assert!(results.contains_key("learning_rate"));
}

#[test]
fn streamed_features_that_are_bad_are_named() {
    let params = ProbeParams { solver: SolverName::Sgd, ..ProbeParams::default() };
    let run = |features: &TempDir, params: &ProbeParams| {
        let out = tempfile::tempdir().unwrap();
        probe(&[("features", features.path())], params, out.path()).unwrap_err()
    };
    let infinite = features("trained", &[3.0], |split, rows| {
        if split == Split::Test {
            rows[5].2[1] = f32::INFINITY;
        }
    });
    let error = run(&infinite, &params).to_string();
    assert_eq!(error, "model layer 0: image 395 of the test split has a value that is not finite");
    for memory in [0, 2048] {
        let by_solver = ProbeParams { memory, ..ProbeParams::default() };
        assert_eq!(run(&infinite, &by_solver).to_string(), error);
    }

    let sound = features("trained", &[3.0], |_, _| {});
    let sgd = Sgd { learning_rates: vec![1e300], l2: 1e100, epochs: 2, ..Sgd::default() };
    let diverged = run(&sound, &ProbeParams { sgd, ..params });
    assert!(matches!(diverged, Error::Diverged { .. }), "{diverged}");
    assert!(diverged.hint().unwrap().contains("learning_rates"));
}
