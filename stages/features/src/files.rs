//! The feature files of a split.

use std::path::Path;

use igpt_artifact::table::features::{Features, FeaturesMeta};
use igpt_artifact::table::vectors::Writer;
use igpt_artifact::{Result, Split};

/// The features of a batch.
pub struct Computed {
    /// One an image.
    pub ids: Vec<u64>,
    /// One an image.
    pub labels: Vec<Option<i64>>,
    /// By part of the batch, then by layer: the part's images, one vector after another.
    pub parts: Vec<Vec<Vec<f32>>>,
}

/// The files of every layer of one split.
pub struct Files {
    layers: Vec<Writer<f32>>,
    dims: usize,
}

impl Files {
    /// New files in an artifact directory.
    pub fn create(out: &Path, split: Split, meta: &FeaturesMeta) -> Self {
        let writer = |&layer| Features::writer(out, split, layer, meta);
        Self { layers: meta.layers.iter().map(writer).collect(), dims: meta.n_embd }
    }

    /// Appends a batch.
    pub fn write(&mut self, Computed { ids, labels, parts }: Computed) -> Result<()> {
        for (layer, writer) in self.layers.iter_mut().enumerate() {
            let vectors = parts.iter().flat_map(|part| part[layer].chunks_exact(self.dims));
            for ((&id, &label), vector) in ids.iter().zip(&labels).zip(vectors) {
                writer.push(id, label, vector)?;
            }
        }
        Ok(())
    }

    /// Closes all of them.
    pub fn finish(self) -> Result<()> {
        self.layers.into_iter().try_for_each(|writer| writer.finish().map(drop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta() -> FeaturesMeta {
        FeaturesMeta { n_embd: 2, layers: vec![0, 3], ..FeaturesMeta::default() }
    }

    fn batch(id: u64) -> Computed {
        let part = |x: f32| vec![vec![x, x], vec![-x, -x]];
        Computed { ids: vec![id, id + 1], labels: vec![None, Some(1)], parts: vec![part(1.0), part(2.0)] }
    }

    #[test]
    fn parts_become_rows_of_each_layer() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = Files::create(dir.path(), Split::Train, &meta());
        (0..5).for_each(|i| files.write(batch(2 * i)).unwrap());
        files.finish().unwrap();
        meta().write(dir.path()).unwrap();
        let features = Features::open(dir.path()).unwrap();
        let rows: Vec<_> = features.read(Split::Train, 3, 100).unwrap().map(|batch| batch.unwrap()).collect();
        assert_eq!(rows[0].ids, (0..10).collect::<Vec<_>>());
        assert_eq!(rows[0].values[..6], [-1.0, -1.0, -2.0, -2.0, -1.0, -1.0]);
    }
}
