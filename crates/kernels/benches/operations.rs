//! Every operation on one thread, forward and with its gradient, at the sizes of two networks:
//!
//!     cargo bench --workspace --bench operations -- attention

#![allow(missing_docs, reason = "macros of Criterion make public functions")]

use std::hint::black_box;

use burn::backend::Autodiff;
use burn::tensor::{Distribution, Int, Tensor, TensorData};
use burn_flex::Flex;
use criterion::{Criterion, criterion_group, criterion_main};
use igpt_kernels::{AdamStep, Heads, adam, attention, cross_entropy, linear, mlp, rms_norm};

type Cpu = Flex<f32, i32>;
type Training = Autodiff<Cpu>;

/// Images, positions, width, heads.
const SIZES: [[usize; 4]; 2] = [[4, 256, 128, 4], [1, 1024, 256, 8]];
const COLOURS: usize = 512;

fn random<const D: usize>(shape: [usize; D]) -> Tensor<Cpu, D> {
    Tensor::random(shape, Distribution::Normal(0.0, 0.5), &Default::default())
}

fn leaf<const D: usize>(x: &Tensor<Cpu, D>) -> Tensor<Training, D> {
    Tensor::from_inner(x.clone()).require_grad()
}

/// Times a value, and the gradient of its sum weighted with `g`.
fn both<const D: usize>(
    c: &mut Criterion,
    name: &str,
    value: impl Fn() -> Tensor<Cpu, D>,
    tracked: impl Fn() -> Tensor<Training, D>,
    g: &Tensor<Cpu, D>,
) {
    c.bench_function(&format!("{name}/value"), |b| b.iter(|| black_box(value())));
    c.bench_function(&format!("{name}/gradient"), |b| {
        b.iter(|| black_box((tracked() * Tensor::from_inner(g.clone())).sum().backward()));
    });
}

fn operations(c: &mut Criterion) {
    // One thread: how operations share is another question than how fast they are.
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("no pool was made before");
    for [b, t, d, n_head] in SIZES {
        let size = format!("{b}x{t}x{d}");
        let rows = b * t;
        let (x, g) = (random([rows, d]), random([rows, d]));

        let (qkv, heads) = (random([b, t, 3 * d]), Heads { n_head, causal: true });
        let name = format!("attention/{size}");
        let tracked = || attention(leaf(&qkv), heads);
        both(c, &name, || attention(qkv.clone(), heads), tracked, &g.clone().reshape([b, t, d]));

        let (w1, w2) = (random([d, 4 * d]), random([4 * d, d]));
        let value = || mlp(x.clone(), w1.clone(), w2.clone());
        both(c, &format!("mlp/{size}"), value, || mlp(leaf(&x), leaf(&w1), leaf(&w2)), &g);

        let (w, g_wide) = (random([d, 3 * d]), random([rows, 3 * d]));
        let value = || linear(x.clone(), w.clone());
        both(c, &format!("linear/{size}"), value, || linear(leaf(&x), leaf(&w)), &g_wide);

        let (weight, x3) = (random([d]), x.clone().reshape([b, t, d]));
        let value = || rms_norm(x3.clone(), weight.clone());
        let tracked = || rms_norm(leaf(&x3), leaf(&weight));
        both(c, &format!("rms_norm/{size}"), value, tracked, &g.clone().reshape([b, t, d]));

        let head = random([COLOURS, d]);
        let targets: Vec<i32> = (0..rows).map(|i| (i * 7 % COLOURS) as i32).collect();
        let targets = Tensor::<Cpu, 1, Int>::from_data(TensorData::new(targets, [rows]), &Default::default());
        let value = || cross_entropy(x.clone(), head.clone(), targets.clone());
        let tracked = || cross_entropy(leaf(&x), leaf(&head), Tensor::from_inner(targets.clone()));
        both(c, &format!("cross_entropy/{size}"), value, tracked, &random([rows]));

        let step = AdamStep { rate: 1e-3, betas: [0.9, 0.95], epsilon: 1e-8, step: 1 };
        let gradient = random([d, 4 * d]);
        c.bench_function(&format!("adam/{d}x{}", 4 * d), |b| {
            b.iter(|| {
                adam(step, w1.clone(), gradient.clone(), [gradient.zeros_like(), gradient.zeros_like()])
            });
        });
    }
}

criterion_group! {
    name = all;
    config = Criterion::default().sample_size(20);
    targets = operations
}
criterion_main!(all);
