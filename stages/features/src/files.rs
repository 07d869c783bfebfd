//! Writes feature files on a thread of its own, while the network computes what comes next.

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use igpt_artifact::table::features::{Features, FeaturesMeta};
use igpt_artifact::table::vectors::Writer;
use igpt_artifact::{Result as ArtifactResult, Split};

use crate::Error;

/// Batches that may wait for the disk, so that memory stays bounded.
const WAITING: usize = 2;

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

    fn write(mut self, batches: Receiver<Computed>) -> ArtifactResult<()> {
        for Computed { ids, labels, parts } in batches {
            for (layer, writer) in self.layers.iter_mut().enumerate() {
                let vectors = parts.iter().flat_map(|part| part[layer].chunks_exact(self.dims));
                for ((&id, &label), vector) in ids.iter().zip(&labels).zip(vectors) {
                    writer.push(id, label, vector)?;
                }
            }
        }
        self.layers.into_iter().try_for_each(|writer| writer.finish().map(drop))
    }
}

/// Runs `compute`, and writes what it sends meanwhile. Sending says whether the writer still listens: it does not
/// after a failure, which then is the result.
pub fn written_beside(
    files: Files,
    compute: impl FnOnce(&dyn Fn(Computed) -> bool) -> Result<(), Error>,
) -> Result<(), Error> {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(WAITING);
        let writing = scope.spawn(|| files.write(receiver));
        let computed = compute(&|batch| sender.send(batch).is_ok());
        drop(sender);
        let written = writing.join().unwrap_or_else(|panic| resume_unwind(panic));
        Ok(written?).and(computed)
    })
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
        let files = Files::create(dir.path(), Split::Train, &meta());
        written_beside(files, |send| {
            assert!((0..5).all(|i| send(batch(2 * i))));
            Ok(())
        })
        .unwrap();
        meta().write(dir.path()).unwrap();
        let features = Features::open(dir.path()).unwrap();
        let rows: Vec<_> = features.read(Split::Train, 3, 100).unwrap().map(|batch| batch.unwrap()).collect();
        assert_eq!(rows[0].ids, (0..10).collect::<Vec<_>>());
        assert_eq!(rows[0].values[..6], [-1.0, -1.0, -2.0, -2.0, -1.0, -1.0]);
    }

    #[test]
    fn a_failed_write_ends_the_computation_and_is_what_is_said() {
        let dir = tempfile::tempdir().unwrap();
        // Where the folder of a layer has to be made, there is a file.
        std::fs::write(dir.path().join("split=train"), "").unwrap();
        let files = Files::create(dir.path(), Split::Train, &meta());
        let mut sent = 0;
        let error = written_beside(files, |send| {
            while send(batch(sent)) {
                sent += 2;
            }
            Ok(())
        })
        .unwrap_err();
        assert!(error.to_string().contains("split=train"), "{error}");
    }
}
