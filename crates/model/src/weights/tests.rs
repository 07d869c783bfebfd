//! Writing and reading, and what is refused.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use ::safetensors::tensor::{Dtype, TensorView};
use igpt_stage::Seed;

use super::*;
use crate::device::Cpu;
use crate::{Config, Error, ImageGpt, Objective};

const CONFIG: Config =
    Config { n_layer: 2, n_embd: 6, n_head: 3, n_positions: 4, k: 5, objective: Objective::Autoregressive };

type Tensors = std::collections::BTreeMap<String, (Vec<f32>, Vec<usize>)>;

fn network() -> ImageGpt<Cpu> {
    ImageGpt::new(CONFIG, Seed::new(1), &Default::default())
}

fn open(dir: &Path) -> crate::Result<ImageGpt<Cpu>> {
    read(dir, &Default::default())
}

/// What the format's own library makes of some tensors.
fn serialized(tensors: &Tensors, dtype: Dtype, encode: fn(f32) -> Vec<u8>) -> Vec<u8> {
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
        .iter()
        .map(|(name, (values, shape))| {
            (name.clone(), shape.clone(), values.iter().copied().flat_map(encode).collect())
        })
        .collect();
    let views = bytes
        .iter()
        .map(|(name, shape, bytes)| (name.clone(), TensorView::new(dtype, shape.clone(), bytes).unwrap()));
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    ::safetensors::serialize(views, Some(metadata)).unwrap()
}

fn f32_bytes(tensors: &Tensors) -> Vec<u8> {
    serialized(tensors, Dtype::F32, |value| value.to_le_bytes().to_vec())
}

#[test]
fn round_trip_is_exact_and_bytes_are_stable() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(&network(), a.path()).unwrap();
    let read = open(a.path()).unwrap();
    assert_eq!(named_tensors(&read), named_tensors(&network()));
    write(&read, b.path()).unwrap();
    let bytes = fs::read(a.path().join(FILE)).unwrap();
    assert_eq!(bytes, fs::read(b.path().join(FILE)).unwrap());
    // Streamed, and yet what the library writes at once.
    let mut tensors = named_tensors(&network());
    for (name, shape) in layout::biases(CONFIG) {
        tensors.insert(name, (vec![0.0; shape[0]], shape));
    }
    assert_eq!(bytes, f32_bytes(&tensors));
}

#[test]
fn names_and_shapes_are_those_of_the_network() {
    let network = network();
    let found: Tensors = named_tensors(&network);
    let wanted: std::collections::BTreeMap<_, _> = layout::parameters(CONFIG).collect();
    assert_eq!(
        found
            .into_iter()
            .map(|(name, (_, shape))| (name, shape))
            .collect::<std::collections::BTreeMap<_, _>>(),
        wanted
    );
    for name in ["lm_head.weight", "transformer.h.1.mlp.c_proj.weight", "transformer.wte.weight"] {
        assert!(wanted.contains_key(name), "{name}");
    }
}

#[test]
fn parameters_are_counted_as_they_are() {
    let numbers: usize = named_tensors(&network()).values().map(|(values, _)| values.len()).sum();
    assert_eq!(numbers, CONFIG.parameters());
}

#[test]
fn misfits_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    write(&network(), dir.path()).unwrap();
    let refuse = |config: Config, expected: &str| {
        config.write(dir.path()).unwrap();
        let error = open(dir.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refuse(Config { k: 7, ..CONFIG }, "`transformer.wte.weight` has shape [6, 6], expected [8, 6]");
    refuse(Config { n_positions: 9, ..CONFIG }, "`transformer.wpe.weight` has shape [4, 6], expected [9, 6]");
    refuse(Config { n_layer: 3, ..CONFIG }, "`transformer.h.2.ln_1.weight` is missing (expected shape [6])");
    refuse(
        Config { n_layer: 1, ..CONFIG },
        "`transformer.h.1.attn.c_attn.bias` has no place in this network (its shape is [18])",
    );
    // Nothing of such a size is made before it is found out.
    refuse(Config { n_layer: usize::MAX, ..CONFIG }, "`transformer.h.2.ln_1.weight` is missing");
    refuse(Config { n_embd: usize::MAX / 3 * 3, ..CONFIG }, "`transformer.wte.weight` has shape [6, 6]");
    refuse(Config { n_embd: 0, ..CONFIG }, "n_embd 0");
}

#[test]
fn damaged_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    write(&network(), dir.path()).unwrap();
    let path = dir.path().join(FILE);
    let bytes = fs::read(&path).unwrap();
    for length in [0, 4, 8, 100, bytes.len() - 8, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        let error = open(dir.path()).unwrap_err();
        assert!(matches!(error, Error::SafeTensors { .. }), "{length}: {error}");
    }
    fs::write(&path, [&[0xff; 8], &bytes[8..]].concat()).unwrap();
    assert!(matches!(open(dir.path()).unwrap_err(), Error::SafeTensors { .. }));
    fs::write(&path, "version https://git-lfs.github.com/spec/v1\noid sha256:00\n").unwrap();
    assert!(matches!(open(dir.path()).unwrap_err(), Error::LfsPointer { .. }));
    fs::remove_file(&path).unwrap();
    assert!(matches!(open(dir.path()).unwrap_err(), Error::NoWeights { .. }));
}

