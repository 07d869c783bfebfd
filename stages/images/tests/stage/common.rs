//! Runs the stage into a fresh folder and reads what it wrote.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use igpt_artifact::Split;
use igpt_artifact::table::images::{Images, ImagesMeta};
use igpt_images::{Error, ImagesParams, ImagesStage};
use igpt_stage::{Params, Summary};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// What a run wrote.
pub(crate) struct Output {
    pub(crate) summary: Summary,
    pub(crate) meta: ImagesMeta,
    pub(crate) rows: BTreeMap<Split, Vec<Row>>,
    /// Every file, by its path.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: u64,
    pub(crate) label: Option<i64>,
    pub(crate) pixels: Vec<u8>,
}

impl Output {
    pub(crate) fn labels(&self, split: Split) -> Vec<Option<i64>> {
        self.rows[&split].iter().map(|row| row.label).collect()
    }

    pub(crate) fn ids(&self, split: Split) -> Vec<u64> {
        self.rows[&split].iter().map(|row| row.id).collect()
    }

    pub(crate) fn result(&self, name: &str) -> Option<u64> {
        self.summary.results.iter().find(|(n, _)| n == name)?.1.as_u64()
    }
}

pub(crate) fn run(params: &ImagesParams) -> Result<Output, Error> {
    run_seeded(params, 1)
}

pub(crate) fn run_seeded(params: &ImagesParams, seed: u64) -> Result<Output, Error> {
    params.check().unwrap();
    let out = tempfile::tempdir().unwrap();
    let summary = igpt_testing::run_seeded::<ImagesStage>([], out.path(), seed, params)?;
    let images = Images::open(out.path()).unwrap();
    let read = |split| {
        let mut rows = Vec::new();
        for batch in images.read(split, 100).unwrap() {
            let batch = batch.unwrap();
            rows.extend((0..batch.rows()).map(|i| Row {
                id: batch.ids[i],
                label: batch.labels[i],
                pixels: batch.row(i).to_vec(),
            }));
        }
        assert_eq!(rows.len() as u64, images.meta.rows[&split]);
        (split, rows)
    };
    let rows: BTreeMap<_, _> = Split::ALL.map(read).into();
    let mut ids: Vec<_> = rows.values().flatten().map(|row| row.id).collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "ids are unique over all splits");
    for rows in rows.values() {
        assert!(rows.is_sorted_by_key(|row| row.id));
    }
    let files = igpt_artifact::fs::files_below(out.path())
        .unwrap()
        .into_iter()
        .map(|path| (path.display().to_string(), std::fs::read(out.path().join(path)).unwrap()))
        .collect();
    Ok(Output { summary, meta: images.meta.clone(), rows, files })
}

/// The message and hint of a run that must fail.
pub(crate) fn failure(params: &ImagesParams) -> String {
    use igpt_artifact::Explain;
    match run(params) {
        Ok(_) => panic!("the run was expected to fail"),
        Err(error) => format!("{error} | {}", error.hint().unwrap_or_default()),
    }
}

/// A picture of one colour.
pub(crate) fn plain(width: u32, height: u32, colour: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(width, height, Rgb(colour))
}

pub(crate) fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    encode(image, ImageFormat::Png)
}

pub(crate) fn jpeg(image: impl Into<DynamicImage>) -> Vec<u8> {
    encode(image, ImageFormat::Jpeg)
}

fn encode(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}
