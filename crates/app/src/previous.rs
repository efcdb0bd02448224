//! Models that made vectors before the present one did: while memories have such
//! vectors, questions go to these models, too.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use picard_embed::Embedder;
use picard_metrics::ServerMetrics;
use tokio::task::spawn_blocking;

use crate::{Error, embedding::Embedding};

/// Loads a model, or says why it cannot.
pub type LoadModel = Box<dyn Fn() -> Result<Box<dyn Embedder>, String> + Send + Sync>;

/// After how long a model that could not be loaded is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// The earlier models that are at hand. Each is loaded when a memory with its
/// vectors is met, and dropped when there is none any more.
pub(crate) struct Previous {
    at_hand: Vec<LoadModel>,
    /// By name.
    met: Mutex<HashMap<String, Met>>,
    /// Held while one is loaded: others who need it wait, rather than loading it as well.
    loading: Mutex<()>,
    /// After how long one that could not be loaded is tried again.
    again: Duration,
    metrics: Arc<ServerMetrics>,
}

/// What became of looking for a model.
#[derive(Clone)]
enum Met {
    Loaded(Arc<Embedding>),
    NotAtHand,
    /// One that is at hand could not be loaded then: it may be this one.
    Failed(Instant),
}

impl Previous {
    pub(crate) fn new(at_hand: Vec<LoadModel>, metrics: Arc<ServerMetrics>) -> Self {
        Self {
            at_hand,
            met: Mutex::default(),
            loading: Mutex::default(),
            again: AGAIN,
            metrics,
        }
    }

    /// Returns the model of a name, loading it if it is at hand. That takes a while:
    /// not for an async thread.
    pub(crate) fn load(&self, name: &str) -> Option<Arc<Embedding>> {
        if let Some(known) = self.known(name) {
            return known.model();
        }
        let _loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = self.known(name) {
            return known.model();
        }
        let found = self.find(name);
        let model = found.model();
        self.met().insert(name.to_owned(), found);
        model
    }

    /// Does what [`Self::load`] does without keeping the async thread.
    pub(crate) async fn get(self: &Arc<Self>, name: &str) -> Result<Option<Arc<Embedding>>, Error> {
        if let Some(known) = self.known(name) {
            return Ok(known.model());
        }
        let (previous, name) = (self.clone(), name.to_owned());
        Ok(spawn_blocking(move || previous.load(&name)).await?)
    }

    /// Drops the models of which no vectors are left.
    pub(crate) fn keep(&self, is_left: impl Fn(&str) -> bool) {
        self.met().retain(|name, _| is_left(name));
    }

    /// Does what [`Embedding::forget_idle`] does, of all of them.
    pub(crate) fn forget_idle(&self) {
        let met: Vec<Met> = self.met().values().cloned().collect();
        let models = met.iter().filter_map(Met::model);
        models.for_each(|model| model.forget_idle());
    }

    /// Returns what is known of a model; nothing when it is to be looked for.
    fn known(&self, name: &str) -> Option<Met> {
        let met = self.met().get(name).cloned()?;
        let is_over = matches!(met, Met::Failed(at) if at.elapsed() >= self.again);
        (!is_over).then_some(met)
    }

    fn find(&self, name: &str) -> Met {
        let mut found = Met::NotAtHand;
        for load in &self.at_hand {
            match load() {
                Ok(model) if model.model() == name => {
                    tracing::info!(
                        model = name,
                        "memories still have the vectors of this model"
                    );
                    let embedding = Embedding::new(model.into(), self.metrics.clone());
                    return Met::Loaded(Arc::new(embedding));
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::error!("a previous model cannot be loaded: {error}");
                    found = Met::Failed(Instant::now());
                }
            }
        }
        tracing::warn!(
            model = name,
            "memories have the vectors of a model that is not at hand: until they are \
             embedded again they are found by their words"
        );
        found
    }

    fn met(&self) -> MutexGuard<'_, HashMap<String, Met>> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Met {
    fn model(&self) -> Option<Arc<Embedding>> {
        match self {
            Self::Loaded(model) => Some(model.clone()),
            Self::NotAtHand | Self::Failed(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
        thread,
    };

    use picard_testkit::HashEmbedder;

    use super::*;

    const NAME: &str = "hashed-words-64";

    fn with(load: LoadModel) -> Previous {
        Previous::new(vec![load], Arc::new(ServerMetrics::default()))
    }

    fn loaded() -> Box<dyn Embedder> {
        Box::new(HashEmbedder::default())
    }

    #[test]
    fn a_model_that_could_not_be_loaded_is_tried_again_after_a_while() {
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = tries.clone();
        let mut previous = with(Box::new(move || {
            match counted.fetch_add(1, Ordering::Relaxed) {
                0 => Err("too many open files".to_owned()),
                _ => Ok(loaded()),
            }
        }));
        assert!(previous.load(NAME).is_none());
        assert!(previous.load(NAME).is_none());
        assert_eq!(tries.load(Ordering::Relaxed), 1, "not for each question");
        previous.again = Duration::ZERO;
        assert!(previous.load(NAME).is_some());
        assert!(previous.load(NAME).is_some());
        assert_eq!(tries.load(Ordering::Relaxed), 2);
        // One that is not at hand is not looked for again.
        assert!(previous.load("another").is_none());
        assert!(previous.load("another").is_none());
        assert_eq!(tries.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn while_one_is_loaded_nobody_waits_who_does_not_need_it() {
        let (go_on, gone_on) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        let gone_on = Mutex::new(gone_on);
        let previous = with(Box::new(move || {
            begin.send(()).map_err(|error| error.to_string())?;
            let gone_on = gone_on.lock().map_err(|error| error.to_string())?;
            let told = gone_on.recv_timeout(Duration::from_mins(1));
            told.map_err(|error| error.to_string())?;
            Ok(loaded())
        }));
        thread::scope(|scope| {
            let loading = scope.spawn(|| previous.load(NAME).is_some());
            begun.recv().expect("it begins");
            previous.keep(|_| true);
            assert!(previous.known(NAME).is_none());
            go_on.send(()).expect("it waits");
            assert!(loading.join().expect("it ends"));
        });
    }
}
