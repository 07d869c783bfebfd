//! Everything that the stage draws, batch after batch.

use igpt_artifact::table::vectors::Batch;
use igpt_kernels::Kernels;
use igpt_model::{Compute, Config, Decoder, weights};
use igpt_stage::{Context, Seed, Task};

use crate::choose::Choice;
use crate::draw::{Drawing, draw};
use crate::{Error, SampleParams};

/// Images drawn together.
const BATCH: usize = 64;

/// What is to be drawn, ready to run on any backend.
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
        let decoder = Decoder::new(&network);
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
        let choice = Choice { temperature: params.temperature, top_k: params.top_k };
        let complete = |prompts: &Batch<u16>, purpose: &str| {
            complete(&decoder, prompts, choice, context.seed.named(purpose), &task, &device)
        };
        let samples = complete(&start, "sample/unconditional");
        let completions = complete(&halves, "sample/completion");
        Ok(Drawn { samples, completions, given })
    }
}

/// Draws the tokens that prompts of equal length lack.
fn complete<B: Kernels>(
    decoder: &Decoder<'_, B>,
    prompts: &Batch<u16>,
    choice: Choice,
    seed: Seed,
    task: &Task<'_>,
    device: &B::Device,
) -> Batch<u16> {
    let length = decoder.network().config().n_positions;
    let drawing = |row| Drawing { tokens: prompts.row(row).to_vec(), rng: seed.nth(row as u64).rng() };
    let mut images: Vec<_> = (0..prompts.rows()).map(drawing).collect();
    for images in images.chunks_mut(BATCH) {
        let together = images.len();
        draw(decoder, images, length, choice, device, |positions| {
            task.advance((together * positions) as u64);
        });
    }
    let mut finished = Batch::new(length);
    for (row, image) in images.iter().enumerate() {
        finished.push(prompts.ids[row], prompts.labels[row], &image.tokens);
    }
    finished
}
