//! What tokens of a palette of 512 colours take: the table, and reading it for pixels as photographs have them.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use igpt_artifact::table::palette::Palette;
use igpt_stage::Seed;
use igpt_tokenize::Lookup;
use rand::Rng;

const PIXELS: usize = 1 << 20;
const K: usize = 512;

/// Brightness wanders from pixel to pixel; hue is never far from grey.
fn pixels() -> Vec<[u8; 3]> {
    let mut rng = Seed::new(0).rng();
    let mut brightness = 128_i16;
    let mut next = || {
        brightness = (brightness + rng.random_range(-24..=24)).clamp(0, 255);
        [0; 3].map(|_: u8| (brightness + rng.random_range(-20..=20)).clamp(0, 255) as u8)
    };
    (0..PIXELS).map(|_| next()).collect()
}

fn tokens(c: &mut Criterion) {
    let pixels = pixels();
    let centre = |i: usize| pixels[i * (PIXELS / K)].map(|v| f32::from(v) / 127.5 - 1.0);
    let palette = Palette::new((0..K).map(centre).collect());
    let mut group = c.benchmark_group("tokens");
    group.sample_size(10);
    group.bench_function("table", |b| b.iter(|| Lookup::new(&palette)));
    let lookup = Lookup::new(&palette);
    group.throughput(Throughput::Elements(PIXELS as u64));
    group.bench_function("encode pixels", |b| b.iter(|| lookup.encode(&pixels)));
    group.finish();
}

criterion_group!(benches, tokens);
criterion_main!(benches);
