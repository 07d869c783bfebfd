//! One network in every form in which weights come: the same numbers, and the same logits as PyTorch's.
//!
//! `fixtures/make_forms.py` made the forms of `fixtures/one_head_5x5` with transformers and PyTorch.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};

use igpt_model::device::Cpu;
use igpt_model::weights::{self, Checkpoint};
use igpt_model::{Config, Error, ImageGpt, Sequences};
use safetensors::SafeTensors;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn read(name: &str) -> Result<ImageGpt<Cpu>, Error> {
    weights::read(&fixture(name), &Default::default())
}

/// How far its logits are from PyTorch's at most.
fn distance(network: &ImageGpt<Cpu>) -> f32 {
    let bytes = std::fs::read(fixture("one_head_5x5/expected.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let words = |name: &str| file.tensor(name).unwrap().data().as_chunks::<4>().0.to_vec();
    let ids: Vec<u16> = words("tokens").into_iter().map(|word| i32::from_le_bytes(word) as u16).collect();
    let logits = network.forward(&Sequences::new(&ids, 25, &Default::default())).into_data();
    let expected = words("logits").into_iter().map(f32::from_le_bytes);
    let pairs = logits.iter::<f32>().zip(expected);
    pairs.map(|(found, expected)| (found - expected).abs() / expected.abs().max(1.0)).fold(0.0, f32::max)
}

#[test]
fn every_form_is_the_same_network() {
    let original = weights::named_tensors(&read("one_head_5x5").unwrap());
    assert!(original.keys().any(|name| name.ends_with(".bias")), "a fixture without biases proves little");
    for form in ["sharded", "torch", "torch_sharded", "double"] {
        let network = read(&format!("forms/{form}")).unwrap();
        assert_eq!(weights::named_tensors(&network), original, "{form}");
        assert!(distance(&network) < 1e-4, "{form}");
    }
    // 11 and 8 bits of each number are left.
    for (form, error) in [("half", 0.01), ("bfloat", 0.1)] {
        let found = distance(&read(&format!("forms/{form}")).unwrap());
        assert!(found < error, "{form}: {found}");
    }
}

#[test]
fn other_models_are_refused_by_what_they_lack() {
    for form in ["bare", "classifier"] {
        let error = read(&format!("forms/{form}")).unwrap_err().to_string();
        assert!(error.contains("`lm_head.weight` is missing (expected shape [8, 12])"), "{form}: {error}");
    }
    assert!(matches!(read("forms/legacy").unwrap_err(), Error::NotTorch { .. }));
}

/// A copy is the file that transformers wrote, up to the words in its header.
#[test]
fn a_copy_of_any_form_is_the_same_file() {
    let copies: Vec<_> = ["one_head_5x5", "forms/sharded", "forms/torch", "forms/torch_sharded"]
        .map(|form| {
            let dir = tempfile::tempdir().unwrap();
            let config = Config::open(&fixture(form)).unwrap();
            assert!(weights::copy(&Checkpoint::open(&fixture(form)).unwrap(), config, dir.path()).unwrap());
            std::fs::read(dir.path().join(weights::FILE)).unwrap()
        })
        .into();
    assert!(copies.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(copies[0], std::fs::read(fixture("one_head_5x5/model.safetensors")).unwrap());
}
