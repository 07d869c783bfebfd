//! Vectors as a solver sees them.

use igpt_artifact::Split;
use igpt_stage::stream;
use ndarray::{Array2, ArrayView2, Axis, CowArray, Ix2, Slice};

use crate::error::Result;
use crate::job::Job;
use crate::roster::Roster;
use crate::scaler::Scaler;
use crate::stream::{READ_ROWS, Stream};

/// Vectors of images, as often as they are asked for and always in the same order.
pub trait Rows: Sync {
    /// Values in a vector.
    fn dims(&self) -> usize;

    /// Shows all vectors in order, images × dims at a time with rows adjacent. As many images are shown at a
    /// time as the source likes, but always a multiple of `step` until the end.
    ///
    /// # Errors
    /// What the source could not read.
    fn visit(&self, step: usize, look: &mut dyn FnMut(ArrayView2<'_, f32>)) -> Result<()>;

    /// The first vectors, so many where there are as many: images × dims.
    ///
    /// # Errors
    /// What the source could not read.
    fn head(&self, images: usize) -> Result<CowArray<'_, f32, Ix2>>;
}

/// Vectors in memory.
#[derive(Clone, Debug)]
pub struct Held(Array2<f32>);

impl Held {
    /// Images × dims.
    pub fn new(x: Array2<f32>) -> Self {
        match x.is_standard_layout() {
            true => Self(x),
            false => Self(x.as_standard_layout().into_owned()),
        }
    }

    /// Images × dims.
    pub fn view(&self) -> ArrayView2<'_, f32> {
        self.0.view()
    }

    /// The same vectors behind a scaler.
    pub(crate) fn scaled(self, scaler: &Scaler) -> Self {
        Self(scaler.scaled(self.0))
    }
}

impl Rows for Held {
    fn dims(&self) -> usize {
        self.0.ncols()
    }

    fn visit(&self, _step: usize, look: &mut dyn FnMut(ArrayView2<'_, f32>)) -> Result<()> {
        look(self.0.view());
        Ok(())
    }

    fn head(&self, images: usize) -> Result<CowArray<'_, f32, Ix2>> {
        Ok(self.0.slice_axis(Axis(0), Slice::from(..images.min(self.0.nrows()))).into())
    }
}

/// Vectors that stay on disk and are read again each time they are asked for.
#[derive(Clone, Debug)]
pub(crate) struct OnDisk<'a> {
    job: &'a Job,
    roster: &'a Roster,
    split: Split,
    scaler: Option<&'a Scaler>,
}

/// Values that are shown at a time, about: one such block is looked at, one waits and one is being read.
const SHOWN: usize = 1 << 22;

impl<'a> OnDisk<'a> {
    /// The roster's images of a split, as they are stored.
    pub(crate) fn new(job: &'a Job, roster: &'a Roster, split: Split) -> Self {
        Self { job, roster, split, scaler: None }
    }

    /// The same vectors behind a scaler.
    pub(crate) fn scaled(self, scaler: &'a Scaler) -> Self {
        Self { scaler: Some(scaler), ..self }
    }

    /// Blocks of so many images each, the last one excepted.
    fn blocks(&self, images: usize) -> Result<impl Iterator<Item = Result<Array2<f32>>> + Send> {
        let mut blocks = Stream::open(self.job, self.roster, self.split, READ_ROWS.min(images))?.fuse();
        let dims = self.dims();
        let mut values = Vec::new();
        let mut next = move || -> Result<Option<Array2<f32>>> {
            while values.len() < images * dims
                && let Some(block) = blocks.next().transpose()?
            {
                values.extend(&block.x);
            }
            let rest = values.split_off(values.len().min(images * dims));
            let block = std::mem::replace(&mut values, rest);
            let rows = block.len() / dims;
            let block = Array2::from_shape_vec((rows, dims), block).expect("a vector is dims values");
            Ok((rows > 0).then_some(block))
        };
        let scale = |block| match self.scaler {
            Some(scaler) => scaler.scaled(block),
            None => block,
        };
        Ok(std::iter::from_fn(move || next().transpose()).map(move |block| block.map(scale)))
    }
}

impl Rows for OnDisk<'_> {
    fn dims(&self) -> usize {
        self.job.dims()
    }

    fn visit(&self, step: usize, look: &mut dyn FnMut(ArrayView2<'_, f32>)) -> Result<()> {
        let images = (SHOWN / self.dims()).max(1).next_multiple_of(step);
        let look = |block: Array2<f32>| {
            look(block.view());
            Ok(())
        };
        // Read beside what is made of it.
        stream(self.blocks(images)?, look, |()| Ok(()))
    }

    fn head(&self, images: usize) -> Result<CowArray<'_, f32, Ix2>> {
        let first = self.blocks(images)?.next().transpose()?;
        Ok(first.unwrap_or_else(|| Array2::zeros((0, self.dims()))).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scaler::Moments;
    use igpt_artifact::table::features::{Features, FeaturesMeta};
    use igpt_artifact::table::probe::{ProbeId, Source};

    #[test]
    fn what_is_read_is_what_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let meta = FeaturesMeta { n_embd: 2, layers: vec![0], ..Default::default() };
        meta.write(dir.path()).unwrap();
        let mut writer = Features::writer::<f32>(dir.path(), Split::Train, 0, &meta);
        let value = |id: u64| [(id as f32).sin(), (id % 7) as f32];
        (0..5000).for_each(|id| writer.push(id, Some(0), &value(id)).unwrap());
        writer.finish().unwrap();
        // Not all of them are asked for, so blocks do not end where the file's do.
        let ids: Vec<u64> = (0..5000).filter(|id| id % 3 > 0).collect();
        let train = ids.iter().map(|&id| (id, (id % 2) as i64)).collect();
        let roster = Roster::new(train, vec![(9000, 0)], vec![(9001, 0)]).unwrap();
        let features = Features::open(dir.path()).unwrap();
        let job = Job::layer(&features, Source::Model, 0);
        assert_eq!(job.id, ProbeId::layer(Source::Model, 0));

        let held = Held::new(Array2::from_shape_fn((ids.len(), 2), |(i, j)| value(ids[i])[j]));
        let on_disk = OnDisk::new(&job, &roster, Split::Train);
        let moments = Moments::of(&held).unwrap();
        assert_eq!(Moments::of(&on_disk).unwrap(), moments);
        let scaler = Scaler::new(moments, true);
        let (held, on_disk) = (held.scaled(&scaler), on_disk.scaled(&scaler));
        for step in [1, 7, 512] {
            let (mut shown, mut last) = (Vec::<f32>::new(), 0);
            let mut look = |x: ArrayView2<'_, f32>| {
                assert!(last % step == 0 && x.is_standard_layout());
                shown.extend(&x);
                last = x.nrows();
            };
            on_disk.visit(step, &mut look).unwrap();
            assert!(held.view().iter().eq(&shown));
        }
        for images in [1, 64, 2000, 9000] {
            assert_eq!(on_disk.head(images).unwrap(), held.head(images).unwrap());
        }
    }
}
