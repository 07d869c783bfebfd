//! Pieces of HTML and SVG that several sections use.

mod chart;
mod facts;
mod number;
mod picture;

use igpt_artifact::table::probe::Source;

pub(crate) use chart::{Axis, Chart, Mark, Series};
pub(crate) use facts::{facts, scroll};
pub(crate) use number::{bytes, count, decimal, json, metric, percent, seconds, utc};
pub(crate) use picture::{figure, picture};

/// What a probe looks at, in a word.
pub(crate) fn source_name(source: Source) -> &'static str {
    match source {
        Source::Model => "trained",
        Source::Untrained => "untrained",
        Source::Pixels => "pixels",
    }
}

/// How a class is called on the page.
pub(crate) fn class_name(label: Option<i64>, names: &[String]) -> String {
    match label {
        None => "unlabelled".into(),
        Some(label) => usize::try_from(label)
            .ok()
            .and_then(|i| names.get(i).cloned())
            .unwrap_or_else(|| format!("class {label}")),
    }
}
