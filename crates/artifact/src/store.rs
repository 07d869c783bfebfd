//! Where artifacts live, and how one appears.
//!
//! ```text
//! artifacts/
//!   palette -> .store/palette-v1/3f…      the current result of each stage, a link
//!   .store/<kind>-v<format>/<key>/        every result, once
//!   .work/<key>/out/                      what a stage is writing now
//!   .work/<key>/scratch/                  what it keeps across a kill (checkpoints)
//!   .work/<key>.lock                      held by the process that works there
//! ```
//!
//! A stage writes into its private `out/`. [`Work::publish`] then hashes and syncs every file,
//! writes the manifest and moves the directory into the store: it appears whole or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::key::{Key, KeyParts};
use crate::lock::Lock;
use crate::manifest::{self, FileEntry, MadeBy, Manifest, Origin};
use crate::{Digest, Error, Kind, Result};

/// A folder of artifacts.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// A finished result on disk.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Its directory in the store.
    pub dir: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
}

impl Store {
    /// The store under `root`, usually `artifacts/`. Nothing is touched yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the result with this key is or would be.
    pub fn place(&self, kind: Kind, key: Key) -> PathBuf {
        self.root.join(".store").join(format!("{kind}-v{}", kind.format())).join(key.to_string())
    }

    /// The result with this key, if it has been made.
    pub fn find(&self, kind: Kind, key: Key) -> Result<Option<Artifact>> {
        open(self.place(kind, key))
    }

    /// The result that `name` links to: what the stage made last.
    pub fn current(&self, name: &str) -> Result<Option<Artifact>> {
        let link = self.root.join(name);
        match fs::canonicalize(&link) {
            Ok(dir) => open(dir),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("follow", &link)(e)),
        }
    }

    /// Makes `name` link to the result with this key.
    pub fn set_current(&self, name: &str, kind: Kind, key: Key) -> Result<()> {
        let link = self.root.join(name);
        let place = self.place(kind, key);
        // Relative, so that the whole folder can be moved.
        let mut target = PathBuf::new();
        target.extend(Path::new(name).components().skip(1).map(|_| ".."));
        target.push(place.strip_prefix(&self.root).unwrap_or(&place));
        if fs::read_link(&link).is_ok_and(|now| now == target) {
            return Ok(());
        }
        if let Some(parent) = link.parent() {
            crate::fs::create_dir(parent)?;
        }
        crate::fs::replace_link(&link, &target)
    }

    /// Claims the private directory for making `key`, waiting while another process has it.
    /// `on_wait` is called once if there is a wait.
    pub fn claim(&self, key: Key, on_wait: impl FnOnce()) -> Result<Work> {
        let dir = self.root.join(".work").join(key.to_string());
        let lock = Lock::acquire(&dir.with_extension("lock"), on_wait)?;
        let work = Work { store: self.clone(), dir, started: SystemTime::now(), _lock: lock };
        crate::fs::remove_dir(&work.out())?;
        crate::fs::create_dir(&work.out())?;
        crate::fs::create_dir(&work.scratch())?;
        Ok(work)
    }
}

fn open(dir: PathBuf) -> Result<Option<Artifact>> {
    match Manifest::read(&dir) {
        Ok(manifest) => Ok(Some(Artifact { dir, manifest })),
        Err(Error::NoManifest { .. }) => Ok(None),
        Err(e) => Err(e),
    }
}

/// A private directory in which one result is being made.
#[derive(Debug)]
pub struct Work {
    store: Store,
    dir: PathBuf,
    started: SystemTime,
    _lock: Lock,
}

/// What a finished stage says of its result.
#[derive(Clone, Debug)]
pub struct Account {
    /// The name that the pipeline gave the stage.
    pub name: String,
    /// What the key was made from.
    pub made_from: KeyParts,
    /// Where each input came from, by role.
    pub inputs: BTreeMap<String, Origin>,
    /// The path behind each parameter that names a file or folder.
    pub sources: BTreeMap<String, String>,
    /// Headline numbers, in the stage's order.
    pub results: Vec<(String, Value)>,
    /// Files, by their path inside the artifact, that measure the run itself.
    pub volatile: Vec<String>,
    /// The program and machine.
    pub made_by: MadeBy,
    /// The largest resident memory, in bytes.
    pub peak_memory: u64,
}

impl Work {
    /// Where the stage writes its files; empty at the start.
    pub fn out(&self) -> PathBuf {
        self.dir.join("out")
    }

    /// Where the stage keeps what should survive a kill; removed when the result is published.
    pub fn scratch(&self) -> PathBuf {
        self.dir.join("scratch")
    }

