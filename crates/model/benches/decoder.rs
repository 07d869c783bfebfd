//! One step of a decoder, averaged over the first 256 positions, for batches of several sizes.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use igpt_model::device::Cpu;
use igpt_model::{Config, Decoder, ImageGpt, Objective, Sequences};
use igpt_stage::Seed;

const CONFIG: Config = Config {
    n_layer: 8,
    n_embd: 256,
    n_head: 8,
    n_positions: 1024,
    k: 512,
    objective: Objective::Autoregressive,
};
const LENGTH: usize = 256;

fn step(c: &mut Criterion) {
    let network = ImageGpt::<Cpu>::new(CONFIG, Seed::new(1), &Default::default());
    let decoder = Decoder::new(&network);
    let mut group = c.benchmark_group("decoder/step");
    group.sample_size(20).measurement_time(Duration::from_secs(4));
    for images in [1, 8, 64] {
        group.throughput(Throughput::Elements(images as u64));
        group.bench_function(format!("{images} images"), |b| {
            // On a thread of the pool, as drawing is.
            rayon::scope(|_| {
                let inputs = Sequences::new(&vec![7; images], 1, &Default::default()).tokens;
                let mut cache = decoder.cache(LENGTH);
                b.iter(|| {
                    if cache.seen() == LENGTH {
                        cache = decoder.cache(LENGTH);
                    }
                    decoder.step(inputs.clone(), &mut cache)
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, step);
criterion_main!(benches);
