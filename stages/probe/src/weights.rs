//! `weights.safetensors`: every probe as a linear layer on the values as they are stored.
//!
//! Three tensors a probe on all labels, under the prefix `model.3`, `untrained.3` (source and layer),
//! `model.3.layers5` (5 layers around layer 3, which `probe.json` lists in their order) or `pixels`:
//!
//! | tensor | shape | type | |
//! |---|---|---|---|
//! | `….weight` | classes × dims | f64 | rows as in PyTorch's `nn.Linear` |
//! | `….bias` | classes | f64 | |
//! | `….classes` | classes | i64 | the label that each row stands for, ascending |
//!
//! Standardisation is folded in: `features @ weight.T + bias` are the logits of features as they stand
//! in the features artifact, or of pixels scaled to `byte / 127.5 − 1`.

use std::path::Path;

use igpt_artifact::table::probe::ProbeId;
use safetensors::tensor::{Dtype, TensorView};

use crate::error::{Error, Result};
use crate::scaler::Scaler;
use crate::softmax::Softmax;

/// The weights' file in a probe artifact.
pub const WEIGHTS_FILE: &str = "weights.safetensors";

/// A probe as a linear layer, with its tensors' bytes in little-endian order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Linear {
    prefix: String,
    dims: usize,
    classes: usize,
    weight: Vec<u8>,
    bias: Vec<u8>,
    labels: Vec<u8>,
}

impl Linear {
    /// Folds a scaler into the classifier that was fitted behind it.
    pub(crate) fn new(id: ProbeId, model: &Softmax, scaler: &Scaler, labels: &[i64]) -> Self {
        // ((x − mean) / scale) · W + b = x · (W / scale) + (b − mean · (W / scale))
        let weight = model.weights().t().to_owned() / &scaler.scale;
        let bias = model.intercepts().to_owned() - weight.dot(&scaler.mean);
        let source = id.source.name();
        let prefix = match (id.layer, id.layers) {
            (Some(layer), Some(layers)) if layers > 1 => format!("{source}.{layer}.layers{layers}"),
            (Some(layer), _) => format!("{source}.{layer}"),
            (None, _) => source.to_owned(),
        };
        Self {
            prefix,
            dims: weight.ncols(),
            classes: weight.nrows(),
            weight: weight.iter().flat_map(|w| w.to_le_bytes()).collect(),
            bias: bias.iter().flat_map(|b| b.to_le_bytes()).collect(),
            labels: labels.iter().flat_map(|label| label.to_le_bytes()).collect(),
        }
    }

    fn tensors(&self) -> Result<[(String, TensorView<'_>); 3], safetensors::SafeTensorError> {
        let name = |tensor: &str| format!("{}.{tensor}", self.prefix);
        Ok([
            (name("weight"), TensorView::new(Dtype::F64, vec![self.classes, self.dims], &self.weight)?),
            (name("bias"), TensorView::new(Dtype::F64, vec![self.classes], &self.bias)?),
            (name("classes"), TensorView::new(Dtype::I64, vec![self.classes], &self.labels)?),
        ])
    }
}

/// Writes `weights.safetensors` into an artifact directory.
pub(crate) fn write<'a>(artifact: &Path, layers: impl Iterator<Item = &'a Linear>) -> Result<()> {
    let path = artifact.join(WEIGHTS_FILE);
    let write = || {
        let tensors: Vec<_> = layers.map(Linear::tensors).collect::<Result<_, _>>()?;
        safetensors::serialize_to_file(tensors.into_iter().flatten(), None, &path)
    };
    write().map_err(|source| match source {
        safetensors::SafeTensorError::IoError(source) => {
            igpt_artifact::Error::Io { doing: "write", path: path.clone(), source }.into()
        }
        source => Error::Weights { path: path.clone(), source },
    })
}
