//! Stage `probe`: logistic regression on features, layer by layer.
//!
//! A linear probe asks how well the classes can be told apart by a linear classifier that sees
//! only one layer's features, the network itself untouched (Chen et al. 2020, *Generative
//! Pretraining from Pixels*, sections 3.4 and 4.2). The same probe on the same images is fitted to
//! every dumped layer of the trained network, to the same layers before training, and to the
//! pixels themselves, so that the three can be compared.
//!
//! Each probe is fitted on the train split. Its L2 strength is chosen on the validation split. The
//! test split only judges.
//!
//! | file | holds |
//! |---|---|
//! | `probes.parquet` | one row a probe and split: [`igpt_artifact::table::probe`] |
//! | `predictions.parquet` | what every probe says of every test image |
//! | `weights.safetensors` | every probe as a linear layer: [`weights`] |
//! | `depth.svg` | test accuracy against depth |
//! | `timing.json` | seconds a probe; volatile |
//!
//! The modules follow the data: `roster` fixes the images, `vectors` reads one layer,
//! `scaler` standardises it, `softmax` is the classifier, `solver` fits it, `probe` puts these together,
//! `pool` runs many probes side by side, `output` and `plot` write.

mod error;
mod output;
mod params;
mod plot;
mod pool;
mod probe;
mod roster;
mod scaler;
mod softmax;
mod solver;
mod stage;
mod vectors;
pub mod weights;

pub use error::{Error, Result};
pub use params::ProbeParams;
pub use probe::ProbeId;
pub use stage::ProbeStage;
