//! The inertia is as low as scikit-learn's on the same weighted colours.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use igpt_palette::{Histogram, PaletteParams, kmeans};
use igpt_stage::{Seed, Silent};
use serde::Deserialize;

/// Inertias are means over pixels in [-1, 1] units.
#[derive(Deserialize)]
struct Fixture {
    k: usize,
    inertia_of_4_runs: f64,
    inertia_of_single_runs: Vec<f64>,
    colours_r_g_b_count: Vec<(u8, u8, u8, u64)>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("fixtures/kmeans.json")).unwrap()
}

/// What our k-means reaches from each of `seeds` seeds.
fn inertias(fixture: &Fixture, restarts: usize, seeds: u64) -> Vec<f64> {
    let mut histogram = Histogram::default();
    for &(r, g, b, count) in &fixture.colours_r_g_b_count {
        histogram.add_times([r, g, b], count);
    }
    let colours = histogram.colours();
    let params = PaletteParams { k: fixture.k, restarts, iterations: 1000, tolerance: 0.0 };
    let inertia = |seed| kmeans::fit(&colours, &params, Seed::new(seed), &Silent).unwrap().inertia;
    (0..seeds).map(inertia).collect()
}

#[test]
fn four_restarts_come_within_a_percent() {
    let fixture = fixture();
    let ratios: Vec<_> =
        inertias(&fixture, 4, 10).into_iter().map(|ours| ours / fixture.inertia_of_4_runs).collect();
    // One run in two ends in a poor optimum, in scikit-learn too, so four in a row sometimes do.
    let good = ratios.iter().filter(|ratio| **ratio <= 1.01).count();
    assert!(good >= 9, "{ratios:?}");
}

#[test]
fn single_runs_are_as_good_on_average_and_none_is_too_good() {
    let fixture = fixture();
    let theirs = &fixture.inertia_of_single_runs;
    let ours = inertias(&fixture, 1, 200);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let best = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(mean(&ours) <= 1.02 * mean(theirs), "{} {}", mean(&ours), mean(theirs));
    // Both find the best optimum there is; anything below would be measured wrongly.
    let ratio = best(&ours) / best(theirs);
    assert!((ratio - 1.0).abs() < 1e-5, "{ratio}");
}
