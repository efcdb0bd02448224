//! The nodes and their database as the load sees them: which are up, what was
//! done to them, and so which failures of an answer are allowed.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use picard_tests::{nodes::Shared, visitor::http};
use reqwest::{RequestBuilder, header::RETRY_AFTER};
use serde_json::Value;

use super::{
    dice::Dice,
    model::{Model, Moment, View},
};

/// No answer may take longer than this, whatever happens.
const HANG: Duration = Duration::from_mins(1);

/// How long after the database is back an answer may still be 503.
const RECOVERY: Duration = Duration::from_secs(10);

/// After this many wrong answers the test ends; the first ones tell.
const ENOUGH: usize = 20;

/// What became of a request.
pub(super) enum Sent {
    /// It was answered, by something else than that the database is away.
    Answer {
        status: u16,
        body: Value,
        /// From when to when it took.
        asked: (Moment, Moment),
    },
    /// It reached nobody.
    Never,
    /// The node was killed, or the database was away: nobody knows.
    Unsure,
}

/// A place for a node.
#[derive(Default)]
struct Slot {
    /// Its address while it is up.
    base: Option<String>,
    /// How often it was killed.
    killed: u32,
}

/// A time without database.
struct Outage {
    stopping: Instant,
    stopped: Option<Instant>,
    starting: Option<Instant>,
    started: Option<Instant>,
}

/// What happened, in numbers.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) requests: AtomicU64,
    pub(super) acknowledged: AtomicU64,
    pub(super) compared: AtomicU64,
    pub(super) refreshed: AtomicU64,
    pub(super) imported: AtomicU64,
    pub(super) kills: AtomicU64,
    pub(super) stops: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) unavailable: AtomicU64,
    pub(super) unsure: AtomicU64,
    pub(super) happened: AtomicU64,
    pub(super) leaks: AtomicU64,
    slowest_micros: AtomicU64,
    recovery_micros: AtomicU64,
}

/// Everything that the load shares.
pub(super) struct World {
    pub(super) shared: Shared,
    pub(super) model: Model,
    pub(super) counts: Counts,
    slots: Vec<Mutex<Slot>>,
    outages: Mutex<Vec<Outage>>,
    wrong: Mutex<Vec<String>>,
    stopping: AtomicBool,
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn micros(duration: Duration) -> u64 {
    duration.as_micros() as u64
}

impl World {
    pub(super) fn new(shared: Shared, people: usize, nodes: usize) -> Self {
        Self {
            shared,
            model: Model::of(people),
            counts: Counts::default(),
            slots: (0..nodes).map(|_| Mutex::default()).collect(),
            outages: Mutex::default(),
            wrong: Mutex::default(),
            stopping: AtomicBool::new(false),
        }
    }

    fn slot(&self, node: usize) -> MutexGuard<'_, Slot> {
        let slot = self.slots[node].lock();
        slot.unwrap_or_else(PoisonError::into_inner)
    }

    fn outages(&self) -> MutexGuard<'_, Vec<Outage>> {
        self.outages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a node is up at an address.
    pub(super) fn up(&self, node: usize, base: &str) {
        self.slot(node).base = Some(base.to_owned());
    }

    /// Notes that a node is about to be killed.
    pub(super) fn down(&self, node: usize) {
        let mut slot = self.slot(node);
        slot.base = None;
        slot.killed += 1;
        count(&self.counts.kills);
    }

    /// Stops the database by `stop`, has something done meanwhile, and starts it by `start`.
    pub(super) fn without_database(
        &self,
        stop: impl FnOnce(),
        meanwhile: impl FnOnce(),
        start: impl FnOnce(),
    ) {
        self.outages().push(Outage {
            stopping: Instant::now(),
            stopped: None,
            starting: None,
            started: None,
        });
        let note = |note: fn(&mut Outage, Instant)| {
            let now = Instant::now();
            note(self.outages().last_mut().expect("one was begun"), now);
        };
        stop();
        note(|outage, now| outage.stopped = Some(now));
        count(&self.counts.stops);
        meanwhile();
        note(|outage, now| outage.starting = Some(now));
        start();
        note(|outage, now| outage.started = Some(now));
    }

    /// Tells whether the database was away from beginning to end.
    fn is_away(&self, from: Instant, to: Instant) -> bool {
        self.outages().iter().any(|outage| {
            outage.stopped.is_some_and(|stopped| stopped <= from)
                && outage.starting.is_none_or(|starting| to <= starting)
        })
    }

    /// Tells whether the database was away at some moment, or not long before.
    pub(super) fn may_fail(&self, from: Instant, to: Instant) -> bool {
        self.outages().iter().any(|outage| {
            let started = outage.started;
            outage.stopping <= to && started.is_none_or(|started| from <= started + RECOVERY)
        })
    }

