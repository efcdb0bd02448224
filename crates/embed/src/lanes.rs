//! Who may compute when: as many embeddings at once as there are lanes, each on one thread.
//!
//! One thread per embedding and not all threads for one: a query is too small to be shared out
//! (12 tokens take 4.4 ms on one core and 4.3 on two), and embeddings that share threads wait for
//! each other's pieces. A caller takes a lane for one window of a text, so that a question need not
//! wait for a whole long document; who comes before whom is for the callers to settle.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rten::{RunOptions, ThreadPool};

use crate::Work;

pub(crate) struct Lanes {
    queue: Mutex<Queue>,
    moved: Condvar,
    count: NonZeroUsize,
    done: Done,
}

/// What was done, in nanoseconds where it is a time.
#[derive(Default)]
struct Done {
    windows: AtomicU64,
    busy: AtomicU64,
    wait: AtomicU64,
}

/// Callers are served in the order in which they came: a long document that gives its lane back
/// and wants it again at once would else keep everybody out.
struct Queue {
    idle: Vec<Arc<ThreadPool>>,
    next_ticket: u64,
    serving: u64,
}

impl Lanes {
    pub(crate) fn new(count: NonZeroUsize) -> Self {
        let idle = (0..count.get())
            .map(|_| Arc::new(ThreadPool::with_num_threads(1)))
            .collect();
        let queue = Mutex::new(Queue {
            idle,
            next_ticket: 0,
            serving: 0,
        });
        Self {
            queue,
            moved: Condvar::new(),
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
        let came = Instant::now();
        let mut queue = self.queue();
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        let mut queue = self
            .moved
            .wait_while(queue, |queue| {
                queue.serving != ticket || queue.idle.is_empty()
            })
            .unwrap_or_else(PoisonError::into_inner);
        queue.serving += 1;
        let pool = queue.idle.pop();
        // There may be a lane for the next in the queue as well.
        self.moved.notify_all();
        drop(queue);
        let since = Instant::now();
        add(&self.done.wait, since - came);
        Lane {
            lanes: self,
            pool,
            since,
        }
    }

    /// Tells what was done so far.
    pub(crate) fn work(&self) -> Work {
        let time = |nanos: &AtomicU64| Duration::from_nanos(nanos.load(Ordering::Relaxed));
        Work {
            windows: self.done.windows.load(Ordering::Relaxed),
            busy: time(&self.done.busy),
            wait: time(&self.done.wait),
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> NonZeroUsize {
        self.count
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.lanes.queue().idle.extend(self.pool.take());
        self.lanes.moved.notify_all();
        self.lanes.done.windows.fetch_add(1, Ordering::Relaxed);
        add(&self.lanes.done.busy, self.since.elapsed());
    }
}

fn add(total: &AtomicU64, time: Duration) {
    total.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
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
        assert_eq!(lanes.queue().idle.len(), 2);
    }
}
