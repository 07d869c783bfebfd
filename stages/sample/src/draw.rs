//! Drawing pixel after pixel, a whole batch at a time.

use igpt_kernels::Kernels;
use igpt_model::{Decoder, Sequences};
use rand::Rng;
use rayon::prelude::*;

use crate::choose::Choice;

/// An image in the making.
#[derive(Clone, Debug)]
pub struct Drawing<R> {
    /// The tokens so far.
    pub tokens: Vec<u16>,
    /// A random stream of its own, so that it does not depend on what is drawn beside it.
    pub rng: R,
}

/// Draws images up to `length` tokens each. `advance` hears of every further position that the network has
/// looked at.
///
/// The batch is worked on by the threads of the current rayon pool.
///
/// # Panics
/// If the images have not the same number of tokens so far, or `length` exceeds the network's positions.
pub fn draw<B: Kernels, R: Rng + Send>(
    decoder: &Decoder<'_, B>,
    images: &mut [Drawing<R>],
    length: usize,
    choice: Choice,
    device: &B::Device,
    mut advance: impl FnMut(usize) + Send,
) {
    let given = images.first().map_or(length, |image| image.tokens.len());
    if given >= length {
        return;
    }
    let k = decoder.network().config().k;
    let start = k as u16; // u16 holds every token of a file, and this one
    let mut inputs: Vec<u16> =
        images.iter().flat_map(|image| std::iter::once(start).chain(image.tokens.iter().copied())).collect();
    let mut width = given + 1;
    // From a thread of the pool: each part of the network is handed out to the others without waking them
    // through the operating system.
    rayon::scope(|_| {
        let mut cache = decoder.cache(length);
        for _ in given..length {
            let logits = decoder.step(Sequences::new(&inputs, width, device).tokens, &mut cache); // [B, k]
            let logits = logits.into_data();
            let logits: &[f32] = logits.as_slice().expect("logits are f32 in every precision");
            images
                .par_iter_mut()
                .zip(logits.par_chunks_exact(k))
                .map(|(image, logits)| {
                    let token = choice.draw(logits, &mut image.rng);
                    image.tokens.push(token);
                    token
                })
                .collect_into_vec(&mut inputs);
            advance(width);
            width = 1;
        }
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burn::module::Param;
    use burn::tensor::{Tensor, TensorData};
    use igpt_model::device::Cpu;
    use igpt_model::{Config, ImageGpt, Objective};
    use igpt_stage::Seed;

    use super::*;

    const CHOICE: Choice = Choice { temperature: 1.0, top_k: None };

    const CONFIG: Config = Config {
        n_layer: 2,
        n_embd: 8,
        n_head: 2,
        n_positions: 3,
        k: 4,
        objective: Objective::Autoregressive,
    };

    /// A network that prefers some colours, and others after them.
    fn network() -> ImageGpt<Cpu> {
        let mut network = ImageGpt::<Cpu>::new(CONFIG, Seed::new(4), &Default::default());
        let mut rng = Seed::new(5).rng();
        let head: Vec<f32> = (0..4 * 8).map(|_| rng.random_range(-0.6..0.6)).collect();
        let head = Tensor::from_data(TensorData::new(head, [4, 8]), &Default::default());
        network.lm_head.weight = Param::from_tensor(head);
        network
    }

    /// Images that begin with `given`, some at a time.
    fn drawn(images: usize, together: usize, given: &[u16], seed: u64, choice: Choice) -> Vec<[u16; 3]> {
        let network = network();
        let decoder = Decoder::new(&network);
        let seed = Seed::new(seed);
        let drawing = |i| Drawing { tokens: given.to_vec(), rng: seed.nth(i as u64).rng() };
        let mut images: Vec<_> = (0..images).map(drawing).collect();
        for images in images.chunks_mut(together) {
            draw(&decoder, images, 3, choice, &Default::default(), |_| ());
        }
        images.into_iter().map(|image| image.tokens.try_into().unwrap()).collect()
    }

    /// The probability of every image, from logits that were computed without a cache.
    fn probabilities(temperature: f64, top_k: usize) -> BTreeMap<[u16; 3], f64> {
        let images: Vec<[u16; 3]> = (0..64_u16).map(|i| [i / 16, i / 4 % 4, i % 4]).collect();
        let sequences = Sequences::new(images.as_flattened(), 3, &Default::default());
        let logits: Vec<f64> = network().forward(&sequences).into_data().iter::<f64>().collect();
        let softmax = |at: usize| {
            let logits = &logits[4 * at..4 * at + 4];
            let larger = |z: f64| logits.iter().filter(|other| **other > z).count();
            let weight = |z: &f64| if larger(*z) < top_k { (z / temperature).exp() } else { 0.0 };
            let total: f64 = logits.iter().map(weight).sum();
            logits.iter().map(|z| weight(z) / total).collect::<Vec<_>>()
        };
        let of_image = |(i, image): (usize, &[u16; 3])| {
            let p = (0..3).map(|t| softmax(3 * i + t)[usize::from(image[t])]).product();
            (*image, p)
        };
        images.iter().enumerate().map(of_image).collect()
    }

    /// Pearson's χ² over all 64 images: below the 99.9% quantile for the degrees of freedom that are left.
    fn assert_distributed(drawn: &[[u16; 3]], expected: &BTreeMap<[u16; 3], f64>) {
        let mut counts: BTreeMap<[u16; 3], f64> = BTreeMap::new();
        drawn.iter().for_each(|image| *counts.entry(*image).or_default() += 1.0);
        let n = drawn.len() as f64;
        assert!((expected.values().sum::<f64>() - 1.0).abs() < 1e-9);
        let (mut chi2, mut cells) = (0.0, 0);
        let mut cell = |seen: f64, wanted: f64| {
            chi2 += (seen - wanted).powi(2) / wanted;
            cells += 1;
        };
        // Rare images share a cell: the distribution of χ² asks for a few draws in each.
        let mut rare = (0.0, 0.0);
        for (image, p) in expected {
            let seen = counts.get(image).copied().unwrap_or(0.0);
            if *p == 0.0 {
                assert_eq!(seen, 0.0, "{image:?} cannot be drawn");
                continue;
            }
            if n * p < 8.0 {
                rare = (rare.0 + seen, rare.1 + n * p);
            } else {
                cell(seen, n * p);
            }
        }
        if rare.1 > 0.0 {
            cell(rare.0, rare.1);
        }
        // Wilson and Hilferty 1931: the cube root of χ²/df is nearly normal.
        let df = f64::from(cells - 1);
        let z = ((chi2 / df).cbrt() - (1.0 - 2.0 / (9.0 * df))) / (2.0 / (9.0 * df)).sqrt();
        assert!(z < 3.09, "χ² {chi2} with {df} degrees of freedom");
    }

    #[test]
    fn images_come_as_often_as_the_network_says() {
        for (temperature, top_k) in [(1.0, None), (0.7, None), (1.5, None), (1.0, Some(2))] {
            let drawn = drawn(6000, 64, &[], 1, Choice { temperature, top_k });
            assert_distributed(&drawn, &probabilities(temperature, top_k.unwrap_or(4)));
        }
    }

    #[test]
    fn completions_come_as_often_as_the_network_says() {
        for given in [&[2][..], &[1, 3]] {
            let mut expected = probabilities(1.0, 4);
            expected.retain(|image, _| image.starts_with(given));
            let total: f64 = expected.values().sum();
            expected.values_mut().for_each(|p| *p /= total);
            assert_distributed(&drawn(3000, 64, given, 2, CHOICE), &expected);
        }
    }

    /// The tests above can fail: draws at one temperature are not those of another.
    #[test]
    #[should_panic(expected = "degrees of freedom")]
    fn another_temperature_is_another_distribution() {
        let choice = Choice { temperature: 0.8, ..CHOICE };
        assert_distributed(&drawn(6000, 64, &[], 1, choice), &probabilities(1.0, 4));
    }

    #[test]
    fn seeds_repeat_whatever_is_drawn_together() {
        let many = drawn(150, 64, &[], 3, CHOICE);
        for together in [1, 7, 64] {
            assert_eq!(drawn(70, together, &[], 3, CHOICE), many[..70]);
        }
        assert_ne!(drawn(70, 64, &[], 4, CHOICE), many[..70]);
    }

    #[test]
    fn seeds_repeat_whatever_the_threads() {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| drawn(40, 9, &[1], 5, CHOICE))
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn a_whole_image_is_left_alone() {
        assert_eq!(drawn(2, 2, &[3, 1, 2], 6, CHOICE), [[3, 1, 2]; 2]);
    }
}
