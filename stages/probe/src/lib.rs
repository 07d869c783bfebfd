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
//! Once the best single layer is known, again by validation, further probes look at it on request: at
//! several layers around it side by side (of the trained network alone), and at random subsets with few
//! labels a class (of every source).
//!
//! | file | holds |
//! |---|---|
//! | `probes.parquet` | one row a probe and split: [`igpt_artifact::table::probe`] |
//! | `predictions.parquet` | what every probe on all labels says of every test image |
//! | `low_data.parquet`, `subsets.parquet` | few labels: means and deviations, and the images drawn |
//! | `probe.json` | which networks were probed |
//! | `weights.safetensors` | every probe on all labels as a linear layer: [`weights`] |
//! | `depth.svg` | test accuracy against depth |
//! | `timing.json` | seconds a probe; volatile |
//!
//! The modules follow the data: `roster` fixes the images, `concat` and `low_data` say what the further
//! probes look at, `job` is one probe. `exact` fits it with a `solver`
//! (`objective` is what `lbfgs` minimises) to `rows`: vectors that `scaler` standardises, held in memory as
//! `vectors` reads them or read anew from a `stream`, as `budget` allows. `sgd` fits it to minibatches from such a
//! stream. `softmax` is the classifier of both. `pool` runs many probes side by side, `output` and `plot` write.

mod budget;
mod concat;
mod error;
mod exact;
mod job;
mod low_data;
pub mod objective;
mod output;
mod params;
mod plot;
mod pool;
mod roster;
pub mod rows;
mod scaler;
mod sgd;
mod softmax;
pub mod solver;
mod stage;
mod stream;
mod vectors;
pub mod weights;

pub use error::{Error, Result};
pub use params::{LowData, ProbeParams, Sgd, SolverName};
pub use softmax::Softmax;
pub use stage::ProbeStage;
