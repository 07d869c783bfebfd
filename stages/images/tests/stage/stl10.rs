//! The binary version of STL-10.

use std::path::Path;

use crate::common::{Row, failure, run, write};
use igpt_artifact::Split;
use igpt_images::{ImagesParams, Part, SourceKind};

const SIDE: usize = 96;

/// An image whose pixel in column x and row y is (x, y, fill), as the file holds it: channel after
/// channel, each column after column.
fn picture(fill: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    for channel in 0..3 {
        for x in 0..SIDE {
            for y in 0..SIDE {
                bytes.push([x as u8, y as u8, fill][channel]);
            }
        }
    }
    bytes
}

fn pictures(fills: &[u8]) -> Vec<u8> {
    fills.iter().flat_map(|&fill| picture(fill)).collect()
}

fn params(path: &Path) -> ImagesParams {
    ImagesParams {
        source: SourceKind::Stl10,
        path: Some(path.into()),
        size: SIDE,
        validation: 0.0,
        ..Default::default()
    }
}

fn write_stl_10(dir: &Path) {
    write(&dir.join("train_X.bin"), pictures(&[10, 20, 30]));
    write(&dir.join("train_y.bin"), [1, 10, 3]);
    write(&dir.join("test_X.bin"), pictures(&[40, 50]));
    write(&dir.join("test_y.bin"), [2, 9]);
    write(&dir.join("unlabeled_X.bin"), pictures(&[60, 70, 80, 90]));
    let names = "airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck\n";
    write(&dir.join("class_names.txt"), names);
    write(&dir.join("fold_indices.txt"), "not read");
}

fn fills(rows: &[Row]) -> Vec<u8> {
    rows.iter().map(|row| row.pixels[2]).collect()
}

#[test]
fn columns_become_rows_and_labels_begin_at_0() {
    let dir = tempfile::tempdir().unwrap();
    write_stl_10(&dir.path().join("stl10_binary"));
    let output = run(&params(dir.path())).unwrap();
    assert_eq!(output.labels(Split::Train), [Some(0), Some(9), Some(2)]);
    assert_eq!(output.labels(Split::Test), [Some(1), Some(8)]);
    assert_eq!(output.meta.classes[7], "monkey");
    for (row, fill) in output.rows[&Split::Train].iter().zip([10, 20, 30]) {
        for y in 0..SIDE {
            for x in 0..SIDE {
                let at = (y * SIDE + x) * 3;
                assert_eq!(row.pixels[at..at + 3], [x as u8, y as u8, fill]);
            }
        }
    }
}

#[test]
fn the_part_says_which_images_are_for_training() {
    let dir = tempfile::tempdir().unwrap();
    write_stl_10(dir.path());
    let part = |part| run(&ImagesParams { part: Some(part), ..params(dir.path()) }).unwrap();
    let all = part(Part::All);
    assert_eq!(fills(&all.rows[&Split::Train]), [10, 20, 30, 60, 70, 80, 90]);
    assert_eq!(all.labels(Split::Train)[2..], [Some(2), None, None, None, None]);
    assert_eq!(all.ids(Split::Test), [7, 8]);
    // The files of the other part need not be there.
    std::fs::remove_file(dir.path().join("train_X.bin")).unwrap();
    std::fs::remove_file(dir.path().join("train_y.bin")).unwrap();
    let unlabeled = part(Part::Unlabeled);
    assert_eq!(fills(&unlabeled.rows[&Split::Train]), [60, 70, 80, 90]);
    assert_eq!(unlabeled.labels(Split::Train), [None; 4]);
    assert_eq!(unlabeled.labels(Split::Test), [Some(1), Some(8)]);
    let message = failure(&params(dir.path()));
    assert!(message.contains("no train_X.bin here | STL-10 is train_X.bin, train_y.bin"), "{message}");
}

#[test]
fn labels_follow_their_images_under_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    write_stl_10(dir.path());
    let all = run(&ImagesParams { part: Some(Part::All), ..params(dir.path()) }).unwrap();
    let few = ImagesParams { part: Some(Part::All), limit: Some(4), ..params(dir.path()) };
    for row in &run(&few).unwrap().rows[&Split::Train] {
        assert_eq!(*row, all.rows[&Split::Train][row.id as usize]);
    }
}

#[test]
fn damaged_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let at = |file: &str| dir.path().join(file);
    let message_with = |file: &str, bytes: &[u8]| {
        write_stl_10(dir.path());
        write(&at(file), bytes);
        failure(&params(dir.path()))
    };
    let message = message_with("test_X.bin", &picture(1)[..20_000]);
    assert!(message.contains("test_X.bin: 20000 bytes, expected a multiple of 27648"), "{message}");
    let message = message_with("train_y.bin", &[1, 2]);
    assert!(message.contains("train_X.bin: 3 images, but 2 labels in "), "{message}");
    assert!(message.contains("train_y.bin | one of the files may be truncated"), "{message}");
    for label in [0, 11] {
        let message = message_with("test_y.bin", &[10, label]);
        let expected =
            format!("test_y.bin, record 1 (byte 1): label {label} out of range, expected 1 to 10 (STL-10)");
        assert!(message.contains(&expected), "{message}");
    }
    let message = message_with("class_names.txt", b"cat\ndog\n");
    assert!(message.contains("class_names.txt, line 2: 2 class names, STL-10 has 10"), "{message}");
    assert!(failure(&params(&at("nowhere"))).contains("nowhere: no such file or folder"));
}
