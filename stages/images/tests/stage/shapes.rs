//! The built-in data set, through the whole stage.

use std::collections::BTreeMap;

use crate::common::{run, run_seeded};
use igpt_artifact::Split;
use igpt_images::ImagesParams;

#[test]
fn the_defaults_give_the_promised_data_set() {
    let output = run(&ImagesParams::default()).unwrap();
    assert_eq!(output.meta.rows.values().copied().collect::<Vec<_>>(), [5400, 600, 1000]);
    assert_eq!((output.meta.height, output.meta.width, output.meta.classes.len()), (16, 16, 10));
    assert_eq!(output.result("train"), Some(5400));
    for label in 0..10 {
        let count = |split| output.labels(split).iter().filter(|l| **l == Some(label)).count();
        assert_eq!(count(Split::Train) + count(Split::Validation), 600);
        assert_eq!(count(Split::Test), 100);
    }
    let mut images: Vec<_> = output.rows.values().flatten().map(|row| &row.pixels).collect();
    images.sort_unstable();
    images.dedup();
    assert!(images.len() > 6900, "only {} distinct images", images.len());
}

#[test]
fn two_runs_are_byte_identical_whatever_the_threads() {
    let params = ImagesParams { train: 1500, test: 20, ..Default::default() };
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let many = rayon::ThreadPoolBuilder::new().num_threads(5).build().unwrap();
    let a = one.install(|| run(&params)).unwrap();
    let b = many.install(|| run(&params)).unwrap();
    assert_eq!(a.files.len(), 4);
    assert!(a.files == b.files);
    assert!(a.files != run_seeded(&params, 2).unwrap().files);
}

#[test]
fn an_image_keeps_its_id_and_pixels_under_a_limit() {
    let all = run(&ImagesParams { train: 2000, test: 50, ..Default::default() }).unwrap();
    let params =
        ImagesParams { train: 2000, test: 50, limit: Some(1000), test_limit: Some(7), ..Default::default() };
    let few = run(&params).unwrap();
    assert_eq!(few.meta.rows.values().copied().collect::<Vec<_>>(), [900, 100, 7]);
    let known: BTreeMap<_, _> = all.rows.values().flatten().map(|row| (row.id, row)).collect();
    for row in few.rows.values().flatten() {
        assert_eq!(row, known[&row.id]);
    }
}