    /// Makes the written files a result: durable, described, in its place, all in one step.
    pub fn publish(self, account: Account) -> Result<Artifact> {
        let out = self.out();
        let mut files = Vec::new();
        let mut folders = std::collections::BTreeSet::from([out.clone()]);
        for relative in crate::fs::files_below(&out)? {
            let path = out.join(&relative);
            let (digest, size) = Digest::of_file(&path)?;
            crate::fs::sync(&path)?;
            folders.extend(path.ancestors().skip(1).take_while(|dir| *dir != out).map(Path::to_path_buf));
            let path = crate::fs::portable(&relative)?;
            let volatile = account.volatile.contains(&path);
            files.push(FileEntry { path, size, digest, volatile });
        }
        for folder in &folders {
            crate::fs::sync(folder)?;
        }
        let (kind, key) = (account.made_from.kind, account.made_from.key());
        let manifest = Manifest {
            format: manifest::FORMAT,
            name: account.name,
            key,
            content: Manifest::content_of(&files),
            made_from: account.made_from,
            inputs: account.inputs,
            sources: account.sources,
            results: account.results,
            files,
            made_by: account.made_by,
            started: since_epoch(self.started).as_secs_f64(),
            seconds: self.started.elapsed().unwrap_or_default().as_secs_f64(),
            peak_memory: account.peak_memory,
        };
        manifest.write(&out)?;
        crate::fs::sync(&out)?;
        let place = self.store.place(kind, key);
        crate::fs::put_dir(&out, &place)?;
        crate::fs::remove_dir(&self.dir)?;
        Ok(Artifact { dir: place, manifest })
    }
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn account(k: u32) -> Account {
        Account {
            name: "palette".into(),
            made_from: KeyParts {
                kind: Kind::Palette,
                format: Kind::Palette.format(),
                stage: "palette".into(),
                code: Digest::of("code"),
                params: BTreeMap::from([("k".into(), json!(k))]),
                inputs: BTreeMap::new(),
                sources: BTreeMap::new(),
                seed: 0,
            },
            inputs: BTreeMap::new(),
            sources: BTreeMap::new(),
            results: vec![("inertia".into(), json!(0.5))],
            volatile: vec!["timing.json".into()],
            made_by: MadeBy::default(),
            peak_memory: 0,
        }
    }

    fn make(store: &Store, account: &Account, seconds: &str) -> Artifact {
        let work = store.claim(account.made_from.key(), || {}).unwrap();
        fs::create_dir(work.out().join("split=train")).unwrap();
        fs::write(work.out().join("split=train/part.parquet"), "rows").unwrap();
        fs::write(work.out().join("timing.json"), seconds).unwrap();
        work.publish(account.clone()).unwrap()
    }

    #[test]
    fn a_result_appears_whole_and_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path().join("artifacts"));
        let account = account(8);
        let key = account.made_from.key();
        assert!(store.find(Kind::Palette, key).unwrap().is_none());
        let made = make(&store, &account, "1.0");
        let found = store.find(Kind::Palette, key).unwrap().unwrap();
        assert_eq!(found.manifest.made_from, account.made_from);
        assert_eq!(found.manifest.content, made.manifest.content);
        let paths: Vec<_> = found.manifest.files.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(paths, ["split=train/part.parquet", "timing.json"]);
        // Nothing of the work is left.
        assert_eq!(fs::read_dir(store.root().join(".work")).unwrap().count(), 0);
    }

    #[test]
    fn volatile_files_are_no_content() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        let first = make(&store, &account(8), "1.0").manifest;
        let second = make(&store, &account(8), "2.0").manifest;
        assert_eq!(first.content, second.content);
        assert_ne!(first.files[1].digest, second.files[1].digest);
    }

    #[test]
    fn links_follow_the_current_result() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        assert!(store.current("palette").unwrap().is_none());
        for (k, name) in [(8, "palette"), (16, "palette"), (8, "cifar/palette")] {
            let made = make(&store, &account(k), "");
            store.set_current(name, Kind::Palette, made.manifest.key).unwrap();
            assert_eq!(store.current(name).unwrap().unwrap().manifest.key, made.manifest.key);
        }
    }

    #[test]
    fn scratch_survives_and_out_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        let key = account(8).made_from.key();
        let work = store.claim(key, || {}).unwrap();
        fs::write(work.out().join("half"), "").unwrap();
        fs::write(work.scratch().join("checkpoint"), "").unwrap();
        drop(work);
        let work = store.claim(key, || {}).unwrap();
        assert!(!work.out().join("half").exists());
        assert!(work.scratch().join("checkpoint").exists());
    }

    #[test]
    fn another_format_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        let made = make(&store, &account(8), "");
        let path = made.dir.join(manifest::FILE_NAME);
        let text = fs::read_to_string(&path).unwrap().replacen("\"format\": 1", "\"format\": 7", 1);
        fs::write(&path, text).unwrap();
        let error = Manifest::read(&made.dir).unwrap_err().to_string();
        assert!(error.ends_with("manifest format 7, this program reads 1"), "{error}");
    }
}
