//! From the files in a shard to samples.

use std::path::Path;

use super::TarError;
use super::members::{self, Member, place};
use crate::Error;

/// The longest image file that is read: an uncompressed PNG of the largest image allowed.
const MAX_IMAGE: u64 = 256 << 20;
/// The longest label file that is read.
const MAX_LABEL: u64 = 1 << 20;

/// Where a sample lies in its shard.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// The name of the image file.
    pub(super) name: Box<str>,
    pub(super) image: Span,
    pub(super) label: Option<Span>,
}

/// The content of a file in an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Of its first byte, from the start of the archive.
    pub(super) offset: u64,
    pub(super) bytes: u32,
}

/// A sample of which more files may follow.
struct Open {
    key: String,
    first: String,
    image: Option<(String, Span)>,
    label: Option<Span>,
}

/// The samples of a shard in order; labels are the files with the extension `label`.
pub(super) fn index(shard: &Path, label: &str) -> Result<Vec<Sample>, Error> {
    let mut samples = Vec::new();
    let mut open: Option<Open> = None;
    members::for_each(shard, |member| {
        let (key, extension) = key(&member.name);
        // Hidden files, such as those that macOS adds, and a README are of no sample.
        if key.is_empty() || key.ends_with('/') || extension.is_empty() {
            return Ok(());
        }
        if open.as_ref().is_none_or(|open| open.key != key) {
            let next = Open { key: key.to_owned(), first: member.name.clone(), image: None, label: None };
            close(shard, open.replace(next), &mut samples)?;
        }
        let extension = extension.to_ascii_lowercase();
        open.as_mut().map_or(Ok(()), |open| open.add(shard, member, &extension, label))?;
        Ok(())
    })?;
    close(shard, open, &mut samples)?;
    Ok(samples)
}

impl Open {
    fn add(&mut self, shard: &Path, member: Member, extension: &str, label: &str) -> Result<(), TarError> {
        let twice = |what| TarError::Twice { place: place(shard, &member.name), what };
        if matches!(extension, "jpg" | "jpeg" | "png") {
            if self.image.is_some() {
                return Err(twice("image"));
            }
            let span = member.span(shard, MAX_IMAGE)?;
            self.image = Some((member.name, span));
        } else if extension == label {
            if self.label.is_some() {
                return Err(twice("label"));
            }
            self.label = Some(member.span(shard, MAX_LABEL)?);
        }
        Ok(())
    }
}

fn close(shard: &Path, open: Option<Open>, samples: &mut Vec<Sample>) -> Result<(), TarError> {
    let Some(Open { first, image, label, .. }) = open else { return Ok(()) };
    let (name, image) = image.ok_or_else(|| TarError::NoImage { place: place(shard, &first) })?;
    samples.push(Sample { name: name.into(), image, label });
    Ok(())
}

/// Cuts a name at the first dot of its last part: `a.b/0017.seg.png` → (`a.b/0017`, `seg.png`).
pub(super) fn key(name: &str) -> (&str, &str) {
    let file = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[file..].find('.') {
        Some(dot) => (&name[..file + dot], &name[file + dot + 1..]),
        None => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_at_the_first_dot_of_the_file_name() {
        assert_eq!(key("0017.jpg"), ("0017", "jpg"));
        assert_eq!(key("a.b/0017.seg.png"), ("a.b/0017", "seg.png"));
        assert_eq!(key("./x/readme"), ("./x/readme", ""));
        assert_eq!(key("x/.DS_Store"), ("x/", "DS_Store"));
        assert_eq!(key(""), ("", ""));
    }
}
