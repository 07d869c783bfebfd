//! The labels of the official validation images.
//!
//! Either `LOC_val_solution.csv`, a line of which names an image and the synset of each box in it
//! (`ILSVRC2012_val_00048981,n03995372 85 1 499 272`), or
//! `ILSVRC2012_validation_ground_truth.txt`, whose n-th line is the number of the n-th image's
//! class.
//!
//! Those numbers follow the development kit, in which 1 is the kit fox, not the alphabet of
//! synsets, in which the first is the tench. Only a class map that has them can say what they
//! mean: any other would give every image a wrong label without a word.

use std::collections::HashMap;
use std::path::Path;

use igpt_artifact::Error as DiskError;

use super::ImagenetError;
use super::class_map::ClassMap;
use crate::Error;

/// Class indices of the validation images.
#[derive(Debug)]
pub(super) enum ValLabels {
    /// By the name of the image without its extension.
    ByName(HashMap<String, usize>),
    /// By the number at the end of that name, counted from 1.
    ByNumber(Vec<usize>),
}

impl ValLabels {
    /// Reads a file of labels. One with commas in it is taken for the CSV file.
    pub(super) fn read(path: &Path, map: &ClassMap) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(DiskError::io("read", path))?;
        // Without blank lines at the end; within the list they would shift what follows.
        let lines = text.trim_end().lines().enumerate();
        let wrong = |i, message| ImagenetError::Line { path: path.to_path_buf(), line: i + 1, message };
        if !text.contains(',') {
            if !map.numbered {
                return Err(ImagenetError::Unnumbered { path: path.to_path_buf() }.into());
            }
            let classes = map.synsets.len();
            let class = |(i, line): (usize, &str)| {
                let number =
                    line.trim().parse::<usize>().ok().filter(|number| (1..=classes).contains(number));
                let message = || format!("`{}`, expected a class number from 1 to {classes}", line.trim());
                number.map(|number| number - 1).ok_or_else(|| wrong(i, message()).into())
            };
            return lines.map(class).collect::<Result<_, Error>>().map(Self::ByNumber);
        }
        let index = map.index();
        let mut by_name = HashMap::new();
        for (i, line) in lines {
            let (image, boxes) = line
                .split_once(',')
                .ok_or_else(|| wrong(i, format!("`{line}`, expected an image, a comma and its boxes")))?;
            if image.trim() == "ImageId" {
                continue;
            }
            let synset = boxes.split_whitespace().next().unwrap_or_default();
            let Some(&class) = index.get(synset) else {
                return Err(wrong(i, format!("class `{synset}` is not in the class map")).into());
            };
            if by_name.insert(image.trim().to_owned(), class).is_some() {
                return Err(wrong(i, format!("image `{}` twice", image.trim())).into());
            }
        }
        Ok(Self::ByName(by_name))
    }

    /// The class of the image with this name (without extension).
    pub(super) fn of(&self, stem: &str) -> Option<usize> {
        match self {
            Self::ByName(classes) => classes.get(stem).copied(),
            Self::ByNumber(classes) => {
                let digits = stem.rsplit(|c: char| !c.is_ascii_digit()).next()?;
                classes.get(digits.parse::<usize>().ok()?.checked_sub(1)?).copied()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, numbered: bool) -> Result<ValLabels, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("labels");
        std::fs::write(&path, text).unwrap();
        let synsets: Vec<_> = ["n03", "n01", "n02"].map(str::to_owned).into();
        let map = ClassMap { names: synsets.clone(), synsets, numbered };
        ValLabels::read(&path, &map).map_err(|e| e.to_string())
    }

    #[test]
    fn both_forms_give_the_place_in_the_class_map() {
        let csv =
            "ImageId,PredictionString\nILSVRC2012_val_00000002,n01 1 2 3 4 n01 5 6 7 8 \nx,n02 1 2 3 4\n";
        let labels = read(csv, false).unwrap();
        assert_eq!(labels.of("ILSVRC2012_val_00000002"), Some(1));
        assert_eq!((labels.of("x"), labels.of("y")), (Some(2), None));
        let labels = read("3\n1\n2\n", true).unwrap();
        assert_eq!(labels.of("ILSVRC2012_val_00000001"), Some(2));
        assert_eq!(labels.of("ILSVRC2012_val_00000002"), Some(0));
        assert_eq!(
            (labels.of("ILSVRC2012_val_00000004"), labels.of("é"), labels.of("0")),
            (None, None, None)
        );
    }

    #[test]
    fn wrong_lines_are_named() {
        let error = |text, numbered| read(text, numbered).unwrap_err();
        assert!(error("1\n4\n", true).ends_with("labels, line 2: `4`, expected a class number from 1 to 3"));
        assert!(error("1\n\n2\n", true).contains("line 2: ``, expected a class number"));
        assert!(error("0\n", true).contains("line 1: `0`"));
        assert!(error("1\n", false).contains("the class map has no numbers"));
        assert!(error("a,n09 1\n", false).ends_with("line 1: class `n09` is not in the class map"));
        assert!(error("a,n01\nb\n", false).contains("line 2: `b`, expected an image"));
        assert!(error("a,n01\na,n02\n", false).ends_with("line 2: image `a` twice"));
    }
}
