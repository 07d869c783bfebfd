//! What can go wrong with ImageNet's folders and lists.

use std::path::PathBuf;

use igpt_artifact::Explain;

/// An error about ImageNet's folders, class map or validation labels.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImagenetError {
    /// A class map is not complete.
    #[error("{}: {message}", path.display())]
    ClassMap {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A class map in JSON is of another form.
    #[error("{}: not a class index", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A line of a class map or of a list of labels makes no sense.
    #[error("{}, line {line}: {message}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is there, and what was expected.
        message: String,
    },
    /// A class folder that the class map does not have.
    #[error("{}: no class `{class}` in {}", path.display(), map.display())]
    Unmapped {
        /// The folder.
        path: PathBuf,
        /// Its name.
        class: String,
        /// The class map.
        map: PathBuf,
    },
    /// Validation images lie flat and nothing says their labels.
    #[error("{}: images without class folders and without labels", path.display())]
    NoLabels {
        /// The folder.
        path: PathBuf,
    },
    /// Validation images lie in class folders and there is a list of labels besides.
    #[error("{}: class folders, which already say the labels that val_labels gives", path.display())]
    LabelsTwice {
        /// The folder.
        path: PathBuf,
    },
    /// A list of class numbers, and nothing that says which classes they are.
    #[error("{}: numbers of classes, but the class map has no numbers", path.display())]
    Unnumbered {
        /// The list.
        path: PathBuf,
    },
    /// A validation image that the list of labels does not have.
    #[error("{}: no label in {}", path.display(), labels.display())]
    NoLabel {
        /// The image.
        path: PathBuf,
        /// The list.
        labels: PathBuf,
    },
}

impl Explain for ImagenetError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::ClassMap { .. } | Self::Json { .. } => {
                "a class map is LOC_synset_mapping.txt, map_clsloc.txt or imagenet_class_index.json"
            }
            Self::Line { .. } => {
                "class_map is LOC_synset_mapping.txt, map_clsloc.txt or imagenet_class_index.json; val_labels is \
                 LOC_val_solution.csv or ILSVRC2012_validation_ground_truth.txt"
            }
            Self::Unmapped { .. } => "every class folder needs an entry in the class map",
            Self::NoLabels { .. } => {
                "set val_labels to LOC_val_solution.csv, or to ILSVRC2012_validation_ground_truth.txt together \
                 with class_map: map_clsloc.txt; or sort the images into class folders"
            }
            Self::LabelsTwice { .. } => "remove val_labels",
            Self::Unnumbered { .. } => {
                "the numbers are the development kit's, not places in the alphabet: set class_map to its \
                 map_clsloc.txt, or val_labels to LOC_val_solution.csv"
            }
            Self::NoLabel { .. } => "the list may be of other images",
        };
        Some(hint.to_owned())
    }
}
