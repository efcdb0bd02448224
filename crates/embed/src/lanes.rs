//! Who may compute when: as many embeddings at once as there are lanes, each on one thread.
//!
//! One thread per embedding and not all threads for one: a query is too small to be shared out
//! (12 tokens take 4.4 ms on one core and 4.3 on two), and embeddings that share threads wait for
//! each other's pieces. A caller takes a lane for one window of a text. Who comes before whom is for
//! the callers to settle: one who lets no more come at once than there are lanes never waits here.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rten::{RunOptions, ThreadPool};

use crate::Work;

pub(crate) struct Lanes {
    idle: Mutex<Vec<Arc<ThreadPool>>>,
    freed: Condvar,
    count: NonZeroUsize,
    done: Done,
}

/// What was done, in nanoseconds where it is a time.
#[derive(Default)]
struct Done {
    windows: AtomicU64,
    busy: AtomicU64,
}

impl Lanes {
    pub(crate) fn new(count: NonZeroUsize) -> Self {
        let idle = (0..count.get())
            .map(|_| Arc::new(ThreadPool::with_num_threads(1)))
            .collect();
        Self {
            idle: Mutex::new(idle),
            freed: Condvar::new(),
            count,
            done: Done::default(),
        }
    }

    /// One lane per core.
    pub(crate) fn of_this_machine() -> Self {
        Self::new(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    /// Waits for a lane and keeps it until the result is dropped.
    pub(crate) fn take(&self) -> Lane<'_> {
        let mut idle = self
            .freed
            .wait_while(self.idle(), |idle| idle.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        Lane {
            pool: idle.pop(),
            lanes: self,
            since: Instant::now(),
        }
    }

    /// Tells what was done so far.
    pub(crate) fn work(&self) -> Work {
        Work {
            windows: self.done.windows.load(Ordering::Relaxed),
            busy: Duration::from_nanos(self.done.busy.load(Ordering::Relaxed)),
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> NonZeroUsize {
        self.count
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Arc<ThreadPool>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Lane<'a> {
    lanes: &'a Lanes,
    pool: Option<Arc<ThreadPool>>,
    since: Instant,
}

impl Lane<'_> {
    /// What to give to the model so that it runs in this lane.
    pub(crate) fn options(&self) -> RunOptions {
        RunOptions::default().with_thread_pool(self.pool.clone())
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        let busy = self.since.elapsed().as_nanos() as u64;
        self.lanes.idle().extend(self.pool.take());
        self.lanes.freed.notify_one();
        self.lanes.done.windows.fetch_add(1, Ordering::Relaxed);
        self.lanes.done.busy.fetch_add(busy, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn no_more_run_at_once_than_there_are_lanes() {
        let lanes = Lanes::new(NonZeroUsize::new(2).expect("two"));
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let _lane = lanes.take();
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 2);
        assert_eq!(lanes.work().windows, 800, "each turn is counted");
        assert_eq!(lanes.idle().len(), 2);
    }
}
