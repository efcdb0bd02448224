//! The bounded queue in front of the model, and the threads that empty it.
//!
//! As many threads work as the embedder wants, from the pool of those that may block, and only while
//! something waits. A thread does one turn, and asks again who is next.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use picard_domain::UserId;
use picard_embed::Embedder;
use picard_metrics::{Limit, ServerMetrics};
use tokio::task::spawn_blocking;

use super::{
    turns::{Call, Kind, Piece, Turns},
    work::{Answer, Work},
};
use crate::Error;

/// Tokens of questions that may wait for each thread: about two seconds of its work.
const QUESTIONS: u64 = 8 * 1024;

/// Tokens of texts that may wait for each thread: about a minute of its work, 1 MiB of prose.
const TEXTS: u64 = 256 * 1024;

/// One person may have this part of it. A call is let in while less waits, so a single call
/// may have more; but no more than this counts of a person in what waits of all.
const PART_OF_ONE: u64 = 4;

/// Tokens that a thread embeds in a second, about: it is from this that a caller who was
/// refused is told when to come again.
const TOKENS_PER_SECOND: u64 = 4 * 1024;

/// For whom something is embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Whose {
    Person(UserId),
    /// What the server does of its own accord. It has turns as a person has, and is never refused:
    /// it asks for little at a time.
    House,
}

pub(super) struct Queue {
    embedder: Arc<dyn Embedder>,
    metrics: Arc<ServerMetrics>,
    threads: usize,
    state: Mutex<State>,
}

struct State {
    turns: Turns<Whose, Waiting>,
    working: usize,
    calls: Call,
    waited: Duration,
}

struct Waiting {
    kind: Kind,
    since: Instant,
    work: Work,
}

impl Queue {
    pub(super) fn new(embedder: Arc<dyn Embedder>, metrics: Arc<ServerMetrics>) -> Arc<Self> {
        Arc::new(Self {
            threads: embedder.at_once().get(),
            embedder,
            metrics,
            state: Mutex::new(State {
                turns: Turns::new(),
                working: 0,
                calls: 0,
                waited: Duration::ZERO,
            }),
        })
    }

    /// Puts the work of a call into the queue and waits until it is done. A caller who is dropped
    /// takes along what was not begun.
    pub(super) async fn done<T>(
        self: &Arc<Self>,
        kind: Kind,
        whose: Whose,
        pieces: Vec<Piece<Work>>,
        answer: Answer<T>,
    ) -> Result<T, Error> {
        let _call = self.enter(kind, whose, pieces)?;
        answer.await.map_err(Error::internal)?
    }

    /// How long pieces waited for a thread so far, added up.
    pub(super) fn waited(&self) -> Duration {
        self.state().waited
    }

    /// How many tokens wait.
    #[cfg(test)]
    pub(super) fn tokens(&self, kind: Kind) -> u64 {
        self.state().turns.tokens(kind)
    }

    fn enter(
        self: &Arc<Self>,
        kind: Kind,
        whose: Whose,
        pieces: Vec<Piece<Work>>,
    ) -> Result<Present<'_>, Error> {
        let mut state = self.state();
        self.check_room(&state.turns, kind, whose)?;
        state.calls += 1;
        let call = state.calls;
        let threads = self.add(&mut state, kind, whose, call, pieces);
        drop(state);
        self.start(threads);
        Ok(Present {
            queue: self,
            kind,
            whose,
            call,
        })
    }

    fn check_room(
        &self,
        turns: &Turns<Whose, Waiting>,
        kind: Kind,
        whose: Whose,
    ) -> Result<(), Error> {
        let threads = self.threads as u64;
        let most = threads
            * match kind {
                Kind::Question => QUESTIONS,
                Kind::Text => TEXTS,
            };
        let seconds = |tokens: u64| tokens.div_ceil(threads * TOKENS_PER_SECOND).max(1);
        let part = most / PART_OF_ONE;
        let (theirs, all) = (turns.tokens_of(kind, whose), turns.tokens(kind));
        if whose == Whose::House {
            Ok(())
        } else if theirs >= part {
            self.metrics.limits.one(Limit::Embedding);
            Err(Error::TooMuchAtOnce {
                retry_after_seconds: seconds(theirs),
            })
        } else if all >= most && turns.tokens_up_to(kind, part) >= most {
            self.metrics.limits.one(Limit::EmbeddingOfAll);
            Err(Error::Overloaded {
                retry_after_seconds: seconds(all),
            })
        } else {
            Ok(())
        }
    }

    /// Adds what a turn of a call left to be done, unless the caller is gone.
    fn go_on(self: &Arc<Self>, kind: Kind, whose: Whose, call: Call, left: Vec<Piece<Work>>) {
        let mut state = self.state();
        // Under the lock: a caller who goes later takes it back.
        if left.first().is_some_and(|piece| piece.work.is_wanted()) {
            let threads = self.add(&mut state, kind, whose, call, left);
            drop(state);
            self.start(threads);
        }
    }

    /// Returns how many threads are wanted for it.
    fn add(
        &self,
        state: &mut State,
        kind: Kind,
        whose: Whose,
        call: Call,
        pieces: Vec<Piece<Work>>,
    ) -> usize {
        let since = Instant::now();
        let wanted = self.threads.saturating_sub(state.working).min(pieces.len());
        let pieces = pieces.into_iter().map(|piece| Piece {
            work: Waiting {
                kind,
                since,
                work: piece.work,
            },
            cost: piece.cost,
            tokens: piece.tokens,
        });
        state.turns.add(kind, whose, call, pieces);
        state.working += wanted;
        wanted
    }

    /// Not to be called with the state in hand: a runtime that stops drops the worker at once.
    fn start(self: &Arc<Self>, threads: usize) {
        for _ in 0..threads {
            let worker = Worker {
                queue: self.clone(),
                is_counted: true,
            };
            spawn_blocking(move || worker.work());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A caller who waits.
struct Present<'a> {
    queue: &'a Queue,
    kind: Kind,
    whose: Whose,
    call: Call,
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        let left = {
            let mut state = self.queue.state();
            state.turns.take_back(self.kind, self.whose, self.call)
        };
        // Overwriting texts takes its time; the others need not wait for it.
        drop(left);
    }
}

/// A thread that empties the queue.
struct Worker {
    queue: Arc<Queue>,
    /// Whether it is still among those that work.
    is_counted: bool,
}

impl Worker {
    fn work(mut self) {
        while let Some((whose, call, waiting)) = self.next() {
            let queue = &self.queue;
            let run = || waiting.work.run(&*queue.embedder, &queue.metrics);
            // What it held is gone then, the way to who asked too, who is told so by that.
            let Ok(left) = catch_unwind(AssertUnwindSafe(run)) else {
                continue;
            };
            queue.go_on(waiting.kind, whose, call, left);
        }
    }

    fn next(&mut self) -> Option<(Whose, Call, Waiting)> {
        let mut state = self.queue.state();
        let next = state.turns.next();
        if let Some((.., waiting)) = &next {
            state.waited += waiting.since.elapsed();
        } else {
            // Under the same lock: whoever adds work now starts another one.
            state.working -= 1;
            self.is_counted = false;
        }
        next
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The runtime stopped before it began.
        if self.is_counted {
            self.queue.state().working -= 1;
        }
    }
}
