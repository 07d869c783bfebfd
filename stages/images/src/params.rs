//! What the user can set.

use std::fmt;
use std::path::{Path, PathBuf};

use igpt_stage::{Invalid, Params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shapes::Contrast;

/// Parameters of the stage `images`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImagesParams {
    /// Where the images come from: `shapes` (drawn, no download), `hf-parquet`, `cifar` or `folder`.
    pub source: SourceKind,
    /// The folder of the data; for `hf-parquet` also a single file. Not for `shapes`.
    pub path: Option<PathBuf>,
    /// Pixels a side of the square result, 1 to 256; at least 12 for `shapes`.
    pub size: usize,
    /// At most so many training images, taken before the validation share; a random subset.
    pub limit: Option<u64>,
    /// At most so many test images; a random subset.
    pub test_limit: Option<u64>,
    /// Share of the training images held out as validation, 0 to 1; 0 leaves the validation split
    /// empty. Without effect where the source has a validation split of its own.
    pub validation: f64,
    /// Share of all images held out as test where the source has no test split of its own.
    pub test_share: f64,
    /// `hf-parquet`: the column of images; found by its type if not given.
    pub image_column: Option<String>,
    /// `hf-parquet`: the column of class indices; `label`, `fine_label` or `labels` if not given.
    pub label_column: Option<String>,
    /// `shapes`: images to draw for training and validation together.
    pub train: u64,
    /// `shapes`: images to draw for test.
    pub test: u64,
    /// `shapes`: which is the lighter, figure or ground: `light-on-dark` or `either`.
    pub contrast: Contrast,
}

/// Where images come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// Drawn: ten classes of shapes and textures.
    #[default]
    Shapes,
    /// `{train,validation,test}-*.parquet` as on the Hugging Face hub.
    HfParquet,
    /// The binary version of CIFAR-10 or CIFAR-100.
    Cifar,
    /// JPEG and PNG files, one folder a class.
    Folder,
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shapes => "shapes",
            Self::HfParquet => "hf-parquet",
            Self::Cifar => "cifar",
            Self::Folder => "folder",
        })
    }
}

impl Default for ImagesParams {
    fn default() -> Self {
        Self {
            source: SourceKind::Shapes,
            path: None,
            size: 16,
            limit: None,
            test_limit: None,
            validation: 0.1,
            test_share: 0.1,
            image_column: None,
            label_column: None,
            train: 6000,
            test: 1000,
            contrast: Contrast::LightOnDark,
        }
    }
}

impl Params for ImagesParams {
    fn check(&self) -> Result<(), Invalid> {
        let shapes = self.source == SourceKind::Shapes;
        if shapes && self.path.is_some() {
            let hint = "name the kind of data with source: hf-parquet, cifar or folder; or remove path";
            return Err(Invalid::new("path", "shapes are drawn, they are not read from a path").hint(hint));
        }
        if !shapes && self.path.is_none() {
            let message = format!("source {} reads data from disk and needs a path", self.source);
            return Err(Invalid::new("path", message).hint("set path to the folder of the data"));
        }
        let smallest = if shapes { crate::shapes::MIN_SIZE } else { 1 };
        let size = format!("{} pixels a side, expected {smallest} to 256", self.size);
        Invalid::unless((smallest..=256).contains(&self.size), "size", size)?;
        Invalid::unless(self.limit != Some(0), "limit", "0 images, expected at least 1")?;
        Invalid::unless(self.test_limit != Some(0), "test_limit", "0 images, expected at least 1")?;
        let share = |value: f64| format!("a share of {value}, expected at least 0 and less than 1");
        Invalid::unless((0.0..1.0).contains(&self.validation), "validation", share(self.validation))?;
        Invalid::unless((0.0..1.0).contains(&self.test_share), "test_share", share(self.test_share))?;
        Invalid::unless(!shapes || self.train > 0, "train", "0 images, expected at least 1")?;
        Invalid::unless(!shapes || self.test > 0, "test", "0 images, expected at least 1")
    }

    fn sources(&self) -> Vec<(&'static str, PathBuf)> {
        self.path.iter().map(|path| ("path", path.clone())).collect()
    }

    fn anchor(&mut self, root: &Path) {
        self.path = self.path.take().map(|path| root.join(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut ImagesParams)) -> &'static str {
        let mut params = ImagesParams::default();
        change(&mut params);
        params.check().unwrap_err().param
    }

    #[test]
    fn defaults_are_valid_and_draw_shapes() {
        let params = ImagesParams::default();
        assert_eq!(params.check(), Ok(()));
        assert!(params.sources().is_empty());
    }

    #[test]
    fn senseless_values_are_refused_by_name() {
        assert_eq!(refused(|p| p.source = SourceKind::Cifar), "path");
        assert_eq!(refused(|p| p.path = Some("data".into())), "path");
        assert_eq!(refused(|p| p.size = 0), "size");
        assert_eq!(refused(|p| p.size = 257), "size");
        assert_eq!(refused(|p| p.size = 11), "size");
        assert_eq!(refused(|p| p.limit = Some(0)), "limit");
        assert_eq!(refused(|p| p.test_limit = Some(0)), "test_limit");
        assert_eq!(refused(|p| p.validation = 1.0), "validation");
        assert_eq!(refused(|p| p.validation = f64::NAN), "validation");
        assert_eq!(refused(|p| p.test_share = -0.1), "test_share");
        assert_eq!(refused(|p| p.train = 0), "train");
        assert_eq!(refused(|p| p.test = 0), "test");
    }

    #[test]
    fn a_relative_path_is_taken_from_the_pipeline_file() {
        let mut params = ImagesParams { path: Some("data".into()), ..Default::default() };
        params.anchor(Path::new("/project"));
        assert_eq!(params.sources(), [("path", PathBuf::from("/project/data"))]);
    }

    #[test]
    fn names_are_kebab_case_and_unknown_ones_refused() {
        let params: ImagesParams =
            serde_json::from_str(r#"{"source": "hf-parquet", "contrast": "either"}"#).unwrap();
        assert_eq!((params.source, params.contrast), (SourceKind::HfParquet, Contrast::Either));
        assert!(serde_json::from_str::<ImagesParams>(r#"{"sise": 8}"#).is_err());
    }
}
