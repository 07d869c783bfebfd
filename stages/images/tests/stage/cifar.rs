//! The binary version of CIFAR-10 and CIFAR-100.

use std::path::Path;

use crate::common::{failure, run, write};
use igpt_artifact::Split;
use igpt_images::{ImagesParams, SourceKind};

/// A record whose pixel (x, y) is (x, y, fill).
fn record(labels: &[u8], fill: u8) -> Vec<u8> {
    let plane = |f: fn(usize) -> u8| (0..1024).map(f);
    let red = plane(|i| (i % 32) as u8);
    let green = plane(|i| (i / 32) as u8);
    labels.iter().copied().chain(red).chain(green).chain([fill; 1024]).collect()
}

fn params(path: &Path) -> ImagesParams {
    ImagesParams {
        source: SourceKind::Cifar,
        path: Some(path.into()),
        size: 32,
        validation: 0.0,
        ..Default::default()
    }
}

fn write_cifar_10(dir: &Path) {
    for (i, labels) in [[0, 1, 2], [3, 9, 4]].iter().enumerate() {
        let records: Vec<u8> = labels.iter().flat_map(|&label| record(&[label], 10 * label)).collect();
        write(&dir.join(format!("data_batch_{}.bin", i + 1)), records);
    }
    write(&dir.join("test_batch.bin"), record(&[7], 70));
    let names = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
    write(&dir.join("batches.meta.txt"), names);
}

#[test]
fn cifar_10_is_read_as_it_lies() {
    let dir = tempfile::tempdir().unwrap();
    write_cifar_10(&dir.path().join("cifar-10-batches-bin"));
    let output = run(&params(dir.path())).unwrap();
    assert_eq!(output.labels(Split::Train), [0, 1, 2, 3, 9, 4].map(Some));
    assert_eq!(output.labels(Split::Test), [Some(7)]);
    assert_eq!(output.ids(Split::Test), [6]);
    assert_eq!(output.meta.classes[9], "truck");
    let row = &output.rows[&Split::Train][4];
    let at = (5 * 32 + 3) * 3;
    assert_eq!(row.pixels[at..at + 3], [3, 5, 90]);

    let few = run(&ImagesParams { limit: Some(3), ..params(dir.path()) }).unwrap();
    assert_eq!(few.rows[&Split::Train].len(), 3);
    for row in &few.rows[&Split::Train] {
        assert_eq!(*row, output.rows[&Split::Train][row.id as usize]);
    }
}

#[test]
fn cifar_100_takes_the_fine_label() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("train.bin"), [record(&[1, 99], 5), record(&[19, 0], 6)].concat());
    write(&dir.path().join("test.bin"), record(&[2, 42], 7));
    let output = run(&params(dir.path())).unwrap();
    assert_eq!(output.labels(Split::Train), [Some(99), Some(0)]);
    assert_eq!(output.labels(Split::Test), [Some(42)]);
    assert!(output.meta.classes.is_empty());
    assert_eq!(output.rows[&Split::Train][1].pixels[..3], [0, 0, 6]);
}

#[test]
fn a_label_out_of_range_names_record_and_byte() {
    let dir = tempfile::tempdir().unwrap();
    write_cifar_10(dir.path());
    write(&dir.path().join("data_batch_1.bin"), [record(&[1], 0), record(&[10], 0)].concat());
    let message = failure(&params(dir.path()));
    assert!(
        message.contains("data_batch_1.bin, record 1 (byte 3073): label 10 out of range, expected 0 to 9"),
        "{message}"
    );
}

#[test]
fn a_truncated_file_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    write_cifar_10(dir.path());
    write(&dir.path().join("data_batch_2.bin"), &[record(&[1], 0), record(&[2], 0)].concat()[..4000]);
    let message = failure(&params(dir.path()));
    assert!(message.contains("data_batch_2.bin: 4000 bytes, expected a multiple of 3073"), "{message}");
    assert!(message.contains("the last record, at byte 3073, is incomplete"), "{message}");
}

#[test]
fn missing_and_mixed_folders_are_explained() {
    let dir = tempfile::tempdir().unwrap();
    assert!(failure(&params(&dir.path().join("nowhere"))).contains("nowhere: no such file or folder"));
    let message = failure(&params(dir.path()));
    assert!(
        message.contains("no CIFAR binary files here") && message.contains("data_batch_*.bin"),
        "{message}"
    );
    write_cifar_10(dir.path());
    write(&dir.path().join("train.bin"), record(&[0, 0], 0));
    assert!(failure(&params(dir.path())).contains("several data sets: CIFAR-10 in"));
}

#[test]
fn wrong_class_names_and_a_missing_test_file_are_explained() {
    let dir = tempfile::tempdir().unwrap();
    write_cifar_10(dir.path());
    write(&dir.path().join("batches.meta.txt"), "cat\n\ndog\n\n");
    let message = failure(&params(dir.path()));
    assert!(message.contains("batches.meta.txt, line 3: 2 class names, CIFAR-10 has 10"), "{message}");
    write_cifar_10(dir.path());
    std::fs::remove_file(dir.path().join("test_batch.bin")).unwrap();
    let without = ImagesParams { test_share: 0.0, ..params(dir.path()) };
    assert!(failure(&without).contains("no test images: the source has no test split"));
}
