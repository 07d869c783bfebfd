//! Data sets as on the Hugging Face hub.

use std::path::Path;
use std::sync::Arc;

use crate::common::{failure, jpeg, plain, png, run, write};
use arrow::array::{Array, ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray, StructArray};
use arrow::datatypes::{DataType, Field, Schema};
use igpt_artifact::Split;
use igpt_images::{ImagesParams, SourceKind};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

const CATS_AND_DOGS: &str =
    r#"{"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}"#;

/// Writes rows of (image file, label) in row groups of 10, compressed as pyarrow does by default.
fn write_parquet(path: &Path, rows: &[(Option<Vec<u8>>, Option<i64>)]) {
    let bytes: ArrayRef = Arc::new(rows.iter().map(|(bytes, _)| bytes.as_deref()).collect::<BinaryArray>());
    let names: ArrayRef = Arc::new(StringArray::from(vec!["x.jpg"; rows.len()]));
    let images = StructArray::from(vec![
        (Arc::new(Field::new("bytes", DataType::Binary, true)), bytes),
        (Arc::new(Field::new("path", DataType::Utf8, true)), names),
    ]);
    let labels = rows.iter().map(|(_, label)| *label).collect::<Int64Array>();
    let other = StringArray::from(vec!["not read"; rows.len()]);
    let schema = Schema::new_with_metadata(
        vec![
            Field::new("caption", DataType::Utf8, false),
            Field::new("label", DataType::Int64, true),
            Field::new("image", images.data_type().clone(), true),
        ],
        [("huggingface".to_owned(), CATS_AND_DOGS.to_owned())],
    );
    let columns: Vec<ArrayRef> = vec![Arc::new(other), Arc::new(labels), Arc::new(images)];
    let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(10))
        .build();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Row `i` is grey value `i`, label `i % 2`.
fn rows(range: std::ops::Range<u8>) -> Vec<(Option<Vec<u8>>, Option<i64>)> {
    range.map(|i| (Some(png(plain(4, 4, [i; 3]))), Some(i64::from(i % 2)))).collect()
}

fn params(path: &Path) -> ImagesParams {
    ImagesParams {
        source: SourceKind::HfParquet,
        path: Some(path.into()),
        size: 4,
        validation: 0.0,
        ..Default::default()
    }
}

#[test]
fn shards_are_read_in_order() {
    let dir = tempfile::tempdir().unwrap();
    write_parquet(&dir.path().join("data/train-00000-of-00002.parquet"), &rows(0..45));
    write_parquet(&dir.path().join("data/train-00001-of-00002.parquet"), &rows(45..60));
    write_parquet(&dir.path().join("data/validation-00000-of-00001.parquet"), &rows(60..63));
    write_parquet(&dir.path().join("data/test-00000-of-00001.parquet"), &rows(63..70));
    let output = run(&params(dir.path())).unwrap();
    assert_eq!(output.meta.classes, ["cat", "dog"]);
    assert_eq!(output.meta.rows.values().copied().collect::<Vec<_>>(), [60, 3, 7]);
    for row in output.rows.values().flatten() {
        assert_eq!((row.pixels[0] as u64, row.label), (row.id, Some(row.id as i64 % 2)));
    }
    assert_eq!(output.ids(Split::Test), (63..70).collect::<Vec<_>>());
}

#[test]
fn a_limit_picks_rows_over_all_shards() {
    let dir = tempfile::tempdir().unwrap();
    write_parquet(&dir.path().join("train-0.parquet"), &rows(0..100));
    write_parquet(&dir.path().join("train-1.parquet"), &rows(100..200));
    write_parquet(&dir.path().join("test-0.parquet"), &rows(200..210));
    let params = ImagesParams { limit: Some(30), test_limit: Some(4), validation: 0.2, ..params(dir.path()) };
    let output = run(&params).unwrap();
    assert_eq!(output.meta.rows.values().copied().collect::<Vec<_>>(), [24, 6, 4]);
    for row in output.rows.values().flatten() {
        assert_eq!(row.pixels[0] as u64, row.id);
    }
    let ids = output.ids(Split::Train);
    assert!(ids.iter().any(|&id| id < 100) && ids.iter().any(|&id| id >= 100));
}

#[test]
fn a_single_file_is_divided() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pets.parquet");
    write_parquet(&path, &rows(0..50));
    let output = run(&ImagesParams { validation: 0.2, ..params(&path) }).unwrap();
    assert_eq!(output.meta.rows.values().copied().collect::<Vec<_>>(), [36, 9, 5]);
}

