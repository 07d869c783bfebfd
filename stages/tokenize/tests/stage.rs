//! The stage on small images and palette artifacts.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::BTreeMap;
use std::path::Path;

use igpt_artifact::table::images::{Images, ImagesMeta};
use igpt_artifact::table::palette::Palette;
use igpt_artifact::table::tokens::Tokens;
use igpt_artifact::{Kind, Result, Split};
use igpt_stage::{Params, Seed, Summary};
use igpt_testing::input;
use igpt_tokenize::{Lookup, TokenizeParams, TokenizeStage};
use rand::RngCore;

const ROWS: [(Split, u64); 3] = [(Split::Train, 2500), (Split::Validation, 7), (Split::Test, 0)];

fn write_images(dir: &Path) -> Images {
    let meta = ImagesMeta { height: 4, width: 3, classes: vec!["a".into(), "b".into()], rows: ROWS.into() };
    meta.write(dir).unwrap();
    let mut rng = Seed::new(2).rng();
    let mut id = 0;
    for (split, rows) in ROWS {
        let mut writer = Images::writer(dir, split, &meta);
        for _ in 0..rows {
            let mut pixels = [0; 36];
            rng.fill_bytes(&mut pixels);
            writer.push(id, (id % 3 < 2).then_some(id as i64 % 3), &pixels).unwrap();
            id += 1;
        }
        writer.finish().unwrap();
    }
    Images::open(dir).unwrap()
}

/// Three colours that random pixels use, and one that never is the first of its kind.
fn palette() -> Palette {
    Palette::new(vec![[-1.0; 3], [0.0, 0.5, -0.5], [1.0; 3], [1.0; 3]])
}

fn run(images: &Path, palette: &Path, out: &Path) -> Result<Summary> {
    let inputs = [("images", input(Kind::Images, images)), ("palette", input(Kind::Palette, palette))];
    igpt_testing::run::<TokenizeStage>(inputs, out, &TokenizeParams::default())
}

#[test]
fn every_pixel_of_every_split_becomes_its_token() {
    let [images_dir, palette_dir, out] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    let images = write_images(images_dir.path());
    palette().write(palette_dir.path()).unwrap();
    let summary = run(images_dir.path(), palette_dir.path(), out.path()).unwrap();

    let tokens = Tokens::open(out.path()).unwrap();
    assert_eq!((tokens.meta.height, tokens.meta.width, tokens.meta.k), (4, 3, 4));
    assert_eq!((&tokens.meta.classes, &tokens.meta.rows), (&images.meta.classes, &images.meta.rows));
    let lookup = Lookup::new(&palette());
    for (split, rows) in ROWS {
        let coded = tokens.read_all(split).unwrap();
        assert_eq!(coded.rows() as u64, rows);
        let mut at = 0;
        for batch in images.read(split, 100).unwrap() {
            let batch = batch.unwrap();
            for i in 0..batch.rows() {
                assert_eq!((coded.ids[at], coded.labels[at]), (batch.ids[i], batch.labels[i]));
                let wanted: Vec<_> =
                    batch.row(i).as_chunks().0.iter().map(|&rgb| lookup.token(rgb)).collect();
                assert_eq!(coded.row(at), wanted);
                at += 1;
            }
        }
    }

    let results: BTreeMap<_, _> = summary.results.into_iter().collect();
    assert_eq!(results["tokens"], 2507 * 12);
    assert_eq!((&results["colours"], &results["used_colours"]), (&4.into(), &3.into()));
    assert_eq!(results["train_images"], 2500);
    assert!((5.0..15.0).contains(&results["train_psnr_db"].as_f64().unwrap()));
    assert!(results["test_psnr_db"].is_null());
}

#[test]
fn two_runs_leave_the_same_bytes_whatever_the_threads() {
    let [images, palette_dir, a, b] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    write_images(images.path());
    palette().write(palette_dir.path()).unwrap();
    for (threads, out) in [(1, &a), (5, &b)] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(images.path(), palette_dir.path(), out.path())).unwrap();
    }
    for file in ["tokens.json", "split=train/part-00000.parquet", "split=test/part-00000.parquet"] {
        let [a, b] = [&a, &b].map(|out| std::fs::read(out.path().join(file)).unwrap());
        assert_eq!(a, b, "{file}");
    }
}

#[test]
fn a_missing_split_is_named() {
    let [images, palette_dir, out] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    write_images(images.path());
    palette().write(palette_dir.path()).unwrap();
    std::fs::remove_dir_all(images.path().join("split=validation")).unwrap();
    let error = run(images.path(), palette_dir.path(), out.path()).unwrap_err();
    assert!(error.to_string().contains("split=validation"), "{error}");
}

#[test]
fn there_is_nothing_to_set() {
    TokenizeParams::default().check().unwrap();
    assert!(serde_json::from_str::<TokenizeParams>("{}").is_ok());
    let error = serde_json::from_str::<TokenizeParams>(r#"{"k": 8}"#).unwrap_err().to_string();
    assert!(error.contains("unknown field `k`"), "{error}");
}
