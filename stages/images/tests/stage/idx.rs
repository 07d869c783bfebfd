//! IDX files of the MNIST family.

use std::io::Write;
use std::path::Path;

use crate::common::{failure, run, write};
use flate2::Compression;
use flate2::write::GzEncoder;
use igpt_artifact::Split;
use igpt_images::{ImagesParams, SourceKind};

/// Images of 2 rows and 3 columns; row y and column x of image i hold 10·i + 3·y + x.
fn images(count: u8) -> Vec<u8> {
    let header = [0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 2, 0, 0, 0, 3];
    header.into_iter().chain((0..count).flat_map(|i| (0..6).map(move |value| 10 * i + value))).collect()
}

fn labels(labels: &[u8]) -> Vec<u8> {
    [&[0, 0, 8, 1, 0, 0, 0, labels.len() as u8], labels].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Writes a data set of 5 training and 2 test images; `name` says what becomes of a usual name.
fn write_set(dir: &Path, name: impl Fn(&str) -> String, pack: impl Fn(&[u8]) -> Vec<u8>) {
    write(&dir.join(name("train-images-idx3-ubyte")), pack(&images(5)));
    write(&dir.join(name("train-labels-idx1-ubyte")), pack(&labels(&[5, 0, 4, 1, 9])));
    write(&dir.join(name("t10k-images-idx3-ubyte")), pack(&images(2)));
    write(&dir.join(name("t10k-labels-idx1-ubyte")), pack(&labels(&[7, 2])));
}

fn params(path: &Path) -> ImagesParams {
    ImagesParams {
        source: SourceKind::Idx,
        path: Some(path.into()),
        size: 2,
        validation: 0.0,
        ..Default::default()
    }
}

#[test]
fn every_naming_gives_the_same_images() {
    let mut outputs = Vec::new();
    for dotted in [false, true] {
        for packed in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let name = |name: &str| {
                let name = if dotted { name.replace("-idx", ".idx") } else { name.to_owned() };
                if packed { name + ".gz" } else { name }
            };
            write_set(dir.path(), name, |bytes| if packed { gzip(bytes) } else { bytes.to_vec() });
            outputs.push(run(&params(dir.path())).unwrap());
        }
    }
    assert!(outputs.windows(2).all(|pair| pair[0].files == pair[1].files));
    let output = &outputs[0];
    assert_eq!(output.labels(Split::Train), [5, 0, 4, 1, 9].map(Some));
    assert_eq!(output.labels(Split::Test), [Some(7), Some(2)]);
    assert!(output.meta.classes.is_empty());
    // The left two of three columns: half a column is left out on either side, rounded down.
    let grey: Vec<_> = output.rows[&Split::Train][4].pixels.chunks(3).map(|p| p.to_vec()).collect();
    assert_eq!(grey, [40, 41, 43, 44].map(|value| vec![value; 3]));
}

#[test]
fn compressed_files_can_be_read_in_part() {
    let dir = tempfile::tempdir().unwrap();
    write_set(dir.path(), |name| format!("{name}.gz"), gzip);
    let all = run(&params(dir.path())).unwrap();
    let few = run(&ImagesParams { limit: Some(2), test_limit: Some(1), ..params(dir.path()) }).unwrap();
    assert_eq!(few.rows[&Split::Train].len(), 2);
    for row in &few.rows[&Split::Train] {
        assert_eq!(*row, all.rows[&Split::Train][row.id as usize]);
    }
}

#[test]
fn emnist_lies_column_by_column() {
    let dir = tempfile::tempdir().unwrap();
    let name = |name: &str| format!("emnist-letters-{}.gz", name.replace("t10k", "test"));
    write_set(dir.path(), name, gzip);
    let output = run(&params(dir.path())).unwrap();
    assert_eq!(output.rows[&Split::Test].len(), 2);
    // 2 rows of 3 values become 3 rows of 2, of which the upper two are kept.
    let grey: Vec<_> = output.rows[&Split::Train][0].pixels.iter().step_by(3).copied().collect();
    assert_eq!(grey, [0, 3, 1, 4]);
    write_set(dir.path(), |name| format!("emnist-digits-{name}"), <[u8]>::to_vec);
    let message = failure(&params(dir.path()));
    assert!(message.contains("several data sets: emnist-digits-*, emnist-letters-*"), "{message}");
}

