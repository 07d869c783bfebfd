//! The parts of the page, one module each. A part is left out when its artifact is not there.

mod classes;
mod comparison;
mod data;
mod depth;
pub(crate) mod headline;
mod lineage;
mod low_data;
mod palette;
mod provenance;
mod samples;
mod training;

use maud::Markup;

use crate::read::Run;

/// A section of the page.
pub(crate) struct Part {
    /// Its anchor.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) body: Markup,
}

/// The sections that this run can fill, in reading order: results first, then what they were
/// made from.
pub(crate) fn all(run: &Run) -> Vec<Part> {
    let parts = [
        ("results", "Results", headline::body(run)),
        ("training", "Training", training::body(run)),
        ("samples", "Samples", samples::body(run)),
        ("depth", "Quality by depth", depth::body(run)),
        ("low-data", "Few labels", low_data::body(run)),
        ("comparison", "Networks compared", comparison::body(run)),
        ("classes", "Class by class", classes::body(run)),
        ("images", "Images", data::body(run)),
        ("palette", "Palette", palette::body(run)),
        ("provenance", "How it was made", Some(provenance::body(&run.lineage))),
    ];
    parts.into_iter().filter_map(|(id, title, body)| Some(Part { id, title, body: body? })).collect()
}
