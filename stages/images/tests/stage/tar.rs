//! Tar shards as WebDataset writes them.

use std::path::Path;

use crate::common::{failure, jpeg, plain, png, run, write};
use igpt_artifact::Split;
use igpt_images::{ImagesParams, SourceKind};
use tar::{Builder, EntryType, Header};

/// An archive of files.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A header alone, with any kind and size.
fn header(name: &str, kind: EntryType, size: u64) -> Vec<u8> {
    let mut header = Header::new_ustar();
    // Not by `set_path`, which refuses the names that are to be tried.
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn grey(value: u8) -> Vec<u8> {
    png(plain(4, 4, [value; 3]))
}

fn sample(key: &str, value: u8, label: &str) -> Vec<u8> {
    archive(&[(&format!("{key}.png"), &grey(value)), (&format!("{key}.cls"), label.as_bytes())])
}

fn params(path: &Path) -> ImagesParams {
    ImagesParams {
        source: SourceKind::Tar,
        path: Some(path.into()),
        size: 4,
        validation: 0.0,
        ..Default::default()
    }
}

#[test]
fn samples_are_files_with_one_key() {
    let dir = tempfile::tempdir().unwrap();
    let photo = jpeg(plain(9, 5, [200; 3]));
    let long = format!("{}/c.png", "folder/".repeat(40));
    let first = archive(&[
        ("README", b"of no sample"),
        ("x/a.cls", b"1\n"),
        ("x/a.png", &grey(10)),
        ("x/a.seg.png", b"another kind of file"),
        ("x/._a.png", b"hidden"),
        ("x/b.JPEG", &photo),
        ("x/b.txt", b"a photo"),
        (&long, &grey(30)),
    ]);
    write(&dir.path().join("set-train-000000.tar"), first);
    write(&dir.path().join("set-train-000001.tar"), sample("d", 40, " 2 "));
    write(&dir.path().join("set-val-000000.tar"), sample("e", 50, "0"));
    write(&dir.path().join("set-test-000000.tar"), sample("f", 60, "2"));
    write(&dir.path().join("classes.txt"), "cat\ndog\ncow\n");
    let output = run(&params(dir.path())).unwrap();
    assert_eq!(output.meta.classes, ["cat", "dog", "cow"]);
    assert_eq!(output.labels(Split::Train), [Some(1), None, None, Some(2)]);
    let values: Vec<_> = output.rows[&Split::Train].iter().map(|row| row.pixels[0]).collect();
    assert_eq!((values[0], values[2], values[3]), (10, 30, 40));
    assert_eq!(output.labels(Split::Validation), [Some(0)]);
    assert_eq!(output.labels(Split::Test), [Some(2)]);

    let few = run(&ImagesParams { limit: Some(2), ..params(dir.path()) }).unwrap();
    for row in &few.rows[&Split::Train] {
        assert_eq!(*row, output.rows[&Split::Train][row.id as usize]);
    }
}

#[test]
fn split_folders_pax_names_and_a_single_shard_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut builder = Builder::new(Vec::new());
    let name = format!("{}.png", "é".repeat(150));
    builder.append_pax_extensions([("path", name.as_bytes())]).unwrap();
    let image = grey(70);
    let mut header = Header::new_ustar();
    header.set_size(image.len() as u64);
    builder.append_data(&mut header, "short.png", image.as_slice()).unwrap();
    let bytes = builder.into_inner().unwrap();
    // The key is that of the long name, so the label belongs to another sample, without an image.
    let label = archive(&[("short.cls", b"1")]);
    let torn = [&bytes[..bytes.len() - 1024], &label].concat();
    write(&dir.path().join("train/0.tar"), &bytes);
    write(&dir.path().join("test/0.tar"), sample("x", 80, "1"));
    let output = run(&params(dir.path())).unwrap();
    assert_eq!((output.ids(Split::Train), output.ids(Split::Test)), (vec![0], vec![1]));
    write(&dir.path().join("train/0.tar"), torn);
    assert!(failure(&params(dir.path())).contains("train/0.tar, entry short.cls: a sample without an image"));

    let many: Vec<_> = (0..20).map(|i| (format!("{i:02}.png"), grey(i))).collect();
    let many: Vec<_> = many.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let path = dir.path().join("all.tar");
    write(&path, archive(&many));
    let output = run(&ImagesParams { test_share: 0.2, ..params(&path) }).unwrap();
    assert_eq!(output.meta.rows.values().copied().collect::<Vec<_>>(), [16, 0, 4]);
}

