//! Pickles as `torch.save` writes them, and as it never would.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::machine;
use super::pickle::{PickleError, PickleProblem};
use super::value::MAX_VALUES;
use crate::weights::Checkpoint;
use crate::{Error, Result};

/// Writes pickles by hand.
#[derive(Clone)]
struct Pickle(Vec<u8>);

impl Pickle {
    fn new() -> Self {
        Self(vec![0x80, 2])
    }

    fn op(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn global(self, module: &str, name: &str) -> Self {
        self.op(format!("c{module}\n{name}\n").as_bytes())
    }

    fn text(self, text: &str) -> Self {
        self.op(b"X").op(&(text.len() as u32).to_le_bytes()).op(text.as_bytes())
    }

    fn int(self, n: i32) -> Self {
        self.op(b"J").op(&n.to_le_bytes())
    }

    fn sizes(self, sizes: &[i32]) -> Self {
        sizes.iter().fold(self.op(b"("), |pickle, &n| pickle.int(n)).op(b"t")
    }

    /// A tensor of the storage `0`.
    fn tensor(self, kind: &str, numbers: i32, offset: i32, shape: &[i32], strides: &[i32]) -> Self {
        let pickle = self.global("torch._utils", "_rebuild_tensor_v2").op(b"((").text("storage");
        let pickle = pickle.global("torch", kind).text("0").text("cpu").int(numbers).op(b"tQ");
        let pickle = pickle.int(offset).sizes(shape).sizes(strides).op(b"\x89");
        pickle.global("collections", "OrderedDict").op(b")RtR")
    }

    fn run(&self) -> Option<PickleError> {
        machine::run(&self.0).err()
    }

    /// The problem that it is refused for.
    fn problem(&self) -> PickleProblem {
        self.run().expect("this should be refused").problem
    }
}

/// A state dict with one tensor, `x`.
fn dict(kind: &str, numbers: i32, offset: i32, shape: &[i32], strides: &[i32]) -> Pickle {
    let pickle = Pickle::new().global("collections", "OrderedDict").op(b")R(").text("x");
    pickle.tensor(kind, numbers, offset, shape, strides).op(b"u}b.")
}

struct Saved {
    dir: tempfile::TempDir,
}

impl Saved {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("pytorch_model.bin")
    }

