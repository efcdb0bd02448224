//! Models that made vectors before the present one did: while memories have such
//! vectors, questions go to these models, too.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use picard_embed::Embedder;
use picard_metrics::ServerMetrics;
use tokio::task::spawn_blocking;

use crate::{Error, embedding::Embedding};

/// Loads a model, or says why it cannot.
pub type LoadModel = Box<dyn Fn() -> Result<Box<dyn Embedder>, String> + Send + Sync>;

/// The earlier models that are at hand. Each is loaded when a memory with its
/// vectors is met, and dropped when there is none any more.
pub(crate) struct Previous {
    at_hand: Vec<LoadModel>,
    /// By name; with nothing when it is not at hand.
    met: Mutex<HashMap<String, Option<Arc<Embedding>>>>,
    metrics: Arc<ServerMetrics>,
}

impl Previous {
    pub(crate) fn new(at_hand: Vec<LoadModel>, metrics: Arc<ServerMetrics>) -> Self {
        Self {
            at_hand,
            met: Mutex::default(),
            metrics,
        }
    }

    /// Returns the model of a name, loading it if it is at hand. That takes a while:
    /// not for an async thread.
    pub(crate) fn load(&self, name: &str) -> Option<Arc<Embedding>> {
        // Others who need it wait for it, rather than loading it as well.
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = met.get(name) {
            return known.clone();
        }
        let model = self.find(name).map(|model| {
            tracing::info!(
                model = name,
                "memories still have the vectors of this model"
            );
            Arc::new(Embedding::new(model.into(), self.metrics.clone()))
        });
        if model.is_none() {
            tracing::warn!(
                model = name,
                "memories have the vectors of a model that is not at hand: until they are \
                 embedded again they are found by their words"
            );
        }
        met.insert(name.to_owned(), model.clone());
        model
    }

    /// Does what [`Self::load`] does without keeping the async thread.
    pub(crate) async fn get(self: &Arc<Self>, name: &str) -> Result<Option<Arc<Embedding>>, Error> {
        let (previous, name) = (self.clone(), name.to_owned());
        Ok(spawn_blocking(move || previous.load(&name)).await?)
    }

    /// Drops the models of which no vectors are left.
    pub(crate) fn keep(&self, is_left: impl Fn(&str) -> bool) {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        met.retain(|name, _| is_left(name));
    }

    /// Does what [`Embedding::forget_idle`] does, of all of them; while one is loaded, not
    /// this time.
    pub(crate) fn forget_idle(&self) {
        let Ok(met) = self.met.try_lock() else { return };
        met.values().flatten().for_each(|model| model.forget_idle());
    }

    fn find(&self, name: &str) -> Option<Box<dyn Embedder>> {
        self.at_hand.iter().find_map(|load| match load() {
            Ok(model) => (model.model() == name).then_some(model),
            Err(error) => {
                tracing::error!("a previous model cannot be loaded: {error}");
                None
            }
        })
    }
}
