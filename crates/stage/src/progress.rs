//! How a stage tells how far it is, without knowing who listens.

/// Listens to a running stage. The command draws bars; tests and libraries stay silent.
pub trait Progress: Sync {
    /// A task of `total` units begins; 0 where the total is unknown.
    fn begin(&self, task: &str, total: u64, unit: &'static str);
    /// `done` units of the current task are done.
    fn at(&self, done: u64);
    /// A short text to show beside the bar, such as the latest loss.
    fn note(&self, text: &str);
    /// A line worth keeping in the log.
    fn log(&self, line: &str);
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &str, _: u64, _: &'static str) {}
    fn at(&self, _: u64) {}
    fn note(&self, _: &str) {}
    fn log(&self, _: &str) {}
}

/// A counter over a [`Progress`], safe to advance from many threads.
pub struct Task<'a> {
    progress: &'a dyn Progress,
    done: std::sync::atomic::AtomicU64,
}

impl<'a> Task<'a> {
    /// Begins a task of `total` units.
    pub fn begin(progress: &'a dyn Progress, task: &str, total: u64, unit: &'static str) -> Self {
        progress.begin(task, total, unit);
        Self { progress, done: 0.into() }
    }

    /// `n` more units are done.
    pub fn advance(&self, n: u64) {
        let done = self.done.fetch_add(n, std::sync::atomic::Ordering::Relaxed) + n;
        self.progress.at(done);
    }

    /// A short text to show beside the bar.
    pub fn note(&self, text: &str) {
        self.progress.note(text);
    }
}
