//! Stopping a run from another thread.

use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

/// Stops a run: no further stage starts, and the process of the running one is killed.
#[derive(Debug, Default)]
pub struct Cancel {
    asked: AtomicBool,
    running: Mutex<Option<Child>>,
}

impl Cancel {
    /// Asks the run to stop.
    pub fn cancel(&self) {
        self.asked.store(true, Ordering::SeqCst);
        if let Some(child) = self.running().as_mut() {
            let _ = child.kill();
        }
    }

    /// Whether the run was asked to stop.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    /// Watches over a process until [`Self::wait`].
    pub(crate) fn watch(&self, mut child: Child) {
        let mut running = self.running();
        if self.is_asked() {
            let _ = child.kill();
        }
        *running = Some(child);
    }

    /// Waits for the process. To be called once it has closed its output, when it is about to
    /// end: meanwhile it cannot be cancelled.
    pub(crate) fn wait(&self) -> std::io::Result<ExitStatus> {
        match self.running().take() {
            Some(mut child) => child.wait(),
            None => Err(std::io::ErrorKind::NotFound.into()),
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Child>> {
        self.running.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
