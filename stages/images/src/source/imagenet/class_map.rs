//! Which classes there are, in which order, and what they are called.
//!
//! | file | a class in it | order |
//! |---|---|---|
//! | `LOC_synset_mapping.txt`, `synset_words.txt` | `n01440764 tench, Tinca tinca` | of the lines |
//! | `map_clsloc.txt` of the development kit | `n02119789 1 kit_fox` | of the numbers, from 1 |
//! | `imagenet_class_index.json` | `"0": ["n01440764", "tench"]` | of the numbers, from 0 |

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use igpt_artifact::Error as DiskError;

use super::ImagenetError;
use crate::Error;

/// Classes in order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClassMap {
    /// The name of each class's folder.
    pub(super) synsets: Vec<String>,
    /// What each class is called.
    pub(super) names: Vec<String>,
    /// Whether the file gives the numbers of the development kit, 1 for the first class.
    pub(super) numbered: bool,
}

impl ClassMap {
    /// Reads a file in one of the three forms; a JSON file is told by its extension.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(DiskError::io("read", path))?;
        let map = if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) {
            json(path, &text)?
        } else {
            lines(path, &text)?
        };
        let mut seen = HashSet::new();
        let twice = map.synsets.iter().find(|synset| !seen.insert(synset.as_str()));
        match (twice, map.synsets.is_empty()) {
            (Some(synset), _) => Err(map_error(path, format!("class `{synset}` twice")).into()),
            (None, true) => Err(map_error(path, "no classes".into()).into()),
            (None, false) => Ok(map),
        }
    }
}

fn map_error(path: &Path, message: String) -> ImagenetError {
    ImagenetError::ClassMap { path: path.to_path_buf(), message }
}

fn json(path: &Path, text: &str) -> Result<ClassMap, ImagenetError> {
    let classes: BTreeMap<String, (String, String)> =
        serde_json::from_str(text).map_err(|source| ImagenetError::Json { path: path.into(), source })?;
    let take = |i: usize| {
        let missing = || map_error(path, format!("{} classes, but none with the number {i}", classes.len()));
        classes.get(&i.to_string()).cloned().ok_or_else(missing)
    };
    let (synsets, names) = (0..classes.len()).map(take).collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    Ok(ClassMap { synsets, names, numbered: false })
}

fn lines(path: &Path, text: &str) -> Result<ClassMap, ImagenetError> {
    let mut classes = Vec::new();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |message| ImagenetError::Line { path: path.to_path_buf(), line: i + 1, message };
        let (synset, name) = line
            .trim()
            .split_once(char::is_whitespace)
            .ok_or_else(|| wrong(format!("`{}`, expected a synset and a name", line.trim())))?;
        let name = name.trim();
        let numbered = name.split_once(char::is_whitespace).and_then(|(number, name)| {
            Some((number.parse::<usize>().ok().filter(|&number| number > 0)?, name.trim()))
        });
        classes.push((synset.to_owned(), name.to_owned(), numbered.map(|(n, name)| (n, name.to_owned()))));
    }
    // A few names might begin with a number; in a numbered file every line has one.
    if !classes.is_empty() && classes.iter().all(|(_, _, numbered)| numbered.is_some()) {
        let mut ordered: Vec<_> =
            classes.into_iter().filter_map(|(synset, _, numbered)| Some((numbered?, synset))).collect();
        ordered.sort();
        if let Some(i) = ordered.iter().enumerate().position(|(i, ((number, _), _))| *number != i + 1) {
            let message = format!("{} classes, but none or several with the number {}", ordered.len(), i + 1);
            return Err(map_error(path, message));
        }
        let (synsets, names) = ordered.into_iter().map(|((_, name), synset)| (synset, name)).unzip();
        return Ok(ClassMap { synsets, names, numbered: true });
    }
    let (synsets, names) = classes.into_iter().map(|(synset, name, _)| (synset, name)).unzip();
    Ok(ClassMap { synsets, names, numbered: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, text: &str) -> Result<(Vec<String>, Vec<String>, bool), String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(file);
        std::fs::write(&path, text).unwrap();
        ClassMap::read(&path).map(|map| (map.synsets, map.names, map.numbered)).map_err(|e| e.to_string())
    }

    fn map(
        synsets: [&str; 2],
        names: [&str; 2],
        numbered: bool,
    ) -> Result<(Vec<String>, Vec<String>, bool), String> {
        let own = |texts: [&str; 2]| texts.map(str::to_owned).to_vec();
        Ok((own(synsets), own(names), numbered))
    }

    #[test]
    fn every_published_form_is_read() {
        let lines = "n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius auratus\n\n";
        let expected =
            map(["n01440764", "n01443537"], ["tench, Tinca tinca", "goldfish, Carassius auratus"], false);
        assert_eq!(read("LOC_synset_mapping.txt", lines), expected);
        let numbered = "n02100735 2 English_setter\nn02119789 1 kit_fox\n";
        let expected = map(["n02119789", "n02100735"], ["kit_fox", "English_setter"], true);
        assert_eq!(read("map_clsloc.txt", numbered), expected);
        let json = r#"{"1": ["n01443537", "goldfish"], "0": ["n01440764", "tench"]}"#;
        let expected = map(["n01440764", "n01443537"], ["tench", "goldfish"], false);
        assert_eq!(read("imagenet_class_index.json", json), expected);
    }

    #[test]
    fn other_files_are_explained() {
        let error = |file, text| read(file, text).unwrap_err();
        assert!(
            error("m.txt", "n01 a\nn02\n").ends_with("m.txt, line 2: `n02`, expected a synset and a name")
        );
        assert!(error("m.txt", "n01 a\nn01 b\n").ends_with("class `n01` twice"));
        assert!(error("m.txt", "\n").ends_with("no classes"));
        assert!(error("m.txt", "n01 1 a\nn02 3 b\n").ends_with("none or several with the number 2"));
        assert!(error("m.json", r#"{"1": ["n01", "a"]}"#).ends_with("1 classes, but none with the number 0"));
        assert!(error("m.json", "[]").ends_with("m.json: not a class index"));
    }
}
