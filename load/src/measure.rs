//! Runs calls, some at once, and takes the time of each.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::task::JoinSet;

/// How many calls, and how many of them are under way at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    pub(crate) calls: u32,
    pub(crate) at_once: u32,
}

/// What a run took.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) work: Work,
    pub(crate) total: Duration,
    /// Of each call, shortest first.
    times: Vec<Duration>,
}

/// Makes the calls `0..calls`. The first one that fails fails the run.
pub(crate) async fn measure<C, F, E>(work: Work, call: C) -> anyhow::Result<Run>
where
    C: Fn(u32) -> F + Copy + Send + 'static,
    F: Future<Output = Result<(), E>> + Send,
    E: Into<anyhow::Error>,
{
    let next = Arc::new(AtomicU32::new(0));
    let started = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..work.at_once.min(work.calls) {
        let next = next.clone();
        workers.spawn(async move {
            let mut times = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= work.calls {
                    return Ok(times);
                }
                let started = Instant::now();
                let answered = call(n).await.map_err(Into::into);
                answered.with_context(|| format!("call {n} failed"))?;
                times.push(started.elapsed());
            }
        });
    }
    let mut times = Vec::with_capacity(work.calls as usize);
    while let Some(worker) = workers.join_next().await {
        let worked: anyhow::Result<Vec<Duration>> = worker?;
        times.extend(worked?);
    }
    let total = started.elapsed();
    times.sort_unstable();
    Ok(Run { work, total, times })
}

impl Run {
    /// Joins another run of the same work to this one.
    pub(crate) fn join(&mut self, other: Self) {
        self.work.calls += other.work.calls;
        self.total += other.total;
        self.times.extend(other.times);
        self.times.sort_unstable();
    }

    /// Returns how many calls were answered in a second.
    pub(crate) fn per_second(&self) -> f64 {
        self.times.len() as f64 / self.total.as_secs_f64()
    }

    /// Returns the time in milliseconds within which this share of the calls was
    /// answered (nearest rank).
    pub(crate) fn within_ms(&self, share: f64) -> f64 {
        let rank = (share * self.times.len() as f64).ceil() as usize;
        let time = self
            .times
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or_default();
        time.as_secs_f64() * 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_call_is_made_once() {
        static SUM: AtomicU32 = AtomicU32::new(0);
        let call = |n| async move {
            SUM.fetch_add(n, Ordering::Relaxed);
            anyhow::Ok(())
        };
        let run = measure(
            Work {
                calls: 101,
                at_once: 7,
            },
            call,
        )
        .await
        .expect("no call fails");
        assert_eq!((run.times.len(), SUM.load(Ordering::Relaxed)), (101, 5050));
    }

    #[test]
    fn a_percentile_is_the_time_of_a_call_that_was_made() {
        let times: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        let work = Work {
            calls: 100,
            at_once: 1,
        };
        let run = Run {
            work,
            total: Duration::from_secs(1),
            times,
        };
        let of = |share| run.within_ms(share).round() as u32;
        assert_eq!((of(0.5), of(0.99), of(1.0)), (50, 99, 100));
    }
}