#[test]
fn other_floating_point_types_are_read_and_others_refused() {
    let dir = tempfile::tempdir().unwrap();
    CONFIG.write(dir.path()).unwrap();
    // Numbers that every type has.
    let coarse = |value: f32| (value * 64.0).round() / 64.0;
    let mut tensors = named_tensors(&network());
    tensors.values_mut().for_each(|(values, _)| values.iter_mut().for_each(|v| *v = coarse(*v)));
    type Encode = fn(f32) -> Vec<u8>;
    let types: [(Dtype, Encode); 4] = [
        (Dtype::F64, |v| f64::from(v).to_le_bytes().to_vec()),
        (Dtype::F32, |v| v.to_le_bytes().to_vec()),
        (Dtype::F16, |v| half::f16::from_f32(v).to_le_bytes().to_vec()),
        (Dtype::BF16, |v| half::bf16::from_f32(v).to_le_bytes().to_vec()),
    ];
    for (dtype, encode) in types {
        fs::write(dir.path().join(FILE), serialized(&tensors, dtype, encode)).unwrap();
        assert_eq!(named_tensors(&open(dir.path()).unwrap()), tensors, "{dtype:?}");
    }
    fs::write(dir.path().join(FILE), serialized(&tensors, Dtype::I32, |v| (v as i32).to_le_bytes().to_vec()))
        .unwrap();
    let error = open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("`transformer.wte.weight` of shape [6, 6] is I32, expected F32"), "{error}");
}

#[test]
fn checkpoints_of_the_bare_network_and_of_classifiers() {
    let dir = tempfile::tempdir().unwrap();
    CONFIG.write(dir.path()).unwrap();
    let full = named_tensors(&network());
    let put = |tensors: &Tensors| fs::write(dir.path().join(FILE), f32_bytes(tensors)).unwrap();
    let short = |name: &str| name.strip_prefix("transformer.").unwrap_or(name).to_owned();
    let mut tensors: Tensors = full.iter().map(|(name, tensor)| (short(name), tensor.clone())).collect();
    // Old masks and a class head do no harm.
    tensors.insert("h.0.attn.bias".into(), (vec![1.0; 16], vec![1, 1, 4, 4]));
    tensors.insert("h.0.attn.masked_bias".into(), (vec![-1e4], vec![]));
    tensors.insert("score.weight".into(), (vec![0.0; 12], vec![2, 6]));
    put(&tensors);
    assert_eq!(named_tensors(&open(dir.path()).unwrap()), full);
    tensors.remove("lm_head.weight");
    put(&tensors);
    let error = open(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains(
            "`lm_head.weight` is missing (expected shape [5, 6]); these are weights of the network"
        ),
        "{error}"
    );
}

#[test]
fn a_copy_is_what_the_network_would_write() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(&network(), from.path()).unwrap();
    let checkpoint = Checkpoint::open(from.path()).unwrap();
    assert!(!copy(&checkpoint, CONFIG, to.path()).unwrap());
    for file in [FILE, crate::config::FILE] {
        assert_eq!(fs::read(from.path().join(file)).unwrap(), fs::read(to.path().join(file)).unwrap());
    }
    let mut tensors = named_tensors(&network());
    tensors.get_mut("transformer.ln_f.weight").unwrap().0[2] = f32::NAN;
    fs::write(from.path().join(FILE), f32_bytes(&tensors)).unwrap();
    let error = copy(&Checkpoint::open(from.path()).unwrap(), CONFIG, to.path()).unwrap_err().to_string();
    assert!(error.contains("`transformer.ln_f.weight` of shape [6] holds NaN at 2"), "{error}");
}

#[test]
fn shards_must_agree_with_their_index() {
    let dir = tempfile::tempdir().unwrap();
    CONFIG.write(dir.path()).unwrap();
    let full = named_tensors(&network());
    let split = full.len() / 2;
    let shard = |i: usize| format!("model-{i:05}-of-00002.safetensors");
    let half = |i: usize| {
        full.clone().into_iter().enumerate().filter(move |(at, _)| usize::from(*at >= split) + 1 == i)
    };
    for i in [1, 2] {
        let tensors = half(i).map(|(_, tensor)| tensor).collect();
        fs::write(dir.path().join(shard(i)), f32_bytes(&tensors)).unwrap();
    }
    let map: std::collections::BTreeMap<String, String> = [1, 2]
        .into_iter()
        .flat_map(|i| half(i).map(move |(_, (name, _))| (name, format!("model-{i:05}-of-00002.safetensors"))))
        .collect();
    let index = |map: &std::collections::BTreeMap<String, String>| {
        let text = serde_json::json!({"metadata": {"total_size": 1}, "weight_map": map}).to_string();
        fs::write(dir.path().join("model.safetensors.index.json"), text).unwrap();
    };
    index(&map);
    assert_eq!(named_tensors(&open(dir.path()).unwrap()), full);
    let refused = |change: &dyn Fn(&mut std::collections::BTreeMap<String, String>), expected: &str| {
        let mut map = map.clone();
        change(&mut map);
        index(&map);
        let error = open(dir.path()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused(
        &|map| drop(map.remove("lm_head.weight")),
        "does not say that `lm_head.weight` is in model-00001",
    );
    refused(&|map| drop(map.insert("more".into(), shard(1))), "says that `more` is in model-00001");
    refused(
        &|map| drop(map.insert("lm_head.weight".into(), "../x".into())),
        "names `../x`, which is no file beside it",
    );
    refused(
        &|map| drop(map.insert("lm_head.weight".into(), "absent.safetensors".into())),
        "absent.safetensors",
    );
}
