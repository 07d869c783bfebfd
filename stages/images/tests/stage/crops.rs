//! Random crops of training images.

use std::path::Path;

use crate::common::{png, run, run_seeded, write};
use igpt_artifact::Split;
use igpt_images::{ImagesParams, SourceKind};
use image::{Rgb, RgbImage};

/// 40 pictures for training and 3 for test. Red tells the column, green the row, blue the picture.
fn write_pictures(dir: &Path) {
    for (split, count) in [("train", 40), ("test", 3)] {
        for i in 0..count {
            let picture = RgbImage::from_fn(60, 40, |x, y| Rgb([(4 * x) as u8, (6 * y) as u8, 3 * i as u8]));
            write(&dir.join(format!("{split}/{}/{i:02}.png", i % 2)), png(picture));
        }
    }
}

fn params(dir: &Path) -> ImagesParams {
    ImagesParams {
        source: SourceKind::Folder,
        path: Some(dir.into()),
        size: 8,
        validation: 0.1,
        crops: 3,
        ..Default::default()
    }
}

#[test]
fn each_training_image_becomes_several_and_others_stay_whole() {
    let dir = tempfile::tempdir().unwrap();
    write_pictures(dir.path());
    let output = run(&params(dir.path())).unwrap();
    let plain = run(&ImagesParams { crops: 0, ..params(dir.path()) }).unwrap();
    assert_eq!(output.meta.rows.values().copied().collect::<Vec<_>>(), [108, 4, 3]);
    assert_eq!((output.result("train"), output.result("crops")), (Some(108), Some(3)));
    assert_eq!(plain.result("crops"), None);
    for split in [Split::Validation, Split::Test] {
        for (row, whole) in output.rows[&split].iter().zip(&plain.rows[&split]) {
            assert_eq!((row.id, row.label, &row.pixels), (1000 * whole.id, whole.label, &whole.pixels));
        }
    }
    let mut pictures: Vec<_> = output.rows[&Split::Train].iter().map(|row| &row.pixels).collect();
    for (crops, whole) in output.rows[&Split::Train].chunks(3).zip(&plain.rows[&Split::Train]) {
        for (row, crop) in crops.iter().zip(1..) {
            assert_eq!((row.id, row.label), (1000 * whole.id + crop, whole.label));
            assert_eq!(row.pixels[2], whole.pixels[2], "the blue of the picture");
        }
    }
    pictures.sort_unstable();
    pictures.dedup();
    assert_eq!(pictures.len(), 108);
}

#[test]
fn crops_depend_neither_on_limit_nor_number_nor_threads() {
    let dir = tempfile::tempdir().unwrap();
    write_pictures(dir.path());
    let all = run(&params(dir.path())).unwrap();
    let many = rayon::ThreadPoolBuilder::new().num_threads(5).build().unwrap();
    assert!(many.install(|| run(&params(dir.path()))).unwrap().files == all.files);
    assert!(run_seeded(&params(dir.path()), 2).unwrap().files != all.files);
    let few = run(&ImagesParams { limit: Some(20), crops: 2, ..params(dir.path()) }).unwrap();
    let mut common = 0;
    for row in &few.rows[&Split::Train] {
        // An image may have been held out for validation in the other run.
        if let Some(same) = all.rows[&Split::Train].iter().find(|other| other.id == row.id) {
            assert_eq!(row, same);
            common += 1;
        }
    }
    assert!(common > 20, "{common} rows in common");
}
