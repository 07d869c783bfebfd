//! The stage from end to end, on small data sets of every kind.

mod cifar;
mod common;
mod folder;
mod hf_parquet;
mod shapes;
