//! One look at the objective of a probe, the loss and its gradient: 50,000 images of 512 features, 10 classes.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use igpt_probe::objective::Objective;
use igpt_probe::rows::Held;
use igpt_stage::Seed;
use ndarray::Array2;
use rand::Rng;

const IMAGES: usize = 50_000;
const DIMS: usize = 512;
const CLASSES: usize = 10;

fn objective(criterion: &mut Criterion) {
    let mut rng = Seed::new(0).rng();
    let x = Array2::from_shape_simple_fn((IMAGES, DIMS), || 3_f32.sqrt() * rng.random_range(-1.0..1.0_f32));
    let x = Held::new(x);
    let targets: Vec<usize> = (0..IMAGES).map(|image| image % CLASSES).collect();
    let weights = Array2::from_shape_simple_fn((CLASSES, DIMS + 1), || rng.random_range(-0.1..0.1_f64));
    let mut objective = Objective::new(&x, &targets, CLASSES);
    let mut group = criterion.benchmark_group("probe");
    // Two products, each a multiplication and an addition.
    group.throughput(Throughput::Elements((4 * IMAGES * DIMS * CLASSES) as u64)).sample_size(20);
    // Steps back and forth, as a line search takes them.
    let mut sign = 1.0;
    group.bench_function("objective", |bencher| {
        bencher.iter(|| {
            sign = -sign;
            objective
                .evaluate(black_box(&(&weights * (1.0 + 0.1 * sign))))
                .expect("the vectors are in memory")
        });
    });
    group.finish();
}

criterion_group!(benches, objective);
criterion_main!(benches);
