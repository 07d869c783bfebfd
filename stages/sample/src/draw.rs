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
