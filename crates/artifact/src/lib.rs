//! What lies on disk between the stages of igpt.
//!
//! A stage leaves a directory behind that any other program can read. This crate says what
//! such a directory is:
//!
//! - [`kind`]: the kinds of artifact and the version of each one's format;
//! - [`table`]: the Parquet tables that stages share, their schemas, writers and readers;
//! - [`manifest`]: `manifest.json`, which makes a directory an artifact and is written last;
//! - [`key`]: the identity of a result, computed before it exists;
//! - [`store`]: where artifacts live, and how one appears whole or not at all;
//! - [`digest`], [`canonical`]: the hashing under all of it.
//!
//! Nothing here knows a stage, a tensor or a pipeline file.

pub mod canonical;
pub mod digest;
mod error;
pub mod fs;
pub mod key;
pub mod kind;
pub mod lock;
pub mod manifest;
pub mod store;
pub mod table;

pub use canonical::canonical_json;
pub use digest::Digest;
pub use error::{Error, Explain, Result, io_hint};
pub use key::{Key, KeyParts};
pub use kind::Kind;
pub use manifest::Manifest;
pub use store::{Artifact, Store, Work};
pub use table::split::Split;
