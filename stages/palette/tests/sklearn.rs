//! The inertia is as low as scikit-learn's on the same weighted colours.

use igpt_palette::{Histogram, PaletteParams, kmeans};
use igpt_stage::{Seed, Silent};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    k: usize,
    inertia_per_pixel: f64,
    colours_r_g_b_count: Vec<(u8, u8, u8, u64)>,
}

#[test]
fn inertia_is_within_a_percent_of_scikit_learn() {
    let fixture: Fixture = serde_json::from_str(include_str!("fixtures/kmeans.json")).unwrap();
    let mut histogram = Histogram::default();
    for (r, g, b, count) in fixture.colours_r_g_b_count {
        histogram.add_times([r, g, b], count);
    }
    let params = PaletteParams { k: fixture.k, ..Default::default() };
    // Not by luck of one seed.
    for seed in 0..5 {
        let found = kmeans::fit(&histogram.colours(), &params, Seed::new(seed), &Silent).unwrap();
        let ratio = found.inertia / fixture.inertia_per_pixel;
        // Much below one would mean that the two do not measure the same thing.
        assert!((0.95..=1.01).contains(&ratio), "seed {seed}: {ratio}");
    }
}
