//! The roster's images of one split, a block at a time, straight from Parquet.

use igpt_artifact::table::features::layer_dir;
use igpt_artifact::table::vectors::{Batch, Reader};
use igpt_artifact::{Error as ArtifactError, Result as ArtifactResult, Split};
use ndarray::{Array2, ArrayView2, Axis, concatenate};

use crate::error::{Error, Result};
use crate::job::Job;
use crate::roster::Roster;
use crate::vectors::{Column, scale_pixel};

/// Rows that are read from a file at a time, where nothing asks for fewer.
pub(crate) const READ_ROWS: usize = 1024;

/// Some images that follow each other in the roster.
#[derive(Clone, Debug)]
pub(crate) struct Block<'a> {
    /// The position of the first in the roster's split.
    pub(crate) first: usize,
    /// Images × dims, as stored; pixels in [-1, 1].
    pub(crate) x: Array2<f32>,
    /// The class of each.
    pub(crate) targets: &'a [Option<usize>],
}

/// Reads blocks. Images of the files that the roster does not have are passed over.
///
/// Both the roster and the files are ascending by `image_id` (see [`igpt_artifact::table::vectors`]), so
/// they are walked side by side and no index is needed.
pub(crate) struct Stream<'a> {
    job: &'a Job,
    split: Split,
    ids: &'a [u64],
    targets: &'a [Option<usize>],
    next: usize,
    readers: Vec<Values>,
}

impl<'a> Stream<'a> {
    /// Opens one reader a column; each holds `read_rows` rows.
    pub(crate) fn open(job: &'a Job, roster: &'a Roster, split: Split, read_rows: usize) -> Result<Self> {
        let open = |&column| -> Result<Values> {
            let (dir, values) = match column {
                Column::Features { layer } => {
                    let dir = layer_dir(&job.dir, split, layer as usize);
                    let reader = Reader::open(&dir, read_rows)?;
                    (dir, Values::Features(reader))
                }
                Column::Pixels => {
                    let dir = split.dir(&job.dir);
                    let reader = Reader::open(&dir, read_rows)?;
                    (dir, Values::Pixels(reader))
                }
            };
            column.check_width(&dir, values.width(), job.width)?;
            Ok(values)
        };
        let readers = job.columns.iter().map(open).collect::<Result<_>>()?;
        let images = roster.images(split);
        Ok(Self { job, split, ids: &images.ids, targets: &images.targets, next: 0, readers })
    }

    /// The next rows of every column: their ids, and rows × dims.
    fn read(&mut self) -> Result<Option<(Vec<u64>, Array2<f32>)>> {
        let batches = self.readers.iter_mut().map(Values::next).collect::<ArtifactResult<Vec<_>>>()?;
        let batches: Vec<_> = batches.into_iter().flatten().collect();
        let Some(first) = batches.first() else { return Ok(None) };
        if batches.len() < self.readers.len() || batches.iter().any(|batch| batch.ids != first.ids) {
            let message = "the layers do not hold the same images in the same order";
            return Err(ArtifactError::table(self.split.dir(&self.job.dir), message).into());
        }
        let views: Vec<_> = batches.iter().map(matrix).collect();
        let x = concatenate(Axis(1), &views).expect("every column has the same rows");
        Ok(Some((first.ids.clone(), x)))
    }

    /// Which rows the roster has.
    fn wanted(&mut self, ids: &[u64]) -> Result<Vec<usize>> {
        let mut rows = Vec::with_capacity(ids.len());
        for (row, id) in ids.iter().enumerate() {
            match self.ids.get(self.next) {
                Some(wanted) if wanted == id => {
                    rows.push(row);
                    self.next += 1;
                }
                Some(&image_id) if image_id < *id => return Err(self.missing(image_id)),
                _ => {}
            }
        }
        Ok(rows)
    }

    fn missing(&self, image_id: u64) -> Error {
        Error::MissingImage { probe: self.job.id, split: self.split, image_id }
    }

    fn block(&mut self) -> Result<Option<Block<'a>>> {
        while let Some(&image_id) = self.ids.get(self.next) {
            let Some((ids, x)) = self.read()? else { return Err(self.missing(image_id)) };
            let first = self.next;
            let rows = self.wanted(&ids)?;
            if rows.is_empty() {
                continue;
            }
            let x = if rows.len() == ids.len() { x } else { x.select(Axis(0), &rows) };
            let bad = x.rows().into_iter().position(|row| row.iter().any(|value| !value.is_finite()));
            if let Some(row) = bad {
                let (probe, split, image_id) = (self.job.id, self.split, self.ids[first + row]);
                return Err(Error::NotFinite { probe, split, image_id });
            }
            return Ok(Some(Block { first, x, targets: &self.targets[first..self.next] }));
        }
        Ok(None)
    }
}