#[test]
fn a_null_label_is_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let mut train = rows(0..3);
    train[1].1 = None;
    write_parquet(&dir.path().join("train-0.parquet"), &train);
    write_parquet(&dir.path().join("test-0.parquet"), &rows(0..1));
    assert_eq!(run(&params(dir.path())).unwrap().labels(Split::Train), [Some(0), None, Some(0)]);
}

/// The message when row 57 of the training images is `row`.
fn bad_row(row: (Option<Vec<u8>>, Option<i64>)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let mut train = rows(0..80);
    train[57] = row;
    write_parquet(&dir.path().join("train-0.parquet"), &train);
    write_parquet(&dir.path().join("test-0.parquet"), &rows(0..1));
    let message = failure(&params(dir.path()));
    assert!(message.contains("train-0.parquet, row 57: "), "{message}");
    message
}

#[test]
fn a_bad_row_is_named() {
    let good = || Some(png(plain(4, 4, [0; 3])));
    assert!(bad_row((good(), Some(2))).contains("label 2 out of range, expected 0 to 1, or null"));
    assert!(bad_row((good(), Some(-1))).contains("label -1 out of range"));
    assert!(bad_row((None, Some(0))).contains("no image bytes, only the file name x.jpg"));
    assert!(bad_row((Some(Vec::new()), Some(0))).contains("image of zero size"));
    assert!(bad_row((Some(b"text".to_vec()), Some(0))).contains("not a readable JPEG or PNG"));
    let cut = jpeg(plain(64, 64, [9, 99, 199]));
    assert!(bad_row((Some(cut[..cut.len() - 30].to_vec()), Some(0))).contains("truncated JPEG"));
}

#[test]
fn damaged_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("train-0.parquet");
    write_parquet(&path, &rows(0..80));
    write_parquet(&dir.path().join("test-0.parquet"), &rows(0..1));
    let bytes = std::fs::read(&path).unwrap();
    write(&path, &bytes[..bytes.len() / 2]);
    let message = failure(&params(dir.path()));
    assert!(
        message.contains("train-0.parquet: not a readable Parquet file | the file may be truncated"),
        "{message}"
    );
    // Damage in the middle leaves the footer whole; it shows when the rows are read.
    let mut holed = bytes.clone();
    holed[bytes.len() / 4..bytes.len() / 2].fill(0);
    write(&path, holed);
    let message = failure(&params(dir.path()));
    assert!(message.contains("train-0.parquet, row "), "{message}");
}

#[test]
fn missing_files_and_columns_are_explained() {
    let dir = tempfile::tempdir().unwrap();
    assert!(failure(&params(&dir.path().join("nowhere"))).contains("no such file or folder"));
    let message = failure(&params(dir.path()));
    assert!(message.contains("no train-*.parquet here | the files are named"), "{message}");
    for config in ["a", "b"] {
        write_parquet(&dir.path().join(config).join("train-0.parquet"), &rows(0..9));
    }
    assert!(failure(&params(dir.path())).contains("several data sets: "));
    let path = dir.path().join("a");
    let wrong = ImagesParams { image_column: Some("img".into()), ..params(&path) };
    let message = failure(&wrong);
    assert!(message.contains("no column `img`; the columns are `caption` (Utf8), `label` (Int64), `image` (struct<bytes, path>)"), "{message}");
    assert!(message.ends_with("| name the column with image_column"), "{message}");
}

/// Set `IGPT_CIFAR10` to the folder of the CIFAR-10 Parquet files to run this on real images.
#[test]
fn real_cifar_10() {
    let Some(path) = std::env::var_os("IGPT_CIFAR10") else {
        #[allow(clippy::print_stderr, reason = "a skipped test says so")]
        {
            eprintln!("skipped: IGPT_CIFAR10 is not set");
        }
        return;
    };
    let params = ImagesParams {
        size: 32,
        limit: Some(2000),
        test_limit: Some(500),
        validation: 0.1,
        ..params(Path::new(&path))
    };
    let output = run(&params).unwrap();
    assert_eq!(output.meta.rows.values().copied().collect::<Vec<_>>(), [1800, 200, 500]);
    assert_eq!(output.meta.classes.len(), 10);
    assert!(
        (0..10).all(|label| output.labels(Split::Train).iter().filter(|l| **l == Some(label)).count() > 100)
    );
}
