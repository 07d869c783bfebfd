//! Values and gradients of every kernel against plain Burn.

// Helpers of tests may unwrap as tests do.
#![allow(clippy::unwrap_used)]

use burn::backend::Autodiff;
use burn::tensor::{Int, Tensor, TensorData};
use burn_flex::Flex;
use igpt_kernels::{AdamStep, Heads, Kernels, KeysValues, Packed, reference};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

type Plain = Flex<f32, i32>;
type B = Autodiff<Plain>;

fn random<const D: usize>(shape: [usize; D], rng: &mut ChaCha8Rng) -> TensorData {
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-2.0..2.0)).collect();
    TensorData::new(values, shape)
}

fn leaf<const D: usize>(data: &TensorData) -> Tensor<B, D> {
    Tensor::from_data(data.clone(), &Default::default()).require_grad()
}

fn close(a: TensorData, b: TensorData) {
    let (a, b): (Vec<f32>, Vec<f32>) = (a.iter::<f32>().collect(), b.iter::<f32>().collect());
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(&b) {
        assert!((a - b).abs() < 1e-4 * b.abs().max(1.0), "{a} {b}");
    }
}

/// The output of `f`, and the gradients of a random weighted sum of it by every input.
fn values<const N: usize, const D: usize, const E: usize>(
    inputs: &[Tensor<B, D>; N],
    f: impl Fn(&[Tensor<B, D>; N]) -> Tensor<B, E>,
    weights: &TensorData,
) -> (TensorData, Vec<TensorData>) {
    let output = f(inputs);
    let value = output.to_data();
    let gradients = (output * Tensor::from_data(weights.clone(), &Default::default())).sum().backward();
    let of = |input: &Tensor<B, D>| input.grad(&gradients).unwrap().into_data();
    (value, inputs.iter().map(of).collect())
}

#[test]
fn attention() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for (b, t, heads, c) in [(1, 1, 1, 4), (2, 7, 3, 5), (2, 64, 1, 8), (1, 130, 2, 16), (3, 200, 4, 3)] {
        let qkv = random([b, t, 3 * heads * c], &mut rng);
        let g = random([b, t, heads * c], &mut rng);
        for causal in [true, false] {
            let heads = Heads { n_head: heads, causal };
            let ours = values(&[leaf::<3>(&qkv)], |[x]| igpt_kernels::attention(x.clone(), heads), &g);
            let composed = values(&[leaf::<3>(&qkv)], |[x]| reference::attention(x.clone(), heads), &g);
            close(ours.0, composed.0);
            ours.1.into_iter().zip(composed.1).for_each(|(a, b)| close(a, b));
        }
    }
}

#[test]
fn norm() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for [b, t, d] in [[1, 1, 1], [2, 3, 5], [3, 17, 64]] {
        let (x, w, g) = (random([b, t, d], &mut rng), random([d], &mut rng), random([b, t, d], &mut rng));
        let run = |f: fn(Tensor<B, 3>, Tensor<B, 1>) -> Tensor<B, 3>| {
            let (x, w) = (leaf::<3>(&x), leaf::<1>(&w));
            let y = f(x.clone(), w.clone());
            let value = y.to_data();
            let gradients = (y * Tensor::from_data(g.clone(), &Default::default())).sum().backward();
            [value, x.grad(&gradients).unwrap().into_data(), w.grad(&gradients).unwrap().into_data()]
        };
        let (ours, composed) = (run(igpt_kernels::rms_norm), run(reference::rms_norm));
        ours.into_iter().zip(composed).for_each(|(a, b)| close(a, b));
    }
}

#[test]
fn gelu() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for shape in [[1, 1], [5, 33]] {
        let (x, g) = (random(shape, &mut rng), random(shape, &mut rng));
        let ours = values(&[leaf::<2>(&x)], |[x]| igpt_kernels::quick_gelu(x.clone()), &g);
        let composed = values(&[leaf::<2>(&x)], |[x]| reference::quick_gelu(x.clone()), &g);
        close(ours.0, composed.0);
        ours.1.into_iter().zip(composed.1).for_each(|(a, b)| close(a, b));
    }
}

#[test]
fn products() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for [rows, inner, outer] in [[1, 1, 1], [3, 5, 7], [300, 40, 33], [70, 600, 20]] {
        let (x, w) = (random([rows, inner], &mut rng), random([inner, outer], &mut rng));
        let g = random([rows, outer], &mut rng);
        let inputs = || [leaf::<2>(&x), leaf::<2>(&w)];
        let ours = values(&inputs(), |[x, w]| igpt_kernels::linear(x.clone(), w.clone()), &g);
        let composed = values(&inputs(), |[x, w]| reference::linear(x.clone(), w.clone()), &g);
        close(ours.0, composed.0);
        ours.1.into_iter().zip(composed.1).for_each(|(a, b)| close(a, b));
    }
}

#[test]
fn mlp() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for [rows, d, hidden] in [[1, 1, 4], [3, 5, 20], [70, 16, 64], [1100, 8, 32]] {
        let (x, g) = (random([rows, d], &mut rng), random([rows, d], &mut rng));
        let (w1, w2) = (random([d, hidden], &mut rng), random([hidden, d], &mut rng));
        let inputs = || [leaf::<2>(&x), leaf::<2>(&w1), leaf::<2>(&w2)];
        let ours = values(&inputs(), |[x, w1, w2]| igpt_kernels::mlp(x.clone(), w1.clone(), w2.clone()), &g);
        let composed = values(&inputs(), |[x, w1, w2]| reference::mlp(x.clone(), w1.clone(), w2.clone()), &g);
        let [x, w1, w2] = inputs().map(Tensor::inner);
        close(igpt_kernels::mlp(x, w1, w2).into_data(), composed.0.clone());
        close(ours.0, composed.0);
        ours.1.into_iter().zip(composed.1).for_each(|(a, b)| close(a, b));
    }
}