impl<'a> Iterator for Stream<'a> {
    type Item = Result<Block<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let block = self.block().transpose();
        if matches!(block, Some(Err(_))) {
            // Nothing sensible follows an error.
            self.next = self.ids.len();
        }
        block
    }
}

/// The values of a batch: rows × width.
fn matrix(batch: &Batch<f32>) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((batch.rows(), batch.width), &batch.values)
        .expect("a batch is rows × width values")
}

/// A reader of either kind, as f32.
enum Values {
    Features(Reader<f32>),
    Pixels(Reader<u8>),
}

impl Values {
    fn width(&self) -> usize {
        match self {
            Self::Features(reader) => reader.width(),
            Self::Pixels(reader) => reader.width(),
        }
    }

    fn next(&mut self) -> ArtifactResult<Option<Batch<f32>>> {
        match self {
            Self::Features(reader) => reader.next().transpose(),
            Self::Pixels(reader) => {
                let batch = reader.next().transpose()?;
                Ok(batch.map(|Batch { ids, labels, values, width }| Batch {
                    ids,
                    labels,
                    values: values.into_iter().map(|byte| scale_pixel(byte.into())).collect(),
                    width,
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use igpt_artifact::table::features::{Features, FeaturesMeta};
    use igpt_artifact::table::probe::{ProbeId, Source};

    /// Images 0..n in layers 0 and 1; values are 10 · id + layer.
    fn features(dir: &std::path::Path, layers: [u64; 2]) -> Features {
        let meta = FeaturesMeta { n_embd: 1, layers: vec![0, 1], ..Default::default() };
        meta.write(dir).unwrap();
        for (layer, images) in layers.into_iter().enumerate() {
            let mut writer = Features::writer::<f32>(dir, Split::Train, layer, &meta);
            for id in 0..images {
                writer.push(id, Some(id as i64 % 2), &[(10 * id) as f32 + layer as f32]).unwrap();
            }
            writer.finish().unwrap();
        }
        Features::open(dir).unwrap()
    }

    fn roster(ids: &[u64]) -> Roster {
        let train = ids.iter().map(|id| (*id, *id as i64 % 2)).collect();
        Roster::new(train, vec![(100, 0)], vec![(101, 1)]).unwrap()
    }

    #[test]
    fn blocks_hold_the_wanted_rows_side_by_side_and_no_more_than_were_read() {
        let dir = tempfile::tempdir().unwrap();
        let features = features(dir.path(), [100, 100]);
        let job = Job::layers(&features, ProbeId::layer(Source::Model, 0).side_by_side(2), &[0, 1]);
        let ids: Vec<u64> = (0..90).filter(|id| id % 3 > 0).collect();
        let roster = roster(&ids);
        let mut seen = 0;
        for block in Stream::open(&job, &roster, Split::Train, 8).unwrap() {
            let block = block.unwrap();
            assert!(block.first == seen && (1..=8).contains(&block.x.nrows()));
            for (row, target) in block.x.rows().into_iter().zip(block.targets) {
                let id = ids[seen];
                assert_eq!((row[0], row[1]), ((10 * id) as f32, (10 * id) as f32 + 1.0));
                assert_eq!(*target, Some(id as usize % 2));
                seen += 1;
            }
        }
        assert_eq!(seen, ids.len());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let features = features(dir.path(), [20, 12]);
        let error = |layers: &[u32], roster: &Roster| {
            let job = Job::layers(&features, ProbeId::layer(Source::Model, 0), layers);
            let mut blocks = Stream::open(&job, roster, Split::Train, 8).unwrap();
            let error = blocks.find_map(|block| block.err()).unwrap().to_string();
            assert!(blocks.next().is_none());
            error
        };
        let missing = error(&[1], &roster(&[0, 11, 13]));
        assert_eq!(missing, "model layer 0: image 13 of the train split is missing");
        let apart = error(&[0, 1], &roster(&[0, 11, 13]));
        assert!(apart.contains("do not hold the same images"), "{apart}");
    }
}
