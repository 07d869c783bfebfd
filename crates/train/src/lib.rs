//! What training stages share: everything between a batch of token rows and a step of Adam.
//!
//! - [`order`]: which images a step sees;
//! - [`augment`]: shifts and flips of them;
//! - [`rows`]: a batch before it is on a device;
//! - [`learner`]: what can be trained;
//! - [`gradient`]: the loss and gradient of a batch, on all threads, in little memory if need be;
//! - [`clip`]: gradients of bounded length;
//! - [`adam`]: the optimiser;
//! - [`trainer`]: a step;
//! - [`loss`]: the mean loss of some steps;
//! - [`params`]: what all trainings check in their parameters;
//! - [`schedule`]: its learning rate;
//! - [`history`]: the curve and the speed;
//! - [`checkpoint`]: what a killed training goes on from.

pub mod adam;
pub mod augment;
pub mod checkpoint;
pub mod clip;
mod error;
pub mod gradient;
pub mod history;
pub mod learner;
pub mod loss;
pub mod order;
pub mod params;
pub mod rows;
pub mod schedule;
pub mod trainer;

pub use adam::Adam;
pub use augment::Augment;
pub use checkpoint::Checkpoints;
pub use error::{Error, Result};
pub use history::{Clock, History};
pub use learner::{Examples, Learner};
pub use loss::LossSum;
pub use order::Order;
pub use rows::Rows;
pub use schedule::Schedule;
pub use trainer::{How, Trainer};
