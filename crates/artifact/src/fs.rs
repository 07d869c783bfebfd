//! File-system steps that have to be done in the right order to survive a crash.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use crate::{Error, Result};

/// Creates a directory and everything above it.
pub fn create_dir(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(Error::io("create the folder", path))
}

/// Removes a directory tree; a missing one is no error.
pub fn remove_dir(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove the folder", path)(e)),
        _ => Ok(()),
    }
}

/// Makes a file's content, or a directory's entries, survive a power cut.
pub fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).map_err(Error::io("sync", path))
}

/// Replaces a file's content in one step: readers see the old bytes or the new ones.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let draft = draft_of(path);
    let write = || {
        let mut file = File::create(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().map_err(|e| {
        let _ = fs::remove_file(&draft);
        Error::io("write", path)(e)
    })
}

/// Points a symbolic link at `target` in one step.
pub fn replace_link(link: &Path, target: &Path) -> Result<()> {
    let draft = draft_of(link);
    let replace = || {
        match fs::remove_file(&draft) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        std::os::unix::fs::symlink(target, &draft)?;
        fs::rename(&draft, link)
    };
    replace().map_err(Error::io("write the link", link))
}

/// Puts the directory `new` at `place`. Where something stands there already, the two are
/// exchanged in one step and the old one is removed afterwards.
pub fn put_dir(new: &Path, place: &Path) -> Result<()> {
    let parent = place.parent().unwrap_or(Path::new("."));
    create_dir(parent)?;
    if place.exists() {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        renameat_with(CWD, new, CWD, place, RenameFlags::EXCHANGE)
            .map_err(|e| Error::io("publish", place)(e.into()))?;
        remove_dir(new)?;
    } else {
        fs::rename(new, place).map_err(Error::io("publish", place))?;
    }
    sync(parent)
}

/// Makes the folder `place` whole or not at all, in place of what was there: `fill` writes into a draft beside
/// it, which is made durable and then takes its place.
pub fn replace_dir<E: From<Error>>(place: &Path, fill: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
    let draft = place.with_extension("tmp");
    remove_dir(&draft)?;
    create_dir(&draft)?;
    fill(&draft)?;
    for file in files_below(&draft)? {
        sync(&draft.join(file))?;
    }
    Ok(put_dir(&draft, place)?)
}

/// Every regular file below `dir`, relative to it, sorted.
pub fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(relative) = pending.pop() {
        let folder = dir.join(&relative);
        for entry in fs::read_dir(&folder).map_err(Error::io("list", &folder))? {
            let entry = entry.map_err(Error::io("list", &folder))?;
            let path = relative.join(entry.file_name());
            let metadata = fs::metadata(entry.path()).map_err(Error::io("look at", entry.path()))?;
            if metadata.is_dir() {
                pending.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A relative path as a manifest spells it: parts joined by `/`, no way out of the directory.
pub fn portable(path: &Path) -> Result<String> {
    let bad = |message: &str| Error::Name { path: path.to_path_buf(), message: message.into() };
    let parts = path
        .components()
        .map(|part| match part {
            Component::Normal(name) => name.to_str().ok_or_else(|| bad("a file name that is not Unicode")),
            _ => Err(bad("a path that leaves its folder")),
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(parts.join("/"))
}

/// A sibling of `path` for writing it first; the process id keeps two writers apart.
fn draft_of(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_directory_is_exchanged() {
        let dir = tempfile::tempdir().unwrap();
        let (new, place) = (dir.path().join("new"), dir.path().join("store/place"));
        for content in ["one", "two"] {
            create_dir(&new).unwrap();
            fs::write(new.join("file"), content).unwrap();
            put_dir(&new, &place).unwrap();
            assert_eq!(fs::read_to_string(place.join("file")).unwrap(), content);
            assert!(!new.exists());
        }
    }

    #[test]
    fn a_link_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        for target in ["a", "b"] {
            replace_link(&link, Path::new(target)).unwrap();
            assert_eq!(fs::read_link(&link).unwrap(), Path::new(target));
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn manifests_hold_only_inner_paths() {
        assert_eq!(portable(Path::new("split=train/part.parquet")).unwrap(), "split=train/part.parquet");
        assert!(portable(Path::new("../x")).is_err());
        assert!(portable(Path::new("/x")).is_err());
    }
}
