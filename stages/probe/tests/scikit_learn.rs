//! The probe and scikit-learn find the same optimum. `fixtures/make_logistic.py` made the numbers.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::path::Path;

use common::{Row, Weights, probe, write_layer};
use igpt_artifact::Split;
use igpt_artifact::table::features::FeaturesMeta;
use igpt_probe::ProbeParams;
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    train: Vec<Vec<f32>>,
    train_labels: Vec<i64>,
    test: Vec<Vec<f32>>,
    test_labels: Vec<i64>,
    cases: Vec<Case>,
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
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logistic.json");
    let fixture: Fixture = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
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
