//! Stage `import-palette`.

use std::path::{Path, PathBuf};

use igpt_artifact::Kind;
use igpt_artifact::table::palette::{CENTERS_FILE, Palette};
use igpt_model::processor;
use igpt_stage::{Context, Input, Invalid, Params, Stage, Summary};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, path};

/// Takes colours that others have found.
#[derive(Clone, Copy, Debug)]
pub struct ImportPaletteStage;

/// Where the colours are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImportPaletteParams {
    /// `kmeans_centers.npy` (k × 3 floats in [-1, 1]), a `preprocessor_config.json` with `clusters`, or
    /// a folder with one of them.
    pub path: Option<PathBuf>,
}

impl Params for ImportPaletteParams {
    fn check(&self) -> Result<(), Invalid> {
        path::check(self.path.as_ref(), "kmeans_centers.npy or the folder of a model")
    }

    fn sources(&self) -> Vec<(&'static str, PathBuf)> {
        path::source(self.path.as_ref())
    }

    fn anchor(&mut self, root: &Path) {
        self.path = self.path.take().map(|path| root.join(path));
    }
}

impl Stage for ImportPaletteStage {
    const NAME: &'static str = "import-palette";
    const ABOUT: &'static str = "take the colours of kmeans_centers.npy or of a Hugging Face directory";
    const KIND: Kind = Kind::Palette;
    const INPUTS: &'static [Input] = &[];
    type Params = ImportPaletteParams;
    type Error = Error;

    fn run(context: &Context<'_>, params: &ImportPaletteParams) -> Result<Summary, Error> {
        let palette = find(path::get(params.path.as_ref())?)?;
        palette.write(context.out)?;
        Ok(Summary::default().with("colours", palette.len()))
    }
}

/// The colours in a file, or in a folder.
fn find(path: &Path) -> Result<Palette, Error> {
    let none = || Error::NoPalette { path: path.to_path_buf() };
    if path.is_dir() {
        let (centers, json) = (path.join(CENTERS_FILE), path.join(processor::FILE));
        return if centers.exists() {
            Ok(Palette::read(&centers)?)
        } else {
            from_json(&json)?.ok_or_else(none)
        };
    }
    match path.extension() {
        Some(extension) if extension == "json" => from_json(path)?.ok_or_else(none),
        _ => Ok(Palette::read(path)?),
    }
}

fn from_json(path: &Path) -> Result<Option<Palette>, Error> {
    Ok(processor::read(path)?.map(|processor| processor.palette))
}
