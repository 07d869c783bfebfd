//! What a palette of 512 colours takes, on colours as photographs have them: counting, seeding, iterating.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use igpt_palette::{Colours, Histogram, PaletteParams, kmeans, seeding};
use igpt_stage::{Seed, Silent};
use rand::Rng;

const PIXELS: usize = 1 << 20;
const K: usize = 512;

/// Brightness wanders from pixel to pixel; hue is never far from grey.
fn pixels() -> Vec<u8> {
    let mut rng = Seed::new(0).rng();
    let mut brightness = 128_i16;
    let mut pixels = Vec::with_capacity(3 * PIXELS);
    for _ in 0..PIXELS {
        brightness = (brightness + rng.random_range(-24..=24)).clamp(0, 255);
        pixels.extend((0..3).map(|_| (brightness + rng.random_range(-20..=20)).clamp(0, 255) as u8));
    }
    pixels
}

fn colours(pixels: &[u8]) -> Colours {
    let mut histogram = Histogram::default();
    histogram.add(pixels);
    histogram.colours()
}

fn palette(c: &mut Criterion) {
    let pixels = pixels();
    let colours = colours(&pixels);
    let mut group = c.benchmark_group("palette");
    group.sample_size(10);
    let mut histogram = Histogram::default();
    group.throughput(Throughput::Elements(PIXELS as u64));
    group.bench_function("count pixels", |b| b.iter(|| histogram.add(&pixels)));
    group.throughput(Throughput::Elements(colours.len() as u64));
    group.bench_function("seed 512 centres", |b| b.iter(|| seeding::plus_plus(&colours, K, Seed::new(1))));
    let start = seeding::plus_plus(&colours, K, Seed::new(1));
    let start: Vec<_> = start.iter().map(|rgb| rgb.map(|v| f32::from(v) / 127.5 - 1.0)).collect();
    let params = PaletteParams { k: K, restarts: 1, iterations: 10, tolerance: 0.0 };
    group.bench_function("10 iterations", |b| b.iter(|| kmeans::refine(&colours, &start, &params, &Silent)));
    group.finish();
}

criterion_group!(benches, palette);
criterion_main!(benches);
