//! The stage on a small images artifact.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::BTreeMap;
use std::path::Path;

use igpt_artifact::table::images::{Images, ImagesMeta};
use igpt_artifact::table::palette::{CENTERS_FILE, PALETTE_FILE, PICTURE_FILE, Palette};
use igpt_artifact::{Kind, Split};
use igpt_palette::{Error, PaletteParams, PaletteStage};
use igpt_stage::Summary;
use igpt_testing::input;

/// Writes `images` random 4×3 images of `colours` colours a split.
fn write_images(dir: &Path, images: u64, colours: u32) {
    let rows = BTreeMap::from([(Split::Train, images), (Split::Validation, images)]);
    let meta = ImagesMeta { height: 4, width: 3, classes: vec![], rows };
    meta.write(dir).unwrap();
    let mut next = 0_u32;
    for split in [Split::Train, Split::Validation] {
        let mut writer = Images::writer(dir, split, &meta);
        for id in 0..images {
            let mut pixels = Vec::new();
            for _ in 0..12 {
                pixels.extend_from_slice(&(next % colours).wrapping_mul(2_654_435_761).to_be_bytes()[1..]);
                next += 1;
            }
            writer.push(id, None, &pixels).unwrap();
        }
        writer.finish().unwrap();
    }
}

fn run(images: &Path, out: &Path, params: &PaletteParams) -> Result<Summary, Error> {
    igpt_testing::run::<PaletteStage>([("images", input(Kind::Images, images))], out, params)
}

#[test]
fn two_runs_leave_the_same_files() {
    let images = tempfile::tempdir().unwrap();
    write_images(images.path(), 50, 200);
    let outs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let summaries =
        outs.each_ref().map(|out| run(images.path(), out.path(), &PaletteParams::default()).unwrap());
    assert_eq!(summaries[0], summaries[1]);
    for file in [PALETTE_FILE, CENTERS_FILE, PICTURE_FILE] {
        let [a, b] = outs.each_ref().map(|out| std::fs::read(out.path().join(file)).unwrap());
        assert_eq!(a, b, "{file}");
    }
    let palette = Palette::open(outs[0].path()).unwrap();
    assert_eq!(palette.len(), 8);
    let results: BTreeMap<_, _> = summaries[0].results.iter().cloned().collect();
    assert_eq!(results["colours"], 8);
    assert_eq!(results["train_pixels"], 600);
    assert_eq!(results["unique_colours"], 200);
    let number = |name: &str| results[name].as_f64().unwrap();
    assert!((number("inertia_rgb255") / number("inertia") - 127.5 * 127.5).abs() < 1e-6);
    // Centres are shown rounded to bytes, so the picture is a little off the inertia.
    let psnr = 10.0 * (65025.0 / (number("inertia_rgb255") / 3.0)).log10();
    assert!((number("train_psnr_db") - psnr).abs() < 0.01, "{} {psnr}", number("train_psnr_db"));
    assert_eq!(number("validation_psnr_db"), number("train_psnr_db"));
}

#[test]
fn too_few_colours_and_no_images_are_said_with_advice() {
    use igpt_artifact::Explain;
    let (images, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_images(images.path(), 50, 5);
    let error = run(images.path(), out.path(), &PaletteParams::default()).unwrap_err();
    assert_eq!(error.to_string(), "k is 8, but the training images have only 5 distinct colours");
    assert_eq!(error.hint().unwrap(), "lower `k` to at most 5, or use more images");
    let none = tempfile::tempdir().unwrap();
    write_images(none.path(), 0, 5);
    let error = run(none.path(), out.path(), &PaletteParams::default()).unwrap_err();
    assert!(error.to_string().ends_with("the training split has no pixels"), "{error}");
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0);
}
