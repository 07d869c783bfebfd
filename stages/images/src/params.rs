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
    /// Where the images come from: `shapes` (drawn, no download), `hf-parquet`, `cifar`, `stl10`,
    /// `idx` (MNIST), `tar` (WebDataset), `imagenet` or `folder`.
    pub source: SourceKind,
    /// The folder of the data; for `hf-parquet` and `tar` also a single file. Not for `shapes`.
    pub path: Option<PathBuf>,
    /// Pixels a side of the square result, 1 to 256; at least 12 for `shapes`.
    pub size: usize,
    /// At most so many training images, taken before the validation share; a random subset.
    pub limit: Option<u64>,
    /// At most so many test images; a random subset.
    pub test_limit: Option<u64>,
    /// Share of the training images held out as validation, 0 to 1; 0 leaves the validation split
    /// empty. Without effect where the source has a validation split of its own. The paper takes
    /// 0.1, and 0.04 of ImageNet.
    pub validation: f64,
    /// Share of all images held out as test where the source has no test split of its own.
    pub test_share: f64,
    /// `hf-parquet`: the column of images; found by its type if not given.
    pub image_column: Option<String>,
    /// `hf-parquet`: the column of class indices; `label`, `fine_label` or `labels` if not given.
    pub label_column: Option<String>,
    /// `stl10`: which images are for training: `labeled` (default), `unlabeled` or `all`.
    pub part: Option<Part>,
    /// `tar`: the field of each sample's `json` file that holds the class index; from `cls` files
    /// if not given.
    pub label_key: Option<String>,
    /// `imagenet`: a file that orders and names the classes: `LOC_synset_mapping.txt`,
    /// `map_clsloc.txt` or `imagenet_class_index.json`; in the order of the folders if not given.
    pub class_map: Option<PathBuf>,
    /// `imagenet`: a file with the labels of the images in `val`, where these are in no class
    /// folders: `LOC_val_solution.csv`, or `ILSVRC2012_validation_ground_truth.txt` (whose numbers
    /// need `class_map: map_clsloc.txt`).
    pub val_labels: Option<PathBuf>,
    /// Random crops of each training image, 0 to 999, for pretraining; 0 takes the central square.
    /// Validation and test images are always the central square.
    pub crops: u32,
    /// `crops`: shortest and longest shorter side, in pixels, to which an image is scaled before
    /// cropping.
    pub crop_resize: [u32; 2],
    /// `crops`: side of the square that is cut out of the scaled image, in pixels, before it is
    /// brought to `size`.
    pub crop_size: u32,
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
    /// The binary version of STL-10.
    Stl10,
    /// IDX files of the MNIST family.
    Idx,
    /// Tar shards as WebDataset writes them.
    Tar,
    /// ImageNet's own folders, its `val` as test.
    Imagenet,
    /// JPEG and PNG files, one folder a class.
    Folder,
}

