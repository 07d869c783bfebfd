//! From the value of a pickle to the tensors of a state dict.

use std::collections::BTreeMap;

use safetensors::Dtype;

use super::machine;
use super::pickle::{PickleError, PickleProblem};
use super::value::{Value, View};

/// A tensor of a state dict.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    /// The storage's name in the archive.
    pub storage: String,
    pub dtype: Dtype,
    /// Its first number in the storage.
    pub offset: usize,
    /// The number after its last one.
    pub end: usize,
    pub shape: Vec<usize>,
    /// None where it is row-major.
    pub strides: Option<Vec<usize>>,
}

/// The tensors that a pickle describes, by name.
pub(super) fn read(pickle: &[u8]) -> Result<BTreeMap<String, Tensor>, PickleError> {
    let (value, heap) = machine::run(pickle)?;
    let error = |message| PickleError { at: pickle.len(), problem: PickleProblem::Malformed(message) };
    let Value::Dict(dict) = value else {
        return Err(error(format!("holds {}, not a dict of tensors", value.name())));
    };
    let mut tensors = BTreeMap::new();
    for &(key, value) in &heap.dicts[dict] {
        let Value::Text(name) = key else {
            return Err(error(format!("a key is {}, not a text", key.name())));
        };
        let Value::Tensor(tensor) = value else {
            return Err(error(format!("`{name}` is {}, not a tensor", value.name())));
        };
        let tensor = locate(&heap.tensors[tensor]).map_err(|why| error(format!("tensor `{name}` {why}")))?;
        if tensors.insert(name.to_owned(), tensor).is_some() {
            return Err(error(format!("tensor `{name}` is there twice")));
        }
    }
    Ok(tensors)
}

/// Checks that a view lies inside its storage.
fn locate(view: &View<'_>) -> Result<Tensor, String> {
    let View { storage, offset, shape, strides } = view;
    let numbers = storage.numbers;
    let outside = || {
        format!(
            "of shape {shape:?}, strides {strides:?} and offset {offset} does not lie inside its storage of {numbers} numbers"
        )
    };
    let count = shape.iter().try_fold(1_usize, |all, &n| all.checked_mul(n)).ok_or_else(outside)?;
    // A view that names numbers several times could be of any size.
    if count > numbers {
        return Err(outside());
    }
    let last = shape
        .iter()
        .zip(strides)
        .try_fold(*offset, |at, (&n, &stride)| at.checked_add(n.saturating_sub(1).checked_mul(stride)?));
    let end = if count == 0 { Some(0) } else { last.and_then(|last| last.checked_add(1)) };
    let end = end.filter(|&end| end <= numbers).ok_or_else(outside)?;
    let offset = if count == 0 { 0 } else { *offset };
    let plain = count == 0 || row_major(shape).zip(strides).zip(shape).all(|((a, b), &n)| a == *b || n == 1);
    let strides = (!plain).then(|| strides.clone());
    Ok(Tensor {
        storage: storage.key.to_owned(),
        dtype: storage.dtype,
        offset,
        end,
        shape: shape.clone(),
        strides,
    })
}

/// The strides of a row-major tensor. Its numbers fit into memory.
fn row_major(shape: &[usize]) -> impl Iterator<Item = usize> {
    (1..=shape.len()).map(|from| shape[from..].iter().product())
}
