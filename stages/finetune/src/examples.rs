//! Labelled images.

use igpt_artifact::Split;
use igpt_artifact::table::tokens::Tokens;
use igpt_artifact::table::vectors::Batch;

use crate::Error;

/// Classes at most: a label beyond is taken for damage, and not for a reason to fill the memory.
const MAX_CLASSES: i64 = 1 << 16;

/// The labelled images of a split, with the class of each.
#[derive(Clone, Debug)]
pub(crate) struct Labelled {
    pub(crate) tokens: Batch<u16>,
    pub(crate) classes: Vec<usize>,
}

impl Labelled {
    /// Reads a split; images without a label are left out.
    pub(crate) fn read(tokens: &Tokens, split: Split) -> Result<Self, Error> {
        let mut labelled = Self { tokens: Batch::new(tokens.meta.len()), classes: Vec::new() };
        for batch in tokens.read(split, 1024)? {
            let batch = batch?;
            for row in 0..batch.rows() {
                let Some(label) = batch.labels[row] else { continue };
                let class = usize::try_from(label).ok().filter(|_| label < MAX_CLASSES);
                let Some(class) = class else {
                    let image_id = batch.ids[row];
                    return Err(Error::Label { split, image_id, label, most: MAX_CLASSES - 1 });
                };
                labelled.tokens.push(batch.ids[row], Some(label), batch.row(row));
                labelled.classes.push(class);
            }
        }
        Ok(labelled)
    }

    /// How many images.
    pub(crate) fn images(&self) -> usize {
        self.classes.len()
    }

    /// Keeps at most `limit` images, chosen by the seed, in their order.
    pub(crate) fn keep_some(&mut self, limit: usize, seed: igpt_stage::Seed) {
        igpt_train::order::keep_some(&mut self.tokens, limit, seed);
        self.classes = self.tokens.labels.iter().flatten().map(|&label| label as usize).collect();
    }
}
