//! Memory that probes share.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// So many bytes for all probes that run at a time.
pub(crate) struct Budget {
    all: u64,
    left: Mutex<u64>,
    returned: Condvar,
}

/// Bytes that one probe has for as long as it keeps this.
pub(crate) struct Share<'a> {
    of: &'a Budget,
    bytes: u64,
}

impl Budget {
    /// So many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        Self { all: bytes, left: Mutex::new(bytes), returned: Condvar::new() }
    }

    /// Waits until others have left enough. None where there is never enough.
    pub(crate) fn take(&self, bytes: u64) -> Option<Share<'_>> {
        if bytes > self.all {
            return None;
        }
        let mut left = self.returned.wait_while(self.left(), |left| *left < bytes);
        *left.as_deref_mut().unwrap_or_else(|poisoned| poisoned.get_mut()) -= bytes;
        Some(Share { of: self, bytes })
    }

    fn left(&self) -> MutexGuard<'_, u64> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.of.left() += self.bytes;
        self.of.returned.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    #[test]
    fn nobody_goes_over_and_nobody_is_forgotten() {
        let budget = Budget::new(10);
        let (now, most) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for bytes in [1, 9, 10, 4, 4, 4, 0, 7, 2] {
                let (budget, now, most) = (&budget, &now, &most);
                scope.spawn(move || {
                    let share = budget.take(bytes).unwrap();
                    most.fetch_max(now.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                    thread::sleep(std::time::Duration::from_millis(bytes));
                    now.fetch_sub(bytes, Ordering::SeqCst);
                    drop(share);
                });
            }
        });
        assert!(most.into_inner() <= 10);
        assert!(budget.take(11).is_none() && budget.take(10).is_some());
    }
}
