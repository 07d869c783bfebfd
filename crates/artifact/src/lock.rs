//! Locks that the operating system holds, so that they die with their holder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// An exclusive lock on a path. Dropping it, or dying, releases it.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock, waiting as long as another process holds it. `on_wait` is called once
    /// if there is a wait.
    pub fn acquire(path: &Path, on_wait: impl FnOnce()) -> Result<Self> {
        let mut on_wait = Some(on_wait);
        loop {
            let file = open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    if let Some(on_wait) = on_wait.take() {
                        on_wait();
                    }
                    file.lock().map_err(Error::io("lock", path))?;
                }
                Err(TryLockError::Error(e)) => return Err(Error::io("lock", path)(e)),
            }
            if let Some(lock) = confirm(path, file)? {
                return Ok(lock);
            }
        }
    }

    /// Takes the lock if nobody holds it.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>> {
        loop {
            let file = open(path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(e)) => return Err(Error::io("lock", path)(e)),
            }
            if let Some(lock) = confirm(path, file)? {
                return Ok(Some(lock));
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Unlinked while still held: whoever waits for the old file sees in `confirm` that it
        // is no longer the one under this name, and starts over.
        let _ = fs::remove_file(&self.path);
    }
}

fn open(path: &Path) -> Result<File> {
    if let Some(parent) = path.parent() {
        crate::fs::create_dir(parent)?;
    }
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .map_err(Error::io("open", path))
}

/// A lock counts only if the locked file is still the one that the path names.
fn confirm(path: &Path, file: File) -> Result<Option<Lock>> {
    let held = file.metadata().map_err(Error::io("look at", path))?;
    match fs::metadata(path) {
        Ok(named) if (named.dev(), named.ino()) == (held.dev(), held.ino()) => {
            Ok(Some(Lock { path: path.to_path_buf(), _file: file }))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn one_holder_at_a_time_and_nothing_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.lock");
        let inside = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _lock = Lock::acquire(&path, || {}).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(!path.exists());
    }

    #[test]
    fn a_held_lock_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.lock");
        let held = Lock::try_acquire(&path).unwrap().unwrap();
        assert!(Lock::try_acquire(&path).unwrap().is_none());
        drop(held);
        assert!(Lock::try_acquire(&path).unwrap().is_some());
    }
}