#[test]
fn labels_may_be_a_field_of_a_json_file() {
    let dir = tempfile::tempdir().unwrap();
    let shard = |json: &[&str]| {
        let names: Vec<_> = (0..json.len()).map(|i| (format!("{i}.png"), format!("{i}.json"))).collect();
        let image = grey(9);
        let files: Vec<(&str, &[u8])> = names
            .iter()
            .zip(json)
            .flat_map(|((png, file), text)| {
                [(png.as_str(), image.as_slice()), (file.as_str(), text.as_bytes())]
            })
            .collect();
        write(&dir.path().join("train-0.tar"), archive(&files));
    };
    write(&dir.path().join("test-0.tar"), archive(&[("a.png", &grey(1))]));
    let keyed = ImagesParams { label_key: Some("class".into()), ..params(dir.path()) };
    shard(&[r#"{"class": 3, "url": "x"}"#, r#"{"class": null}"#]);
    assert_eq!(run(&keyed).unwrap().labels(Split::Train), [Some(3), None]);
    assert_eq!(run(&params(dir.path())).unwrap().labels(Split::Train), [None, None]);
    let message = |json| {
        shard(&[r#"{"class": 0}"#, json]);
        let message = failure(&keyed);
        assert!(message.contains("train-0.tar, entry 1.json: "), "{message}");
        message
    };
    assert!(message(r#"{"label": 1, "url": "x"}"#).contains("no field `class`; the fields are label, url"));
    assert!(message(r#"{"class": 1.5}"#).contains("label `1.5` is no integer"));
    assert!(message(r#"{"class": -1}"#).contains("label -1 out of range, expected at least 0"));
    assert!(message("[").contains("not a JSON object"));
}

/// The message when a shard with one good sample goes on with `bytes`.
fn bad_shard(bytes: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let good = sample("good", 1, "0");
    write(&dir.path().join("train-0.tar"), [&good[..good.len() - 1024], bytes].concat());
    write(&dir.path().join("test-0.tar"), sample("a", 1, "0"));
    let message = failure(&params(dir.path()));
    assert!(message.contains("train-0.tar"), "{message}");
    message
}

#[test]
fn links_and_devices_are_refused() {
    for (kind, name) in [
        (EntryType::Symlink, "symbolic link"),
        (EntryType::Link, "hard link"),
        (EntryType::Char, "device"),
        (EntryType::Block, "device"),
        (EntryType::Fifo, "named pipe"),
        (EntryType::new(b'Z'), "entry of unknown type"),
    ] {
        let message = bad_shard(&[header("../x.png", kind, 0), vec![0; 1024]].concat());
        let expected = format!("entry ../x.png: a {name}, only files and folders are read");
        assert!(message.contains(&expected), "{message}");
    }
    let folders = [header("folder/", EntryType::Directory, 0), sample("folder/x", 1, "z")].concat();
    assert!(bad_shard(&folders).contains("entry folder/x.cls: label `z` is no integer"));
}

#[test]
fn absurd_sizes_are_refused_before_anything_is_read() {
    for size in [10_000, 1 << 40, u64::MAX / 2, u64::MAX] {
        for kind in [EntryType::Regular, EntryType::GNULongName, EntryType::XHeader] {
            let message = bad_shard(&[header("x.png", kind, size), vec![0; 1024]].concat());
            let cut = message.contains(&format!(
                "entry x.png: {size} bytes by its header, but the archive ends after 1024"
            ));
            let overflow = message.contains("after entry good.cls: not a readable tar archive");
            assert!(cut || (overflow && size > 1 << 62), "{message}");
        }
    }
    let mut wide = header("x.cls", EntryType::Regular, 2 << 20);
    wide.resize(512 + (2 << 20) + 1024, 0);
    let message = bad_shard(&wide);
    assert!(message.contains("x.cls: 2097152 bytes, at most 1048576 are read"), "{message}");
    let mut wide = header("x", EntryType::XHeader, 2 << 20);
    wide.resize(512 + (2 << 20) + 1024, 0);
    let message = bad_shard(&wide);
    assert!(message.contains("entry x: 2097152 bytes, at most 1048576 are read"), "{message}");
}

#[test]
fn an_archive_cut_anywhere_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("test-0.tar"), sample("a", 1, "0"));
    let whole = sample("good", 1, "0");
    for length in (0..whole.len() - 1024).step_by(37).chain([512, 1024, whole.len() - 1024]) {
        write(&dir.path().join("train-0.tar"), &whole[..length]);
        let message = failure(&params(dir.path()));
        assert!(
            message.contains("train-0.tar")
                && message.ends_with("| the archive may be truncated: fetch it again"),
            "{length} of {} bytes: {message}",
            whole.len()
        );
    }
}

#[test]
fn damaged_archives_and_samples_are_named() {
    let mut damaged = sample("x", 1, "0");
    damaged[0] = b'y';
    assert!(bad_shard(&damaged).contains("after entry good.cls: not a readable tar archive"));
    assert!(bad_shard(b"text").contains("not a readable tar archive"));
    let twice = archive(&[("x.png", &grey(1)), ("x.jpg", &grey(1))]);
    assert!(bad_shard(&twice).contains("entry x.jpg: a second image in this sample"));
    let twice = archive(&[("x.png", &grey(1)), ("x.cls", b"1"), ("x.cls", b"2")]);
    assert!(bad_shard(&twice).contains("entry x.cls: a second label in this sample"));
    let none = archive(&[("x.cls", b"1"), ("y.png", &grey(1))]);
    assert!(bad_shard(&none).contains("entry x.cls: a sample without an image (jpg, jpeg or png)"));
    let no_image = archive(&[("x.png", b"no image")]);
    assert!(bad_shard(&no_image).contains("entry x.png: not a readable JPEG or PNG image"));
    assert!(bad_shard(&sample("x", 1, "-1")).contains("entry x.cls: label -1 out of range"));
    let escape = archive(&[("\u{1b}[31mx.png", b"no image")]);
    assert!(bad_shard(&escape).contains(r"entry \u{1b}[31mx.png: not a readable"));
}

#[test]
fn compressed_and_unplaced_shards_are_explained() {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    assert!(failure(&params(&at("nowhere"))).contains("no such file or folder"));
    let message = failure(&params(dir.path()));
    assert!(message.contains("no tar shards of training images here | lay shards into train/"), "{message}");
    write(&at("train-0.tar"), sample("a", 1, "0"));
    write(&at("train-1.tar.gz"), [0x1f, 0x8b, 8]);
    let message = failure(&params(dir.path()));
    assert!(
        message.contains("train-1.tar.gz: a compressed archive | unpack it to a plain .tar"),
        "{message}"
    );
    std::fs::rename(at("train-1.tar.gz"), at("train-1.tar")).unwrap();
    assert!(failure(&params(dir.path())).contains("train-1.tar: a compressed archive"));
    std::fs::rename(at("train-1.tar"), at("more.tar")).unwrap();
    assert!(failure(&params(dir.path())).contains("more.tar: the name says no split"));
}
