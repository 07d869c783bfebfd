//! Where every artifact came from.

mod layout;
mod trace;

pub(crate) use layout::{Layout, Route};
pub(crate) use trace::{Lineage, Node};
