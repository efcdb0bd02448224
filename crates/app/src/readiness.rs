//! Whether this process can be asked anything: the database, the migrations,
//! the keys and the model, each by itself.

use std::sync::atomic::{AtomicBool, Ordering};

use picard_domain::{Clock, Instant, Span};
use picard_store::users;
use tokio::sync::Mutex;

use crate::{App, Error};

/// How long the keys count as complete, or as not, after a look: it goes over
/// all accounts, and anybody may ask for readiness.
const COMPLETE_FOR: Span = Span::minutes(1);
const MISSING_FOR: Span = Span::seconds(5);

/// What is known from before.
#[derive(Default)]
pub(crate) struct Checked {
    /// Whether the keys were complete at the last look, and when that was. Held
    /// while somebody looks.
    last: Mutex<Option<(Instant, bool)>>,
    database: Part,
    keys: Part,
}

impl Checked {
    /// Returns what the last look found, or looks when that was too long ago.
    /// A failure is not kept.
    async fn or_look<E>(
        &self,
        clock: &dyn Clock,
        look: impl Future<Output = Result<bool, E>>,
    ) -> Result<bool, E> {
        let mut last = self.last.lock().await;
        let now = clock.now();
        if let Some((at, complete)) = *last {
            let lasts = if complete { COMPLETE_FOR } else { MISSING_FOR };
            if at <= now && now < at + lasts {
                return Ok(complete);
            }
        }
        let complete = look.await?;
        *last = Some((clock.now(), complete));
        Ok(complete)
    }
}

/// Whether a part failed when it was last looked at. Anybody may ask, as often as
/// they like: the log is told when it changes.
#[derive(Default)]
struct Part {
    is_failing: AtomicBool,
}

impl Part {
    /// Tells whether it is news that it fails.
    fn fails(&self) -> bool {
        !self.is_failing.swap(true, Ordering::Relaxed)
    }

    /// Says that it works, and says so in the log when that is news.
    fn works(&self, name: &'static str) {
        if self.is_failing.swap(false, Ordering::Relaxed) {
            tracing::info!(part = name, "works again");
        }
    }
}

/// How the parts are that every call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The database.
    pub database: DatabaseState,
    /// Whether every data key can be unwrapped; `None` when the database does not tell.
    pub has_keys: Option<bool>,
    /// The model.
    pub model: ModelState,
}

/// How the database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseState {
    /// It answers, and has the tables that this program needs.
    Ready,
    /// It answers, but lacks migrations.
    Behind,
    /// It answers, and a newer program has changed its tables: this one is
    /// about to be replaced.
    Ahead,
    /// It does not answer.
    Silent,
}

/// How the model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelState {
    /// It computes.
    Ready,
    /// It computes, and some memories still wait for vectors of it: until then they
    /// are found by the model that embedded them, or by their words.
    Renewing,
    /// It does not compute.
    Failing,
}

impl App {
    /// Looks at everything that calls need. Causes go to the log, once.
    pub async fn state(&self) -> State {
        let database = match picard_store::pending(&self.db).await {
            Ok(0) => DatabaseState::Ready,
            Ok(_) => DatabaseState::Behind,
            Err(picard_store::Error::SchemaTooNew { .. }) => DatabaseState::Ahead,
            Err(error) => {
                if self.checked.database.fails() {
                    tracing::warn!(%error, "not ready: the database does not answer");
                }
                DatabaseState::Silent
            }
        };
        if database != DatabaseState::Silent {
            self.checked.database.works("database");
        }
        let has_keys = match database {
            DatabaseState::Ready | DatabaseState::Ahead => self.has_keys().await,
            DatabaseState::Behind | DatabaseState::Silent => None,
        };
        let model = match self.embedding.check(self.now()).await {
            Ok(()) => {
                if self.metrics.left_to_renew() > 0 {
                    ModelState::Renewing
                } else {
                    ModelState::Ready
                }
            }
            Err(error) => {
                tracing::debug!(%error, "the model does not compute");
                ModelState::Failing
            }
        };
        State {
            database,
            has_keys,
            model,
        }
    }

    async fn has_keys(&self) -> Option<bool> {
        let looked = self.checked.or_look(&*self.clock, self.look_at_keys());
        match looked.await {
            Ok(true) => {
                self.checked.keys.works("keys");
                Some(true)
            }
            Ok(false) => Some(false),
            Err(error) => {
                if self.checked.keys.fails() {
                    tracing::warn!(%error, "not ready: the keys cannot be looked at");
                }
                None
            }
        }
    }

    async fn look_at_keys(&self) -> Result<bool, Error> {
        for id in users::key_ids_in_use(&self.db).await? {
            let id = id.parse().map_err(Error::internal)?;
            if !self.keys.knows(id).await {
                if self.checked.keys.fails() {
                    tracing::warn!(%id, "not ready: a master key that is in use is missing");
                }
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicI64, AtomicUsize},
    };

    use super::*;

    #[test]
    fn that_a_part_fails_is_news_once_until_it_works_again() {
        let part = Part::default();
        assert_eq!(
            [part.fails(), part.fails(), part.fails()],
            [true, false, false]
        );
        part.works("part");
        assert_eq!([part.fails(), part.fails()], [true, false]);
    }

    /// Shows so many seconds.
    struct Shown(AtomicI64);

    impl Clock for Shown {
        fn now(&self) -> Instant {
            Instant::from_micros(self.0.load(Ordering::Relaxed) * 1_000_000)
        }
    }

    #[tokio::test]
    async fn however_many_ask_whether_keys_are_missing_few_looks_go_over_all_accounts() {
        let (clock, looks) = (Shown(AtomicI64::new(100)), AtomicUsize::new(0));
        let checked = Checked::default();
        let ask = async |second, there| {
            clock.0.store(second, Ordering::Relaxed);
            let look = async {
                looks.fetch_add(1, Ordering::Relaxed);
                Ok::<_, Infallible>(there)
            };
            let found = checked.or_look(&clock, look).await.expect("answered");
            (found, looks.load(Ordering::Relaxed))
        };
        assert_eq!(ask(100, false).await, (false, 1));
        assert_eq!(ask(104, true).await, (false, 1), "remembered");
        assert_eq!(ask(105, true).await, (true, 2));
        assert_eq!(ask(164, false).await, (true, 2), "remembered longer");
        assert_eq!(ask(165, false).await, (false, 3));
        assert_eq!(ask(90, true).await, (true, 4), "the clock was set back");
    }
}