    /// An archive with these entries below `archive/`.
    fn write(&self, entries: &[(&str, &[u8])]) {
        let mut zip = ZipWriter::new(File::create(self.path()).unwrap());
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for (name, bytes) in entries {
            zip.start_file(format!("archive/{name}"), options).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap();
    }

    fn open(&self) -> Result<Checkpoint> {
        Checkpoint::open_file(&self.path())
    }

    fn values(&self, pickle: &Pickle, storage: &[u8]) -> Result<Vec<f32>> {
        self.write(&[("data.pkl", &pickle.0), ("data/0", storage)]);
        self.open()?.values("transformer.x")
    }
}

fn floats(n: u8) -> Vec<u8> {
    (0..n).flat_map(|i| f32::from(i).to_le_bytes()).collect()
}

#[test]
fn views_are_read_in_row_major_order() {
    let saved = Saved::new();
    let read = |offset, shape: &[i32], strides: &[i32]| {
        saved.values(&dict("FloatStorage", 12, offset, shape, strides), &floats(12)).unwrap()
    };
    assert_eq!(read(0, &[2, 3], &[3, 1]), [0., 1., 2., 3., 4., 5.]);
    assert_eq!(read(6, &[2, 3], &[3, 1]), [6., 7., 8., 9., 10., 11.]);
    assert_eq!(read(0, &[3, 2], &[1, 3]), [0., 3., 1., 4., 2., 5.]);
    assert_eq!(read(1, &[2, 2], &[6, 2]), [1., 3., 7., 9.]);
    assert_eq!(read(11, &[], &[]), [11.]);
    assert_eq!(read(4, &[0, 5], &[5, 1]), [0.0; 0]);
}

#[test]
fn types_and_parameters() {
    let saved = Saved::new();
    let half: Vec<u8> = [1.5_f32, -2.0].iter().flat_map(|&v| half::f16::from_f32(v).to_le_bytes()).collect();
    assert_eq!(saved.values(&dict("HalfStorage", 2, 0, &[2], &[1]), &half).unwrap(), [1.5, -2.0]);
    let error = saved.values(&dict("LongStorage", 1, 0, &[1], &[1]), &[0; 8]).unwrap_err().to_string();
    assert!(error.contains("is I64, expected F32"), "{error}");
    let parameter = Pickle::new().op(b"}(").text("x").global("torch._utils", "_rebuild_parameter").op(b"(");
    let parameter = parameter.tensor("FloatStorage", 2, 0, &[2], &[1]).op(b"\x88}tRu.");
    assert_eq!(saved.values(&parameter, &floats(2)).unwrap(), [0.0, 1.0]);
}

#[test]
fn what_would_run_code_is_refused_by_name() {
    let shell = |module: &str, name: &str| {
        Pickle::new().global(module, name).op(b"(").text("touch /tmp/igpt-was-here").op(b"tR.")
    };
    for (module, name) in [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("__builtin__", "exec"),
        ("subprocess", "Popen"),
        ("torch", "load"),
        ("torch._utils", "_import_dotted_name"),
    ] {
        let problem = shell(module, name).problem();
        assert_eq!(problem, PickleProblem::Global { module: module.into(), name: name.into() });
        let saved = Saved::new();
        let error = saved.values(&shell(module, name), &[]).unwrap_err();
        let Error::Pickle { source, .. } = &error else { panic!("{error}") };
        assert_eq!(
            source.to_string(),
            format!(
                "byte 2 of data.pkl: asks for `{module}.{name}`, which weights do not need; nothing was executed"
            )
        );
    }
    // The same through other instructions: protocols 0, 2 and 4, and the extension registry.
    for (code, name) in [
        (&b"(S'ls'\nios\nsystem\n."[..], "0x53"),
        (b"(ios\nsystem\n.", "INST"),
        (b"(cos\n", "ends in the middle"),
        (b")\x81.", "NEWOBJ"),
        (b"\x8c\x02os\x8c\x06system\x93.", "later protocol"),
        (b"\x82\x01.", "EXT"),
        (b"(o.", "OBJ"),
        (b"P0\n.", "PERSID"),
        (b"N2.", "DUP"),
        (b"\xff.", "0xff (unknown)"),
    ] {
        let said = Pickle::new().op(code).problem().to_string();
        assert!(said.contains(name), "{said}");
    }
    let old = Pickle(b"\x80\x04N.".to_vec()).problem().to_string();
    assert!(old.contains("protocol 4"), "{old}");
}

#[test]
fn allowed_names_do_only_what_they_are_for() {
    let call = |pickle: Pickle| pickle.problem().to_string();
    let dict = Pickle::new().global("collections", "OrderedDict");
    assert!(call(dict.clone().op(b"(K\x01tR.")).contains("called with 1 arguments"));
    assert!(call(dict.clone().op(b")b.")).contains("attributes are set on a name"));
    assert!(call(dict.op(b"NR.")).contains("a tuple is wanted, not None"));
    assert!(call(Pickle::new().text("os.system").op(b")R.")).contains("a text is called"));
    assert!(call(Pickle::new().text("storage").op(b"\x85Q.")).contains("persistent id"));
    let view = |shape: &[i32], strides: &[i32]| Pickle::new().tensor("FloatStorage", 4, 0, shape, strides);
    assert!(call(view(&[2], &[])).contains("1 sizes and 0 strides"));
    assert!(call(view(&[-1], &[1])).contains("-1 where a size"));
    assert!(call(view(&[1; 9], &[1; 9])).contains("9 sizes"));
}

#[test]
fn stack_and_memo_are_guarded() {
    for code in [
        &b"."[..],
        b"R.",
        b"u.",
        b"t.",
        b"s.",
        b"b.",
        b"q\x00.",
        b"h\x00.",
        b"j\xff\xff\xff\xff.",
        b"}(Nu.",
        b"NNs.",
        b"N(.",
        b"N(\x85.",
        b"Q.",
        b"NQ.",
        b"\x8a\x09123456789.",
        b"X\xff\xff\xff\x7fabc",
        b"X\x01\0\0\0\xff.",
        b"K",
        b"",
    ] {
        let pickle = Pickle::new().op(code);
        assert!(pickle.run().is_some(), "{code:?}");
    }
    // Keys of the memo are not sizes.
    assert_eq!(Pickle::new().op(b"Nr\xff\xff\xff\xff.").run(), None);
    // However deep, and however many.
    let mut deep = Pickle::new().op(b"N");
    deep.0.extend([0x85].repeat(MAX_VALUES - 1));
    assert_eq!(deep.clone().op(b".").run(), None);
    for code in [&b")"[..], b"}", b"N", b"(", b"}0"] {
        let many = Pickle::new().op(&code.repeat(MAX_VALUES + 2));
        let problem = many.problem();
        let pop = PickleProblem::Instruction("0x30 (POP)".into());
        assert!([PickleProblem::TooMany(MAX_VALUES), pop].contains(&problem), "{problem}");
    }
    let long = Pickle::new().global(&"m".repeat(300), "x").run();
    assert_eq!(long.map(|error| error.problem), Some(PickleProblem::Truncated));
}

#[test]
fn every_end_of_a_pickle_is_too_early() {
    let whole = dict("FloatStorage", 6, 0, &[2, 3], &[3, 1]).0;
    assert_eq!(Pickle(whole.clone()).run(), None);
    for length in 0..whole.len() {
        assert_eq!(Pickle(whole[..length].to_vec()).problem(), PickleProblem::Truncated, "{length}");
    }
}

#[test]
fn tensors_outside_their_storage_are_refused() {
    let saved = Saved::new();
    let refused = |numbers, offset, shape: &[i32], strides: &[i32], bytes: u8| {
        let error =
            saved.values(&dict("FloatStorage", numbers, offset, shape, strides), &floats(bytes)).unwrap_err();
        let said = format!(
            "{error} {}",
            std::error::Error::source(&error).map_or(String::new(), ToString::to_string)
        );
        assert!(said.contains("`x`") && said.contains(&format!("of shape {shape:?}")), "{said}");
    };
    refused(6, 1, &[2, 3], &[3, 1], 6);
    refused(6, 0, &[2, 3], &[4, 1], 6);
    refused(6, 0, &[i32::MAX, i32::MAX], &[0, 0], 6);
    refused(6, 0, &[i32::MAX, i32::MAX, i32::MAX], &[i32::MAX; 3], 6);
    refused(6, i32::MAX, &[1], &[1], 6);
    // One number named a thousand times.
    refused(6, 0, &[1000], &[0], 6);
    // The pickle says six, the archive has five.
    refused(6, 0, &[2, 3], &[3, 1], 5);
}

#[test]
fn archives_that_are_none() {
    let saved = Saved::new();
    let pickle = dict("FloatStorage", 6, 0, &[6], &[1]);
    let entries: [(&str, &[u8]); 2] = [("data.pkl", &pickle.0), ("data/0", &floats(6))];
    saved.write(&entries);
    let whole = fs::read(saved.path()).unwrap();
    for length in 0..whole.len() {
        fs::write(saved.path(), &whole[..length]).unwrap();
        let error = saved.open().unwrap_err();
        assert!(matches!(error, Error::Zip { .. } | Error::NotTorch { .. }), "{length}: {error}");
    }
    let said = |entries: &[(&str, &[u8])]| {
        saved.write(entries);
        saved.open().unwrap_err().to_string()
    };
    assert!(said(&entries[..1]).contains("the archive has no `archive/data/0`"));
    assert!(said(&entries[1..]).contains("not a zip archive of torch.save"));
    assert!(said(&[entries[0], entries[1], ("byteorder", b"big")]).contains("only little-endian"));
    assert!(said(&[("data.pkl", b"\x80\x02N."), entries[1]]).contains("the pickle is refused"));
    // Before torch 1.6 a file was a row of pickles.
    fs::write(saved.path(), b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.").unwrap();
    assert!(matches!(saved.open().unwrap_err(), Error::NotTorch { .. }));
}

#[test]
fn what_is_no_state_dict() {
    let saved = Saved::new();
    let said = |pickle: Pickle| {
        let error = saved.values(&pickle, &[]).unwrap_err();
        std::error::Error::source(&error).unwrap().to_string()
    };
    assert!(said(Pickle::new().op(b"K\x07.")).contains("holds an integer, not a dict of tensors"));
    assert!(
        said(Pickle::new().op(b"}").text("epoch").op(b"K\x03s."))
            .contains("`epoch` is an integer, not a tensor")
    );
    assert!(said(Pickle::new().op(b"}K\x01K\x03s.")).contains("a key is an integer"));
    let twice = Pickle::new().op(b"}(").text("x").tensor("FloatStorage", 1, 0, &[1], &[1]);
    let twice = twice.text("x").tensor("FloatStorage", 1, 0, &[1], &[1]).op(b"u.");
    assert!(said(twice).contains("tensor `x` is there twice"));
}

/// Bytes changed at random: an error or tensors, but no panic and no end.
#[test]
fn changed_bytes_do_no_harm() {
    use rand::Rng;
    let saved = Saved::new();
    saved.write(&[("data.pkl", &dict("FloatStorage", 6, 1, &[2, 2], &[1, 2]).0), ("data/0", &floats(6))]);
    let whole = fs::read(saved.path()).unwrap();
    let mut rng = igpt_stage::Seed::new(1).rng();
    for _ in 0..2000 {
        let mut bytes = whole.clone();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..bytes.len());
            bytes[at] = rng.random();
        }
        fs::write(saved.path(), bytes).unwrap();
        if let Ok(checkpoint) = saved.open() {
            for (name, _) in checkpoint.shapes() {
                let _ = checkpoint.values(name);
            }
        }
        let mut pickle = dict("FloatStorage", 6, 1, &[2, 2], &[1, 2]);
        let at = rng.random_range(0..pickle.0.len());
        pickle.0[at] = rng.random();
        let _ = super::state::read(&pickle.0);
    }
}
