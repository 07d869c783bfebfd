//! The stage from end to end, on small data sets of every kind.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod cifar;
mod common;
mod crops;
mod folder;
mod hf_parquet;
mod idx;
mod imagenet;
mod shapes;
mod stl10;
mod tar;