type Entropy = fn(Tensor<B, 2>, Tensor<B, 2>, Tensor<B, 1, Int>) -> Tensor<B, 1>;

#[test]
fn cross_entropy() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    for [rows, d, k] in [[1, 1, 2], [5, 3, 6], [70, 16, 513], [1100, 8, 40]] {
        let (x, w, g) = (random([rows, d], &mut rng), random([k, d], &mut rng), random([rows], &mut rng));
        let targets: Vec<i32> = (0..rows).map(|_| rng.random_range(0..k as i32)).collect();
        let targets = Tensor::<B, 1, Int>::from_data(TensorData::new(targets, [rows]), &Default::default());
        let inputs = || [leaf::<2>(&x), leaf::<2>(&w)];
        let run = |f: Entropy| values(&inputs(), |[x, w]| f(x.clone(), w.clone(), targets.clone()), &g);
        let (ours, composed) = (run(igpt_kernels::cross_entropy), run(reference::cross_entropy));
        close(ours.0, composed.0);
        ours.1.into_iter().zip(composed.1).for_each(|(a, b)| close(a, b));
    }
}

#[test]
fn adam() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    // The second is a part of a larger tensor, which has to be left alone.
    for (shape, part) in [([3, 7], [3, 7]), ([40, 900], [33, 900])] {
        let leaf = |data: TensorData| Tensor::<Flex<f32, i32>, 2>::from_data(data, &Default::default());
        let all = leaf(random(shape, &mut rng));
        let before = all.to_data();
        let mut parameter = all.clone().slice([0..part[0], 0..part[1]]);
        let mut moments = [parameter.zeros_like(), parameter.zeros_like()];
        let mut expected: Vec<[f64; 3]> =
            parameter.to_data().iter::<f32>().map(|p| [f64::from(p), 0.0, 0.0]).collect();
        for step in 1..=4 {
            let gradient = random(part, &mut rng);
            for ([p, m, v], g) in expected.iter_mut().zip(gradient.iter::<f64>()) {
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.95 * *v + 0.05 * g * g;
                let (m, v) = (*m / (1.0 - 0.9_f64.powi(step)), *v / (1.0 - 0.95_f64.powi(step)));
                *p -= 0.01 * m / (v.sqrt() + 1e-8);
            }
            let how = AdamStep { rate: 0.01, betas: [0.9, 0.95], epsilon: 1e-8, step: step as usize };
            (parameter, moments) = igpt_kernels::adam(how, parameter, leaf(gradient), moments);
        }
        for (i, found) in [parameter, moments[0].clone(), moments[1].clone()].into_iter().enumerate() {
            let wanted: Vec<f32> = expected.iter().map(|of| of[i] as f32).collect();
            close(found.into_data(), TensorData::new(wanted, part));
        }
        assert_eq!(all.to_data(), before);
    }
}

#[test]
fn packed_products() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for [rows, inner, outer] in [[1, 1, 1], [3, 5, 7], [8, 64, 192], [70, 33, 50], [130, 40, 16]] {
        let (x, w) = (random([rows, inner], &mut rng), random([inner, outer], &mut rng));
        let [x, w] = [x, w].map(|data| Tensor::<Plain, 2>::from_data(data, &Default::default()));
        let ours = Packed::new(w.clone()).product(x.clone());
        close(ours.into_data(), reference::linear(x.clone(), w.clone()).into_data());
        // A transpose that only strides say.
        let transposed = Packed::new(w.clone().transpose()).product(reference::linear(x.clone(), w.clone()));
        close(
            transposed.into_data(),
            reference::linear(reference::linear(x, w.clone()), w.transpose()).into_data(),
        );
    }
}

/// Positions come a few at a time, and see what they would see if all came at once; on the CPU, and in plain
/// operations on any backend.
#[test]
fn cached_attention() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    for (b, heads, c, pieces) in [
        (1, 1, 4, vec![1]),
        (2, 3, 5, vec![1; 7]),
        (2, 2, 32, vec![20, 1, 1, 13]),
        (3, 1, 47, vec![1, 16, 17, 1]),
        (1, 4, 64, vec![130, 2]),
    ] {
        let t = pieces.iter().sum();
        let qkv = random([b, t, 3 * heads * c], &mut rng);
        let wanted: Tensor<Plain, 3> = Tensor::from_data(qkv.clone(), &Default::default());
        let wanted = reference::attention(wanted, Heads { n_head: heads, causal: true }).into_data();
        close(in_pieces::<Plain>(&qkv, heads, &pieces), wanted.clone());
        close(in_pieces::<B>(&qkv, heads, &pieces), wanted);
    }
}

fn in_pieces<B: Kernels>(qkv: &TensorData, heads: usize, pieces: &[usize]) -> TensorData {
    let qkv = Tensor::<B, 3>::from_data(qkv.clone(), &Default::default());
    let mut kept = KeysValues::new(heads, pieces.iter().sum());
    let attended = pieces.iter().map(|&new| kept.attend(qkv.clone().narrow(1, kept.seen(), new))).collect();
    Tensor::cat(attended, 1).into_data()
}

#[test]
#[should_panic(expected = "no room")]
fn a_full_cache_takes_no_more() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    in_pieces::<Plain>(&random([1, 3, 6], &mut rng), 1, &[2]);
    let qkv = Tensor::<Plain, 3>::from_data(random([1, 3, 6], &mut rng), &Default::default());
    KeysValues::new(1, 2).attend(qkv);
}
