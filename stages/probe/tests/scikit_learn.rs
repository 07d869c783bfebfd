//! The probe and scikit-learn find the same optimum. `fixtures/make_logistic.py` made the numbers.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::path::Path;

use common::{Row, Weights, probe, write_layer};
use igpt_artifact::Split;
use igpt_artifact::table::features::FeaturesMeta;
use igpt_artifact::table::probe::{Probe, ProbeId, SUBSETS_FILE, Source, Subset};
use igpt_probe::{LowData, ProbeParams};
use polars::prelude::{LazyFrame, PlRefPath, col, lit};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    train: Vec<Vec<f32>>,
    train_labels: Vec<i64>,
    test: Vec<Vec<f32>>,
    test_labels: Vec<i64>,
    cases: Vec<Case>,
    /// The strength of what follows.
    l2: f64,
    /// Which features are taken for a layer.
    layers: [[usize; 2]; 3],
    concatenated: Scores,
    low_data: Vec<Few>,
}

#[derive(Deserialize)]
struct Few {
    image_ids: Vec<u64>,
    #[serde(flatten)]
    scores: Scores,
}

#[derive(Deserialize)]
struct Scores {
    train: Score,
    test: Score,
}

#[derive(Deserialize)]
struct Score {
    accuracy: f64,
    loss: f64,
}

impl Fixture {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logistic.json");
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }
}

#[derive(Deserialize)]
struct Case {
    standardize: bool,
    l2: f64,
    loss: f64,
    objective: f64,
    probabilities: Vec<Vec<f64>>,
}

fn rows(first_id: u64, vectors: &[Vec<f32>], labels: &[i64]) -> Vec<Row> {
    (first_id..).zip(labels).zip(vectors).map(|((id, label), x)| (id, Some(*label), x.clone())).collect()
}

/// Mean negative log-likelihood, and the squared length of the weights on standardised features.
fn judge(weights: &Weights, x: &[Vec<f32>], labels: &[i64], standardize: bool) -> (f64, f64) {
    let images = x.len() as f64;
    let nll: f64 =
        x.iter().zip(labels).map(|(x, &label)| -weights.probabilities(x)[label as usize].ln()).sum();
    let scale = |dim: usize| {
        let column = || x.iter().map(move |x| f64::from(x[dim]));
        let mean = column().sum::<f64>() / images;
        (column().map(|v| (v - mean).powi(2)).sum::<f64>() / images).sqrt()
    };
    let scales: Vec<f64> = (0..x[0].len()).map(|dim| if standardize { scale(dim) } else { 1.0 }).collect();
    let squares = weights.weight.iter().flat_map(|w| w.iter().zip(&scales).map(|(w, s)| (w * s).powi(2)));
    (nll / images, squares.sum())
}

#[test]
fn same_objective_and_probabilities_as_scikit_learn() {
    let fixture = Fixture::read();
    let features = tempfile::tempdir().unwrap();
    let meta = FeaturesMeta { n_embd: fixture.train[0].len(), layers: vec![0], ..Default::default() };
    meta.write(features.path()).unwrap();
    let train = rows(0, &fixture.train, &fixture.train_labels);
    let test = rows(1000, &fixture.test, &fixture.test_labels);
    write_layer(features.path(), Split::Train, 0, &meta, &train);
    write_layer(features.path(), Split::Validation, 0, &meta, &test);
    write_layer(features.path(), Split::Test, 0, &meta, &test);

    assert_eq!(fixture.cases.len(), 6);
    for Case { standardize, l2, loss, objective, probabilities } in fixture.cases {
        let params = ProbeParams {
            l2: vec![l2],
            standardize,
            max_iterations: 1000,
            tolerance: 1e-6,
            ..ProbeParams::default()
        };
        let out = tempfile::tempdir().unwrap();
        probe(&[("features", features.path())], &params, out.path()).unwrap();
        let weights = Weights::read(out.path(), "model.0");

        let (nll, squares) = judge(&weights, &fixture.train, &fixture.train_labels, standardize);
        let value = nll + l2 / 2.0 * squares;
        assert!((value / objective - 1.0).abs() < 1e-4, "l2 {l2}: objective {value}, not {objective}");
        assert!((nll - loss).abs() < 1e-3, "l2 {l2}: loss {nll}, not {loss}");
        for (x, expected) in fixture.test.iter().zip(&probabilities) {
            let apart = weights.probabilities(x).into_iter().zip(expected).map(|(p, q)| (p - q).abs());
            let apart = apart.fold(0.0, f64::max);
            assert!(apart < 1e-3, "l2 {l2}, standardize {standardize}: {apart}");
        }
    }
}

