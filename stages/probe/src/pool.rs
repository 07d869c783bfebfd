//! Runs jobs side by side, no more at a time than there are threads.
//!
//! Not with rayon: polars waits for its own pool while it reads, and a rayon worker that waits takes up
//! further jobs, so any number of layers could be in memory at once.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::thread;

/// Calls `run` for every job and returns the results in the order of the jobs, or the error of the first
/// job that failed. Jobs are started in order; after an error no further job is started.
pub(crate) fn run_all<J: Sync, T: Send, E: Send>(
    jobs: &[J],
    threads: NonZeroUsize,
    run: impl Fn(&J) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let queue = Mutex::new(jobs.iter().enumerate());
    let next = || queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).next();
    let work = || {
        let mut done = Vec::new();
        while let Some((i, job)) = next() {
            let result = run(job);
            if result.is_err() {
                // Exhausts the queue for all workers.
                while next().is_some() {}
            }
            done.push((i, result));
        }
        done
    };
    let mut results = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.get().min(jobs.len())).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|worker| worker.join());
        joined
            .flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Vec<_>>()
    });
    results.sort_unstable_by_key(|(i, _)| *i);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn results_keep_the_order_and_few_run_at_once() {
        let jobs: Vec<u64> = (0..40).collect();
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let doubled = run_all(&jobs, NonZeroUsize::new(3).unwrap(), |job| {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            thread::sleep(std::time::Duration::from_millis(job % 3));
            running.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, ()>(job * 2)
        });
        assert!(doubled.unwrap().into_iter().eq((0..40).map(|job| job * 2)));
        assert!((1..=3).contains(&most.into_inner()));
    }

    #[test]
    fn an_error_ends_the_queue() {
        let jobs: Vec<usize> = (0..1000).collect();
        let started = AtomicUsize::new(0);
        let result = run_all(&jobs, NonZeroUsize::new(2).unwrap(), |job| {
            started.fetch_add(1, Ordering::SeqCst);
            if *job == 3 { Err("three") } else { Ok(()) }
        });
        assert_eq!(result, Err("three"));
        assert!(started.into_inner() < 1000);
    }
}