#[test]
fn class_names_may_lie_beside_and_bound_the_labels() {
    let dir = tempfile::tempdir().unwrap();
    write_set(dir.path(), str::to_owned, <[u8]>::to_vec);
    let names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    write(&dir.path().join("classes.txt"), names.join("\n"));
    assert_eq!(run(&params(dir.path())).unwrap().meta.classes, names);
    write(&dir.path().join("classes.txt"), names[..9].join("\n"));
    let message = failure(&params(dir.path()));
    assert!(message.contains("train-labels-idx1-ubyte, row 4: label 9 out of range"), "{message}");
}

/// The message when a file of the data set is `bytes`, plain and compressed.
fn bad_file(file: &str, bytes: &[u8]) -> [String; 2] {
    [false, true].map(|packed| {
        let dir = tempfile::tempdir().unwrap();
        write_set(dir.path(), str::to_owned, <[u8]>::to_vec);
        write(&dir.path().join(file), if packed { gzip(bytes) } else { bytes.to_vec() });
        let message = failure(&params(dir.path()));
        assert!(message.contains(file), "{message}");
        message
    })
}

#[test]
fn damaged_files_are_named() {
    let images_file = "train-images-idx3-ubyte";
    for message in bad_file(images_file, &labels(&[1, 2, 3])) {
        let expected =
            "not an IDX file of bytes in 3 dimensions: it begins 00 00 08 01, expected 00 00 08 03";
        assert!(message.contains(expected), "{message}");
    }
    for message in bad_file(images_file, b"") {
        assert!(message.contains("it begins , expected"), "{message}");
    }
    for message in bad_file(images_file, &images(5)[..10]) {
        assert!(message.contains("10 bytes, less than the header of 16 bytes"), "{message}");
    }
    for message in bad_file(images_file, &images(5)[..30]) {
        assert!(message.contains("30 bytes, its header (5 × 2 × 3) says 46"), "{message}");
    }
    for message in bad_file(images_file, &[images(5), vec![0; 2]].concat()) {
        assert!(message.contains("more than the 46 bytes that its header (5 × 2 × 3) says"), "{message}");
    }
    for message in bad_file(images_file, &images(4)) {
        assert!(message.contains("4 images, but 5 labels in "), "{message}");
    }
    let mut huge = images(5);
    huge[4..16].fill(0xff);
    for message in bad_file(images_file, &huge) {
        assert!(message.contains("image too large: 4294967295 × 4294967295 pixels"), "{message}");
    }
    let mut flat = images(5);
    flat[8..12].fill(0);
    for message in bad_file(images_file, &flat) {
        assert!(message.contains("image of zero size: 3 × 0 pixels"), "{message}");
    }
}

#[test]
fn a_damaged_archive_is_named() {
    let dir = tempfile::tempdir().unwrap();
    write_set(dir.path(), |name| format!("{name}.gz"), gzip);
    let packed = gzip(&images(5));
    let path = dir.path().join("train-images-idx3-ubyte.gz");
    write(&path, &packed[..packed.len() - 12]);
    let message = failure(&params(dir.path()));
    assert!(
        message.contains("train-images-idx3-ubyte.gz: damaged gzip data | the file may be truncated"),
        "{message}"
    );
}

#[test]
fn missing_files_are_explained() {
    let dir = tempfile::tempdir().unwrap();
    assert!(failure(&params(&dir.path().join("nowhere"))).contains("no such file or folder"));
    let message = failure(&params(dir.path()));
    assert!(message.contains("no train-images-idx3-ubyte here | the files are"), "{message}");
    write_set(dir.path(), str::to_owned, <[u8]>::to_vec);
    std::fs::remove_file(dir.path().join("t10k-labels-idx1-ubyte")).unwrap();
    assert!(failure(&params(dir.path())).contains("no t10k-labels-idx1-ubyte here"));
}
