//! Files of class names, one a line.

use std::path::Path;

use igpt_artifact::Error as DiskError;

use crate::{Error, Place};

/// The names in a file, blank lines left out; none if the file is not there. A data set whose
/// number of classes is known is given with its name.
pub(super) fn class_names(
    path: &Path,
    expected: Option<(usize, &'static str)>,
) -> Result<Vec<String>, Error> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(path).map_err(DiskError::io("read", path))?;
    let lines: Vec<_> = text
        .lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty())
        .collect();
    if let Some((expected, format)) = expected.filter(|(expected, _)| lines.len() != *expected) {
        let line = lines.last().map_or(1, |(line, _)| *line);
        return Err(Error::ClassNames {
            path: path.to_path_buf(),
            line,
            found: lines.len(),
            expected,
            format,
        });
    }
    Ok(lines.into_iter().map(|(_, name)| name.to_owned()).collect())
}

/// Checks that a label is a class index: not negative, and within the names if there are any.
pub(super) fn check_label(label: i64, classes: &[String], place: &Place) -> Result<(), Error> {
    let known = classes.len() as i64;
    if label >= 0 && (known == 0 || label < known) {
        return Ok(());
    }
    let expected =
        if known > 0 { format!("0 to {}, or null", known - 1) } else { "at least 0, or null".to_owned() };
    Err(Error::Label { place: place.clone(), label, expected })
}
