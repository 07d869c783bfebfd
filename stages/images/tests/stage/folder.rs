//! Folder trees of JPEG and PNG files.

use std::path::Path;

use crate::common::{failure, jpeg, plain, png, run, write};
use igpt_artifact::Split;
use igpt_images::{ImagesParams, SourceKind};

fn params(path: &Path) -> ImagesParams {
    ImagesParams {
        source: SourceKind::Folder,
        path: Some(path.into()),
        size: 4,
        validation: 0.0,
        ..Default::default()
    }
}

#[test]
fn splits_and_classes_are_folders() {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    write(&at("train/dog/a.png"), png(plain(4, 4, [1, 2, 3])));
    write(&at("train/cat/b.JPG"), jpeg(plain(9, 5, [200, 200, 200])));
    write(&at("train/cat/more/deeper/a.jpeg"), png(plain(4, 4, [7, 8, 9])));
    write(&at("train/cat/.hidden.png"), "no image");
    write(&at("train/cat/notes.txt"), "no image");
    write(&at("val/dog/x.png"), png(plain(8, 8, [50, 60, 70])));
    write(&at("test/cat/x.png"), png(plain(8, 8, [80, 90, 100])));
    let output = run(&params(dir.path())).unwrap();
    assert_eq!(output.meta.classes, ["cat", "dog"]);
    assert_eq!(output.labels(Split::Train), [Some(0), Some(0), Some(1)]);
    assert_eq!(output.labels(Split::Validation), [Some(1)]);
    assert_eq!(output.labels(Split::Test), [Some(0)]);
    assert_eq!(output.rows[&Split::Train][1].pixels, [7, 8, 9].repeat(16));
    assert_eq!(output.rows[&Split::Train][2].pixels, [1, 2, 3].repeat(16));
    assert_eq!(output.rows[&Split::Validation][0].pixels, [50, 60, 70].repeat(16));
    assert_eq!(output.result("skipped"), Some(1));
}

#[test]
fn without_split_folders_a_share_is_held_out() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..40 {
        let class = ["a", "b"][i % 2];
        write(&dir.path().join(format!("{class}/{i:02}.png")), png(plain(4, 4, [i as u8; 3])));
    }
    let params = ImagesParams { test_share: 0.25, validation: 0.1, ..params(dir.path()) };
    let output = run(&params).unwrap();
    assert_eq!(output.meta.rows.values().copied().collect::<Vec<_>>(), [27, 3, 10]);
    let mut seen: Vec<_> = output.rows.values().flatten().map(|row| row.pixels[0]).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..40).collect::<Vec<u8>>());
    for row in output.rows.values().flatten() {
        assert_eq!(row.label, Some(i64::from(row.pixels[0] % 2)));
    }
}

#[test]
fn the_first_bad_image_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    for i in 0..50 {
        write(&at(&format!("train/a/{i:02}.png")), png(plain(4, 4, [9; 3])));
    }
    write(&at("test/a/x.png"), png(plain(4, 4, [9; 3])));
    write(&at("train/a/40.png"), "no image");
    let cut = jpeg(plain(64, 64, [9, 99, 199]));
    write(&at("train/a/30.jpg"), &cut[..cut.len() - 10]);
    let message = failure(&params(dir.path()));
    assert!(message.contains("train/a/30.jpg: truncated JPEG"), "{message}");
    std::fs::remove_file(at("train/a/30.jpg")).unwrap();
    let message = failure(&params(dir.path()));
    assert!(message.contains("train/a/40.png: not a readable JPEG or PNG image"), "{message}");
    write(&at("train/a/40.png"), "");
    let message = failure(&params(dir.path()));
    assert!(message.contains("train/a/40.png: image of zero size"), "{message}");
}

#[test]
fn missing_folders_and_unknown_classes_are_explained() {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    assert!(failure(&params(&at("nowhere"))).contains("no such file or folder"));
    let message = failure(&params(dir.path()));
    assert!(message.contains("no JPEG or PNG files in class folders here | lay them out"), "{message}");
    write(&at("train/a/x.png"), png(plain(4, 4, [9; 3])));
    write(&at("test/b/x.png"), png(plain(4, 4, [9; 3])));
    assert!(failure(&params(dir.path())).contains("test/b: no class `b` among the training images"));
    std::fs::remove_dir_all(at("test/b")).unwrap();
    assert!(failure(&params(dir.path())).contains("no test images: the source's test split is empty"));
}
