//! `preprocessor_config.json`: the palette and size, for Hugging Face's `ImageGPTImageProcessor`.

use std::path::Path;

use igpt_artifact::table::palette::Palette;
use igpt_artifact::table::{read_json, write_json};
use serde::Deserialize;
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

/// How an image becomes the tokens of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Processor {
    /// Its colours.
    pub palette: Palette,
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
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

/// Reads such a file; none where it is not there or names no colours.
///
/// # Errors
/// A file that is not JSON, or colours that are no palette.
pub fn read(path: &Path) -> Result<Option<Processor>> {
    if !path.exists() {
        return Ok(None);
    }
    let File { clusters, size } = read_json(path)?;
    let Some(clusters) = clusters else { return Ok(None) };
    let (height, width) = match size {
        Size::Square(side) => (side, side),
        Size::Sides { height, width } => (height, width),
    };
    Ok(Some(Processor { palette: Palette::checked(clusters, path)?, height, width }))
}

/// The keys that matter here.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    clusters: Option<Vec<[f32; 3]>>,
    #[serde(default)]
    size: Size,
}

/// Files from before 2022 give one number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Size {
    Square(usize),
    Sides { height: usize, width: usize },
}

impl Default for Size {
    /// As in `ImageGPTImageProcessor`.
    fn default() -> Self {
        Self::Square(256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_what_is_no_palette_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        assert_eq!(read(&path).unwrap(), None);
        let palette = Palette::new(vec![[-1.0, 0.0, 0.3], [1.0, 0.25, -0.5]]);
        write(&palette, 4, 5, dir.path()).unwrap();
        let wanted = Processor { palette: palette.clone(), height: 4, width: 5 };
        assert_eq!(read(&path).unwrap(), Some(wanted));
        let put = |text: &str| std::fs::write(&path, text).unwrap();
        put(r#"{"clusters": [[-1, 0, 0.3], [1, 0.25, -0.5]], "size": 32, "feature_extractor_type": "x"}"#);
        assert_eq!(read(&path).unwrap(), Some(Processor { palette, height: 32, width: 32 }));
        put(r#"{"clusters": null, "size": {"height": 4, "width": 4}}"#);
        assert_eq!(read(&path).unwrap(), None);
        for bad in [r#"{"clusters": [[0, 0, 2]]}"#, r#"{"clusters": []}"#, r#"{"clusters": [[0, 0]]}"#, "{"] {
            put(bad);
            let error = read(&path).unwrap_err();
            let said = format!("{error} {:?}", std::error::Error::source(&error));
            assert!(said.contains(FILE), "{said}");
        }
    }
}
