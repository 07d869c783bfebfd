//! Stage `report`: one page that shows a run.
//!
//! `index.html` stands alone: style, pictures and plots are inside it, it has no script and asks
//! the network for nothing. It is made in three steps, one module each:
//!
//! - `read`: artifacts into plain values; tables are queried with polars;
//! - `sections`: values into the parts of the page, one module a section;
//! - `page`: the parts into a document.
//!
//! `view` holds what sections share (charts, pictures, number formats) and `lineage` follows
//! every artifact back to where it came from. HTML is written with maud, which escapes every
//! text that is spliced in.
//!
//! A section appears when its artifact is there. Everything shown is taken from the artifacts
//! and their manifests, so the same artifacts give the same bytes.

mod error;
mod lineage;
mod page;
mod params;
mod read;
mod sections;
mod view;

pub use error::Error;
pub use params::ReportParams;

use igpt_artifact::{Error as ArtifactError, Kind};
use igpt_stage::{Context, Input, Stage, Summary};

/// The page's file in a report artifact.
pub const INDEX_FILE: &str = "index.html";

/// Gathers a run into one page.
#[derive(Clone, Copy, Debug)]
pub struct ReportStage;

impl Stage for ReportStage {
    const NAME: &'static str = "report";
    const ABOUT: &'static str = "shows a run in one self-contained page";
    const KIND: Kind = Kind::Report;
    const INPUTS: &'static [Input] = &[
        Input::if_present(Kind::Images),
        Input::if_present(Kind::Palette),
        Input::if_present(Kind::Tokens),
        Input::if_present(Kind::Model),
        Input::if_present(Kind::Features),
        Input::if_present(Kind::Probe),
        Input::if_present(Kind::Samples),
        Input::if_present(Kind::Classifier),
        Input::if_present(Kind::Comparison),
    ];
    type Params = ReportParams;
    type Error = Error;

    fn run(context: &Context<'_>, params: &ReportParams) -> Result<Summary, Error> {
        if context.inputs.is_empty() {
            return Err(Error::NothingToShow);
        }
        let run = read::Run::read(context)?;
        let parts = sections::all(&run);
        let html = page::document(&params.title, &run, &parts).into_string();
        let path = context.out.join(INDEX_FILE);
        std::fs::write(&path, &html).map_err(ArtifactError::io("write", path))?;
        Ok(Summary::default().with("sections", parts.len()).with("bytes", html.len()))
    }
}