    /// Tells whether the load is to end.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Ends the load.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    /// Takes down a wrong answer.
    pub(super) fn wrong(&self, what: String) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.push(what);
        if wrong.len() >= ENOUGH {
            self.stop();
        }
    }

    /// Returns the wrong answers so far.
    pub(super) fn wrongs(&self) -> Vec<String> {
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.clone()
    }

    /// Holds an answer against the model.
    pub(super) fn compare(
        &self,
        who: usize,
        view: View,
        asked: (Moment, Moment),
        (what, body): (&str, &Value),
    ) {
        count(&self.counts.compared);
        let Some(memories) = body["memories"].as_array() else {
            return self.wrong(format!("{what}: no list but {body}"));
        };
        for wrong in self.model.read(who, view, asked, memories) {
            if wrong.is_leak {
                count(&self.counts.leaks);
            }
            self.wrong(format!("{what} of {who}: {}", wrong.what));
        }
    }

    /// Waits until a node is up, and returns one of those that are.
    pub(super) async fn some_node(&self, dice: &mut Dice) -> usize {
        let end = Instant::now() + HANG;
        loop {
            let nodes = 0..self.slots.len();
            let up: Vec<_> = nodes.filter(|n| self.slot(*n).base.is_some()).collect();
            if !up.is_empty() {
                return up[dice.below(up.len())];
            }
            assert!(Instant::now() < end, "no node comes up");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Sends a request to a node and tells what became of it. A failure for which there is no
    /// reason is a wrong answer.
    pub(super) async fn send(
        &self,
        node: usize,
        what: &str,
        build: impl FnOnce(&str) -> RequestBuilder,
    ) -> Sent {
        let (base, killed) = {
            let slot = self.slot(node);
            let Some(base) = slot.base.clone() else {
                return Sent::Never;
            };
            (base, slot.killed)
        };
        count(&self.counts.requests);
        let from = Moment::now();
        let answer = exchange(build(&base).timeout(HANG)).await;
        let to = Moment::now();
        let took = micros(to.tick - from.tick);
        let counts = &self.counts;
        counts.slowest_micros.fetch_max(took, Ordering::Relaxed);
        let Answer {
            status,
            retry_after,
            body,
        } = match answer {
            Ok(answer) => answer,
            Err(error) => {
                if self.slot(node).killed == killed {
                    self.wrong(format!("{what}: {error:?} of a node that was not killed"));
                }
                count(&counts.lost);
                return if error.is_connect() {
                    Sent::Never
                } else {
                    Sent::Unsure
                };
            }
        };
        if status == 503 {
            count(&counts.unavailable);
            if !retry_after {
                self.wrong(format!("{what}: 503 without Retry-After"));
            }
            if !self.may_fail(from.tick, to.tick) {
                self.wrong(format!("{what}: 503 with a database: {body}"));
            }
            let back = self.outages().last().and_then(|outage| outage.started);
            if let Some(late) = back.and_then(|back| from.tick.checked_duration_since(back)) {
                counts
                    .recovery_micros
                    .fetch_max(micros(late), Ordering::Relaxed);
            }
            return Sent::Unsure;
        }
        if self.is_away(from.tick, to.tick) {
            self.wrong(format!("{what}: {status} without a database: {body}"));
        }
        Sent::Answer {
            status,
            body,
            asked: (from, to),
        }
    }

    /// Fails when so little happened that nothing was shown.
    pub(super) fn assert_eventful(&self) {
        let counts = &self.counts;
        for (what, counter) in [
            ("writes", &counts.acknowledged),
            ("comparisons", &counts.compared),
            ("refreshes", &counts.refreshed),
            ("kills", &counts.kills),
            ("stops of the database", &counts.stops),
            ("answers without a database", &counts.unavailable),
        ] {
            assert!(counter.load(Ordering::Relaxed) > 0, "there were no {what}");
        }
    }

    /// Says in a few lines what happened.
    pub(super) fn summary(&self) -> String {
        let counts = &self.counts;
        let n = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let seconds = |counter: &AtomicU64| n(counter) as f64 / 1e6;
        format!(
            "{} requests, {} writes acknowledged, {} answers compared, {} refreshes, {} imports\n\
             {} nodes killed, {} answers lost; {} stops of the database, {} answers 503\n\
             {} writes without an answer, {} of them had happened; {} memories at the end\n\
             slowest answer {:.2} s; last 503 that was asked for {:.2} s after the database was back\n\
             {} wrong answers, {} of them showed what is private",
            n(&counts.requests),
            n(&counts.acknowledged),
            n(&counts.compared),
            n(&counts.refreshed),
            n(&counts.imported),
            n(&counts.kills),
            n(&counts.lost),
            n(&counts.stops),
            n(&counts.unavailable),
            n(&counts.unsure),
            n(&counts.happened),
            self.model.len(),
            seconds(&counts.slowest_micros),
            seconds(&counts.recovery_micros),
            self.wrongs().len(),
            n(&counts.leaks),
        )
    }
}

struct Answer {
    status: u16,
    retry_after: bool,
    body: Value,
}

async fn exchange(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let retry_after = response.headers().contains_key(RETRY_AFTER);
    let body = response.bytes().await?;
    Ok(Answer {
        status,
        retry_after,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    })
}

/// A request for a tool.
pub(super) fn tool(base: &str, token: &str, body: &Value) -> RequestBuilder {
    let request = http().post(format!("{base}/api/tools"));
    request.bearer_auth(token).json(body)
}
