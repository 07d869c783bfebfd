//! The feature files of a split.

use std::path::Path;

use half::f16;
use half::slice::HalfFloatSliceExt;
use igpt_artifact::table::features::{Features, FeaturesMeta};
use igpt_artifact::table::vectors::Writer;
use igpt_artifact::{Result as ArtifactResult, Split};

use crate::Error;
use crate::params::Dtype;

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
    /// A layer and its file, in the order of the dump.
    layers: Vec<(usize, File)>,
    dims: usize,
}

impl Files {
    /// New files in an artifact directory.
    pub fn create(out: &Path, split: Split, meta: &FeaturesMeta, dtype: Dtype) -> Self {
        let file = |&layer| {
            let file = match dtype {
                Dtype::F32 => File::Single(Features::writer(out, split, layer, meta)),
                Dtype::F16 => {
                    File::Half(Features::writer(out, split, layer, meta), vec![f16::ZERO; meta.n_embd])
                }
            };
            (layer, file)
        };
        Self { layers: meta.layers.iter().map(file).collect(), dims: meta.n_embd }
    }

    /// Appends a batch.
    ///
    /// # Errors
    /// A file that cannot be written, or a feature that its type cannot hold.
    pub fn write(&mut self, Computed { ids, labels, parts }: Computed) -> Result<(), Error> {
        for (i, (layer, file)) in self.layers.iter_mut().enumerate() {
            let vectors = parts.iter().flat_map(|part| part[i].chunks_exact(self.dims));
            for ((&id, &label), vector) in ids.iter().zip(&labels).zip(vectors) {
                file.push(*layer, id, label, vector)?;
            }
        }
        Ok(())
    }

    /// Closes all of them.
    pub fn finish(self) -> ArtifactResult<()> {
        self.layers.into_iter().try_for_each(|(_, file)| file.finish().map(drop))
    }
}

/// A file of either type.
enum File {
    Single(Writer<f32>),
    /// With room for a vector.
    Half(Writer<f16>, Vec<f16>),
}

impl File {
    fn push(&mut self, layer: usize, id: u64, label: Option<i64>, vector: &[f32]) -> Result<(), Error> {
        match self {
            Self::Single(writer) => writer.push(id, label, vector)?,
            Self::Half(writer, halves) => {
                halves.convert_from_f32_slice(vector);
                let lost = |(value, half): &(&f32, &f16)| value.is_finite() && half.is_infinite();
                if let Some((&value, _)) = vector.iter().zip(&*halves).find(lost) {
                    return Err(Error::TooLarge { layer, image_id: id, value });
                }
                writer.push(id, label, halves)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> ArtifactResult<u64> {
        match self {
            Self::Single(writer) => writer.finish(),
            Self::Half(writer, _) => writer.finish(),
        }
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
        meta().write(dir.path()).unwrap();
        for (split, dtype) in [(Split::Train, Dtype::F32), (Split::Test, Dtype::F16)] {
            let mut files = Files::create(dir.path(), split, &meta(), dtype);
            (0..5).for_each(|i| files.write(batch(2 * i)).unwrap());
            files.finish().unwrap();
            let features = Features::open(dir.path()).unwrap();
            let rows: Vec<_> = features.read(split, 3, 100).unwrap().map(|batch| batch.unwrap()).collect();
            assert_eq!(rows[0].ids, (0..10).collect::<Vec<_>>());
            assert_eq!(rows[0].values[..6], [-1.0, -1.0, -2.0, -2.0, -1.0, -1.0]);
        }
    }

    #[test]
    fn what_half_precision_cannot_hold_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let part = |x| vec![vec![0.5, 0.5], vec![0.5, x]];
        let computed = |x| Computed { ids: vec![7], labels: vec![None], parts: vec![part(x)] };
        let mut files = Files::create(dir.path(), Split::Train, &meta(), Dtype::F16);
        let error = files.write(computed(7e4)).unwrap_err();
        assert_eq!(error.to_string(), "layer 3, image 7: a feature of 7e4 does not fit into f16");
        // Infinite features are for the probe to refuse, whatever their type.
        for x in [65504.0, f32::INFINITY, f32::NAN] {
            files.write(computed(x)).unwrap();
        }
    }
}
