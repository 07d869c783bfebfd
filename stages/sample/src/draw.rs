//! Drawing pixel after pixel, a whole batch at a time, with a key/value cache.

use igpt_artifact::table::vectors::Batch;
use igpt_kernels::Kernels;
use igpt_model::cache::Cache;
use igpt_model::{Compute, Config, ImageGpt, Sequences, weights};
use igpt_stage::{Context, Seed, Task};

use crate::choose::choose;
use crate::{Error, SampleParams};

/// Images drawn together.
const BATCH: usize = 64;

/// A drawing, ready to run on any backend.
pub struct Draw<'a> {
    pub context: &'a Context<'a>,
    pub params: &'a SampleParams,
    pub config: Config,
    pub originals: &'a Batch<u16>,
}

/// What was drawn.
pub struct Drawn {
    /// Images from nothing; ids count from 0.
    pub samples: Batch<u16>,
    /// Several images for each original, one after another, with the original's id and label.
    pub completions: Batch<u16>,
    /// Tokens of the original that each completion was given.
    pub given: usize,
}

impl Compute for Draw<'_> {
    type Output = Result<Drawn, Error>;

    fn run<B: Kernels>(self, device: B::Device) -> Result<Drawn, Error> {
        let Self { context, params, config, originals } = self;
        let network = weights::read::<B>(context.input("model"), &device)?;
        let given = config.n_positions / 2;

        let mut start = Batch::new(0);
        (0..params.samples as u64).for_each(|id| start.push(id, None, &[]));
        let mut halves = Batch::new(given);
        for i in 0..originals.rows() {
            for _ in 0..params.completions_each {
                halves.push(originals.ids[i], originals.labels[i], &originals.row(i)[..given]);
            }
        }

        let images = start.rows() + halves.rows();
        let task = Task::begin(context.progress, "drawing", (images * config.n_positions) as u64, "tokens");
        let complete = |prompts: &Batch<u16>, purpose: &str| {
            let seed = context.seed.named(purpose);
            complete(&network, prompts, params, seed, &task, &device)
        };
        let samples = complete(&start, "sample/unconditional");
        let completions = complete(&halves, "sample/completion");
        Ok(Drawn { samples, completions, given })
    }
}

/// Draws the tokens that prompts of equal length lack.
fn complete<B: Kernels>(
    network: &ImageGpt<B>,
    prompts: &Batch<u16>,
    params: &SampleParams,
    seed: Seed,
    task: &Task<'_>,
    device: &B::Device,
) -> Batch<u16> {
    let config = network.config();
    let mut finished = Batch::new(config.n_positions);
    for first in (0..prompts.rows()).step_by(BATCH) {
        let rows = first..(first + BATCH).min(prompts.rows());
        let mut images: Vec<Vec<u16>> = rows.clone().map(|row| prompts.row(row).to_vec()).collect();
        let mut rngs: Vec<_> = rows.clone().map(|row| seed.nth(row as u64).rng()).collect();
        let mut cache = Cache::new(config, images.len(), device);
        let mut previous = None;
        for position in 0..config.n_positions {
            let logits = network.step(previous, &mut cache); // [B, k]
            // Positions of the prompt are run for their keys and values only.
            if position >= prompts.width {
                let logits = logits.into_data().iter::<f32>().collect::<Vec<_>>();
                let each = images.iter_mut().zip(&mut rngs).zip(logits.chunks_exact(config.k));
                for ((image, rng), logits) in each {
                    image.push(choose(logits, params.temperature, params.top_k, rng));
                }
            }
            let column: Vec<u16> = images.iter().map(|image| image[position]).collect();
            previous = Some(Sequences::new(&column, 1, device).tokens);
            task.advance(images.len() as u64);
        }
        for (row, image) in rows.zip(&images) {
            finished.push(prompts.ids[row], prompts.labels[row], image);
        }
    }
    finished
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use burn::module::Param;
    use burn::tensor::{Tensor, TensorData};
    use igpt_model::Objective;
    use igpt_model::device::Cpu;
    use igpt_stage::Silent;
    use rand::Rng;

    use super::*;

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

    fn draw(images: u64, seed: u64, params: &SampleParams) -> Vec<[u16; 3]> {
        let mut prompts = Batch::new(0);
        (0..images).for_each(|id| prompts.push(id, None, &[]));
        let task = Task::begin(&Silent, "", 0, "");
        let drawn = complete(&network(), &prompts, params, Seed::new(seed), &task, &Default::default());
        drawn.values.as_chunks::<3>().0.to_vec()
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
            let params = SampleParams { temperature, top_k, ..SampleParams::default() };
            let drawn = draw(6000, 1, &params);
            assert_distributed(&drawn, &probabilities(temperature, top_k.unwrap_or(4)));
        }
    }

    /// The test above can fail: draws at one temperature are not those of another.
    #[test]
    #[should_panic(expected = "degrees of freedom")]
    fn another_temperature_is_another_distribution() {
        let params = SampleParams { temperature: 0.8, ..SampleParams::default() };
        assert_distributed(&draw(6000, 1, &params), &probabilities(1.0, 4));
    }

    #[test]
    fn seeds_repeat_whatever_is_drawn_together() {
        let params = SampleParams::default();
        let (few, many) = (draw(70, 3, &params), draw(150, 3, &params));
        assert_eq!(few, many[..70]);
        assert_ne!(few, draw(70, 4, &params));
    }
}
