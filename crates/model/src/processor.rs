//! `preprocessor_config.json`: the palette and size, for Hugging Face's `ImageGPTImageProcessor`.

use std::path::Path;

use igpt_artifact::table::palette::Palette;
use igpt_artifact::table::write_json;
use serde_json::json;

use crate::Result;

/// The file name in a model directory.
pub const FILE: &str = "preprocessor_config.json";

/// Copies that of another model directory, where it has one.
pub fn copy(from: &Path, artifact: &Path) -> Result<()> {
    let (from, to) = (from.join(FILE), artifact.join(FILE));
    if from.exists() {
        std::fs::copy(&from, &to).map_err(igpt_artifact::Error::io("copy", &from))?;
    }
    Ok(())
}

/// Writes what turns an image into the tokens of this network.
pub fn write(palette: &Palette, height: usize, width: usize, artifact: &Path) -> Result<()> {
    let value = json!({
        "clusters": palette.centers(),
        "do_color_quantize": true,
        "do_normalize": true,
        "do_resize": true,
        "image_processor_type": "ImageGPTImageProcessor",
        "resample": 2,
        "size": { "height": height, "width": width },
    });
    Ok(write_json(&artifact.join(FILE), &value)?)
}
