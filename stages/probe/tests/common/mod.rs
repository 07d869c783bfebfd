//! Artifacts to probe, and a way to probe them.

#![allow(clippy::unwrap_used, dead_code, reason = "a helper of several tests, none of which uses all of it")]

use std::path::Path;

use igpt_artifact::table::features::{Features, FeaturesMeta};
use igpt_artifact::table::images::{Images, ImagesMeta};
use igpt_artifact::{Kind, Split};
use igpt_probe::{Error, ProbeParams, ProbeStage};
use igpt_stage::{Seed, Summary};
use polars::prelude::*;
use rand::Rng;
use tempfile::TempDir;

/// One image: id, label, vector.
pub type Row = (u64, Option<i64>, Vec<f32>);

/// Writes the features of one layer of one split.
pub fn write_layer(dir: &Path, split: Split, layer: usize, meta: &FeaturesMeta, rows: &[Row]) {
    let mut writer = Features::writer(dir, split, layer, meta);
    rows.iter().for_each(|(id, label, values)| writer.push(*id, *label, values).unwrap());
    writer.finish().unwrap();
}

const CLASSES: i64 = 3;
const DIMS: usize = 4;
const IMAGES: [(Split, u64); 3] = [(Split::Train, 300), (Split::Validation, 90), (Split::Test, 120)];

pub fn label(id: u64) -> i64 {
    (id % CLASSES as u64) as i64 + 10
}

/// Images with ids in one row over all splits.
pub fn ids(split: Split) -> std::ops::Range<u64> {
    let mut start = 0;
    for (other, images) in IMAGES {
        if other == split {
            return start..start + images;
        }
        start += images;
    }
    unreachable!("IMAGES names every split")
}

/// Vectors in which the class shows as strongly as `signal`; one value is constant.
pub fn rows(split: Split, name: &str, signal: f32) -> Vec<Row> {
    let mut rng = Seed::new(1).named(name).nth(split as u64).rng();
    let mut noise = move || rng.random_range(-1.0..1.0_f32);
    let row = |id| {
        let mut values: Vec<f32> = (0..DIMS).map(|_| 100.0 + noise()).collect();
        values[(label(id) - 10) as usize] += signal;
        values[DIMS - 1] = 0.1;
        (id, Some(label(id)), values)
    };
    ids(split).map(row).collect()
}

/// Features whose layers carry the given signals.
pub fn features(name: &str, signals: &[f32], edit: impl Fn(Split, &mut Vec<Row>)) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let layers: Vec<usize> = (0..signals.len()).map(|i| 2 * i).collect();
    let meta = FeaturesMeta { n_layer: 4, n_embd: DIMS, layers, ..Default::default() };
    meta.write(dir.path()).unwrap();
    for (&layer, &signal) in meta.layers.iter().zip(signals) {
        for split in Split::ALL {
            let mut rows = rows(split, &format!("{name}{layer}"), signal);
            edit(split, &mut rows);
            write_layer(dir.path(), split, layer, &meta, &rows);
        }
    }
    dir
}

/// One-pixel images that hold one image more than the features in each split.
pub fn images() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let meta = ImagesMeta { height: 1, width: 1, ..Default::default() };
    meta.write(dir.path()).unwrap();
    for split in Split::ALL {
        let mut writer = Images::writer(dir.path(), split, &meta);
        for id in ids(split) {
            writer.push(id, Some(label(id)), &[(id * 37 % 256) as u8, (label(id) * 20) as u8, 7]).unwrap();
        }
        writer.push(100_000 + split as u64, None, &[1, 2, 3]).unwrap();
        writer.finish().unwrap();
    }
    dir
}

pub fn table(path: &Path) -> DataFrame {
    let path = PlRefPath::try_from_path(path).unwrap();
    LazyFrame::scan_parquet(path, ScanArgsParquet::default()).unwrap().collect().unwrap()
}

pub fn accuracy(probes: &DataFrame, source: &str, layer: Option<u32>, split: &str) -> f64 {
    let layer = layer.map_or(col("layer").is_null(), |layer| col("layer").eq(lit(layer)));
    let wanted = col("source").eq(lit(source)).and(layer).and(col("split").eq(lit(split)));
    let row = probes.clone().lazy().filter(wanted).collect().unwrap();
    assert_eq!(row.height(), 1);
    row.column("accuracy").unwrap().f64().unwrap().get(0).unwrap()
}

/// Runs the stage on input artifacts, given by role.
pub fn probe(inputs: &[(&str, &Path)], params: &ProbeParams, out: &Path) -> Result<Summary, Error> {
    let inputs = inputs.iter().map(|&(role, dir)| (role, igpt_testing::input(Kind::Features, dir)));
    igpt_testing::run::<ProbeStage>(inputs, out, params)
}

/// A probe read back from `weights.safetensors`.
pub struct Weights {
    /// One row a class.
    pub weight: Vec<Vec<f64>>,
    /// One a class.
    pub bias: Vec<f64>,
    /// The label of each class.
    pub classes: Vec<i64>,
}

impl Weights {
    /// Reads the probe `name`, such as `model.0`.
    pub fn read(artifact: &Path, name: &str) -> Self {
        let bytes = std::fs::read(artifact.join(igpt_probe::weights::WEIGHTS_FILE)).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let words = |tensor: &str| -> Vec<[u8; 8]> {
            file.tensor(&format!("{name}.{tensor}")).unwrap().data().as_chunks::<8>().0.to_vec()
        };
        let f64s = |tensor: &str| words(tensor).into_iter().map(f64::from_le_bytes).collect::<Vec<_>>();
        let classes: Vec<_> = words("classes").into_iter().map(i64::from_le_bytes).collect();
        let weight = f64s("weight");
        let dims = weight.len() / classes.len();
        Self { weight: weight.chunks(dims).map(<[f64]>::to_vec).collect(), bias: f64s("bias"), classes }
    }

    /// The probability of each class for a vector.
    pub fn probabilities(&self, x: &[f32]) -> Vec<f64> {
        let dot = |w: &Vec<f64>| w.iter().zip(x).map(|(w, x)| w * f64::from(*x)).sum::<f64>();
        let logits: Vec<f64> = self.weight.iter().zip(&self.bias).map(|(w, b)| dot(w) + b).collect();
        let max = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logits.iter().map(|logit| (logit - max).exp()).sum();
        logits.iter().map(|logit| (logit - max).exp() / sum).collect()
    }
}