/// The image ids of a subset of 4 labels a class.
fn subset(artifact: &Path, number: u32) -> Vec<u64> {
    let path = PlRefPath::try_from_path(&artifact.join(SUBSETS_FILE)).unwrap();
    let table = LazyFrame::scan_parquet(path, Default::default()).unwrap();
    let table = table.filter(col("subset").eq(lit(number))).collect().unwrap();
    table.column("image_id").unwrap().u64().unwrap().into_no_null_iter().collect()
}

#[test]
fn layers_side_by_side_and_few_labels_as_in_scikit_learn() {
    let fixture = Fixture::read();
    let features = tempfile::tempdir().unwrap();
    let meta = FeaturesMeta { n_embd: 2, layers: vec![0, 1, 2], ..Default::default() };
    meta.write(features.path()).unwrap();
    for (layer, columns) in fixture.layers.iter().enumerate() {
        let of_layer = |vectors: &[Vec<f32>]| -> Vec<Vec<f32>> {
            vectors.iter().map(|x| columns.iter().map(|&column| x[column]).collect()).collect()
        };
        let train = rows(0, &of_layer(&fixture.train), &fixture.train_labels);
        let test = rows(1000, &of_layer(&fixture.test), &fixture.test_labels);
        write_layer(features.path(), Split::Train, layer, &meta, &train);
        write_layer(features.path(), Split::Validation, layer, &meta, &test);
        write_layer(features.path(), Split::Test, layer, &meta, &test);
    }
    let params = ProbeParams {
        l2: vec![fixture.l2],
        max_iterations: 1000,
        tolerance: 1e-7,
        concat: vec![3],
        low_data: Some(LowData { labels_per_class: vec![4], subsets: 2 }),
        ..ProbeParams::default()
    };
    let out = tempfile::tempdir().unwrap();
    probe(&[("features", features.path())], &params, out.path()).unwrap();
    let probes = Probe::open(out.path()).unwrap();
    assert_eq!(probes.meta.concatenated[0].layers, [0, 1, 2]);
    let probes = probes.rows().unwrap();
    let agrees = |id: ProbeId, scores: &Scores| {
        for (split, expected) in [(Split::Train, &scores.train), (Split::Test, &scores.test)] {
            let row = probes.iter().find(|row| row.id == id && row.split == split).unwrap();
            let apart = (row.loss - expected.loss).abs();
            assert!(apart < 1e-4, "{id}, {split}: loss {}, not {}", row.loss, expected.loss);
            assert!((row.accuracy - expected.accuracy).abs() < 1e-12, "{id}, {split}");
        }
    };

    let best = ProbeId::layer(Source::Model, 1);
    agrees(best.side_by_side(3), &fixture.concatenated);
    let drawn = [0, 1].map(|number| subset(out.path(), number));
    let known: Vec<_> = fixture.low_data.iter().map(|few| few.image_ids.clone()).collect();
    assert_eq!(known, drawn, "other subsets than the fixture's");
    for (number, few) in fixture.low_data.iter().enumerate() {
        agrees(best.on(Subset { labels_per_class: 4, number: number as u32 }), &few.scores);
    }
}
