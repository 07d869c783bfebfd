//! A memory of file digests, so that nothing is hashed twice.
//!
//! A digest is believed as long as the file's size, modification time (in ns) and inode are
//! what they were when it was computed. The memory lies in `artifacts/.cache/stat.json`; losing
//! it costs time and nothing else.

use std::collections::{HashMap, HashSet};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use igpt_artifact::{Digest, Error, canonical_json};
use serde::{Deserialize, Serialize};

/// A file changed this short a time ago may change again with the same modification time, for
/// clocks of file systems are coarse: its digest is not kept.
const SETTLED: Duration = Duration::from_millis(50);

const VERSION: u32 = 1;

/// Size in bytes, modification time in ns since 1970, inode.
type Stamp = (u64, i64, u64);

#[derive(Clone, Serialize, Deserialize)]
struct Known(Stamp, Digest);

#[derive(Default, Serialize, Deserialize)]
struct OnDisk {
    version: u32,
    files: HashMap<PathBuf, Known>,
}

/// Digests by absolute path.
pub(crate) struct StatCache {
    path: PathBuf,
    known: HashMap<PathBuf, Known>,
    /// What this process has learnt and not yet saved.
    fresh: HashSet<PathBuf>,
}

impl StatCache {
    /// The memory of the artifacts folder `root`. With `verify` nothing in it is believed and
    /// every file is hashed again.
    pub(crate) fn open(root: &Path, verify: bool) -> Self {
        let path = root.join(".cache/stat.json");
        let known = if verify { HashMap::new() } else { load(&path) };
        Self { path, known, fresh: HashSet::new() }
    }

    /// The digest of a file.
    pub(crate) fn file(&mut self, path: &Path) -> Result<Digest, Error> {
        let look = || fs::metadata(path).map_err(Error::io("look at", path));
        let before = stamp(&look()?);
        if let Some(Known(then, digest)) = self.known.get(path)
            && *then == before
        {
            return Ok(*digest);
        }
        let (digest, _) = Digest::of_file(path)?;
        let metadata = look()?;
        let age = metadata.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        if stamp(&metadata) == before && age.is_some_and(|age| age > SETTLED) {
            self.learn(path, before, digest);
        }
        Ok(digest)
    }

    /// The digest of a file, or of everything below a folder: paths and contents.
    pub(crate) fn tree(&mut self, path: &Path) -> Result<Digest, Error> {
        let metadata = fs::metadata(path).map_err(Error::io("look at", path))?;
        if !metadata.is_dir() {
            return self.file(path);
        }
        let mut listing = Vec::new();
        for relative in igpt_artifact::fs::files_below(path)? {
            let digest = self.file(&path.join(&relative))?;
            listing.push(serde_json::json!([relative.to_string_lossy(), digest]));
        }
        Ok(Digest::of(canonical_json(&listing.into())))
    }

    /// Remembers the digest of a file that has just been written and is not written again.
    pub(crate) fn seed(&mut self, path: &Path, digest: Digest) {
        if let Ok(metadata) = fs::metadata(path) {
            self.learn(path, stamp(&metadata), digest);
        }
    }

    fn learn(&mut self, path: &Path, stamp: Stamp, digest: Digest) {
        self.known.insert(path.to_path_buf(), Known(stamp, digest));
        self.fresh.insert(path.to_path_buf());
    }

    /// Writes what is new, beside what other processes have written meanwhile. Where that fails,
    /// the next process hashes again.
    pub(crate) fn save(&mut self) {
        if !self.fresh.is_empty() && self.write().is_ok() {
            self.fresh.clear();
        }
    }

    fn write(&self) -> Result<(), Error> {
        let mut files = load(&self.path);
        files.retain(|path, _| path.exists());
        files
            .extend(self.fresh.iter().filter_map(|path| Some((path.clone(), self.known.get(path)?.clone()))));
        let failed = |source| Error::Json { path: self.path.clone(), source };
        let text = serde_json::to_vec(&OnDisk { version: VERSION, files }).map_err(failed)?;
        if let Some(folder) = self.path.parent() {
            igpt_artifact::fs::create_dir(folder)?;
        }
        igpt_artifact::fs::write_atomically(&self.path, &text)
    }
}

fn load(path: &Path) -> HashMap<PathBuf, Known> {
    let on_disk: OnDisk =
        fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    if on_disk.version == VERSION { on_disk.files } else { HashMap::new() }
}

fn stamp(metadata: &Metadata) -> Stamp {
    let ns = metadata.mtime().wrapping_mul(1_000_000_000).wrapping_add(metadata.mtime_nsec());
    (metadata.len(), ns, metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(path: &Path) {
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        fs::File::options().write(true).open(path).unwrap().set_modified(hour_ago).unwrap();
    }

    #[test]
    fn a_known_file_is_not_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x");
        fs::write(&file, "one").unwrap();
        age(&file);
        let mut cache = StatCache::open(dir.path(), false);
        assert_eq!(cache.file(&file).unwrap(), Digest::of("one"));
        cache.save();

        // Same stamp, other digest: the memory is believed, and not under `verify`.
        let mut cache = StatCache::open(dir.path(), false);
        cache.seed(&file, Digest::of("a lie"));
        cache.save();
        assert_eq!(StatCache::open(dir.path(), false).file(&file).unwrap(), Digest::of("a lie"));
        assert_eq!(StatCache::open(dir.path(), true).file(&file).unwrap(), Digest::of("one"));

        fs::write(&file, "two").unwrap();
        assert_eq!(StatCache::open(dir.path(), false).file(&file).unwrap(), Digest::of("two"));
    }

    #[test]
    fn a_file_changed_just_now_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x");
        fs::write(&file, "one").unwrap();
        let mut cache = StatCache::open(dir.path(), false);
        cache.file(&file).unwrap();
        assert!(cache.fresh.is_empty());
    }

    #[test]
    fn a_broken_memory_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".cache")).unwrap();
        fs::write(dir.path().join(".cache/stat.json"), "{\"version\": 1, \"files\": {\"x\"").unwrap();
        assert!(StatCache::open(dir.path(), false).known.is_empty());
    }

    #[test]
    fn a_tree_is_its_paths_and_contents() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        fs::create_dir_all(tree.join("cat")).unwrap();
        fs::write(tree.join("cat/1.png"), "1").unwrap();
        fs::write(tree.join("2.png"), "2").unwrap();
        let mut cache = StatCache::open(dir.path(), false);
        let first = cache.tree(&tree).unwrap();
        assert_eq!(cache.tree(&tree).unwrap(), first);
        fs::rename(tree.join("cat/1.png"), tree.join("cat/3.png")).unwrap();
        assert_ne!(cache.tree(&tree).unwrap(), first);
        fs::rename(tree.join("cat/3.png"), tree.join("cat/1.png")).unwrap();
        assert_eq!(cache.tree(&tree).unwrap(), first);
        assert!(cache.tree(&dir.path().join("none")).is_err());
    }
}