/// Which images of STL-10 are for training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// `train_X.bin`.
    #[default]
    Labeled,
    /// `unlabeled_X.bin`; its images have no label.
    Unlabeled,
    /// Both, labelled ones first.
    All,
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shapes => "shapes",
            Self::HfParquet => "hf-parquet",
            Self::Cifar => "cifar",
            Self::Stl10 => "stl10",
            Self::Idx => "idx",
            Self::Tar => "tar",
            Self::Imagenet => "imagenet",
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
            part: None,
            label_key: None,
            class_map: None,
            val_labels: None,
            crops: 0,
            crop_resize: [256, 384],
            crop_size: 224,
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
            let hint = "name the kind of data with source: hf-parquet, cifar, folder …; or remove path";
            return Err(Invalid::new("path", "shapes are drawn, they are not read from a path").hint(hint));
        }
        if !shapes && self.path.is_none() {
            let message = format!("source {} reads data from disk and needs a path", self.source);
            return Err(Invalid::new("path", message).hint("set path to the folder of the data"));
        }
        for (param, given, source) in [
            ("part", self.part.is_some(), SourceKind::Stl10),
            ("label_key", self.label_key.is_some(), SourceKind::Tar),
            ("class_map", self.class_map.is_some(), SourceKind::Imagenet),
            ("val_labels", self.val_labels.is_some(), SourceKind::Imagenet),
        ] {
            if given && self.source != source {
                let message = format!("only source {source} reads it, this is source {}", self.source);
                return Err(Invalid::new(param, message).hint(format!("remove {param}")));
            }
        }
        let smallest = if shapes { crate::shapes::MIN_SIZE } else { 1 };
        let size = format!("{} pixels a side, expected {smallest} to 256", self.size);
        Invalid::unless((smallest..=256).contains(&self.size), "size", size)?;
        Invalid::unless(self.limit != Some(0), "limit", "0 images, expected at least 1")?;
        Invalid::unless(self.test_limit != Some(0), "test_limit", "0 images, expected at least 1")?;
        let share = |value: f64| format!("a share of {value}, expected at least 0 and less than 1");
        Invalid::unless((0.0..1.0).contains(&self.validation), "validation", share(self.validation))?;
        Invalid::unless((0.0..1.0).contains(&self.test_share), "test_share", share(self.test_share))?;
        self.check_crops()?;
        Invalid::unless(!shapes || self.train > 0, "train", "0 images, expected at least 1")?;
        Invalid::unless(!shapes || self.test > 0, "test", "0 images, expected at least 1")
    }

    fn sources(&self) -> Vec<(&'static str, PathBuf)> {
        [("path", &self.path), ("class_map", &self.class_map), ("val_labels", &self.val_labels)]
            .into_iter()
            .filter_map(|(param, path)| Some((param, path.clone()?)))
            .collect()
    }

    fn anchor(&mut self, root: &Path) {
        for path in [&mut self.path, &mut self.class_map, &mut self.val_labels] {
            *path = path.take().map(|path| root.join(path));
        }
    }
}

impl ImagesParams {
    fn check_crops(&self) -> Result<(), Invalid> {
        let [shortest, longest] = self.crop_resize;
        Invalid::unless(self.crops < 1000, "crops", format!("{} crops, expected 0 to 999", self.crops))?;
        let size = format!("{} pixels a side, expected at least 1", self.crop_size);
        Invalid::unless(self.crop_size > 0, "crop_size", size)?;
        let order = format!("from {shortest} down to {longest} pixels, expected the smaller number first");
        Invalid::unless(shortest <= longest, "crop_resize", order)?;
        let fits = format!("{shortest} pixels are shorter than the crop of {} (crop_size)", self.crop_size);
        Invalid::unless(shortest >= self.crop_size, "crop_resize", fits)
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
        assert_eq!(refused(|p| p.crops = 1000), "crops");
        assert_eq!(refused(|p| p.crop_size = 0), "crop_size");
        assert_eq!(refused(|p| p.crop_size = 257), "crop_resize");
        assert_eq!(refused(|p| p.crop_resize = [300, 299]), "crop_resize");
        assert_eq!(refused(|p| p.train = 0), "train");
        assert_eq!(refused(|p| p.test = 0), "test");
    }

    #[test]
    fn parameters_of_another_source_are_refused() {
        assert_eq!(refused(|p| p.part = Some(Part::All)), "part");
        assert_eq!(refused(|p| p.label_key = Some("label".into())), "label_key");
        assert_eq!(refused(|p| p.class_map = Some("map.txt".into())), "class_map");
        assert_eq!(refused(|p| p.val_labels = Some("val.csv".into())), "val_labels");
        let (source, path) = (SourceKind::Stl10, Some("data".into()));
        let stl10 = ImagesParams { source, path, part: Some(Part::All), ..Default::default() };
        assert_eq!(stl10.check(), Ok(()));
    }

    #[test]
    fn a_relative_path_is_taken_from_the_pipeline_file() {
        let (path, class_map) = (Some("data".into()), Some("/lists/map.txt".into()));
        let mut params = ImagesParams { path, class_map, ..Default::default() };
        params.anchor(Path::new("/project"));
        let expected = [("path", "/project/data"), ("class_map", "/lists/map.txt")];
        assert_eq!(params.sources(), expected.map(|(param, path)| (param, PathBuf::from(path))));
    }

    #[test]
    fn names_are_kebab_case_and_unknown_ones_refused() {
        let params: ImagesParams =
            serde_json::from_str(r#"{"source": "hf-parquet", "contrast": "either"}"#).unwrap();
        assert_eq!((params.source, params.contrast), (SourceKind::HfParquet, Contrast::Either));
        assert!(serde_json::from_str::<ImagesParams>(r#"{"sise": 8}"#).is_err());
    }
}
