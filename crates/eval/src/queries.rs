//! Vectors of questions, kept while configurations are compared: only the ranking differs
//! between them.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use picard_embed::{Embedder, Error, Window, Work};

/// An embedder that remembers the vectors of questions.
pub(crate) struct Queries {
    model: Arc<dyn Embedder>,
    known: Mutex<HashMap<String, Vec<f32>>>,
}

/// The same model, asked anew each time; what it says is remembered.
pub(crate) struct Anew(pub(crate) Arc<Queries>);

impl Queries {
    pub(crate) fn new(model: Arc<dyn Embedder>) -> Self {
        Self {
            model,
            known: Mutex::default(),
        }
    }

    fn learn(&self, text: &str) -> Result<Vec<f32>, Error> {
        let vector = self.model.embed_query(text)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(text.to_owned(), vector.clone());
        Ok(vector)
    }

    fn known(&self, text: &str) -> Option<Vec<f32>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(text).cloned()
    }
}

impl Embedder for Queries {
    fn model(&self) -> &str {
        self.model.model()
    }

    fn dimensions(&self) -> usize {
        self.model.dimensions()
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>, Error> {
        self.known(text).map_or_else(|| self.learn(text), Ok)
    }

    fn reads(&self, question: &str) -> Result<usize, Error> {
        self.model.reads(question)
    }

    fn windows(&self, text: &str) -> Result<Vec<Window>, Error> {
        self.model.windows(text)
    }

    fn embed_window(&self, window: &Window) -> Result<Vec<f32>, Error> {
        self.model.embed_window(window)
    }

    fn at_once(&self) -> NonZeroUsize {
        self.model.at_once()
    }

    fn work(&self) -> Work {
        self.model.work()
    }
}

impl Embedder for Anew {
    fn model(&self) -> &str {
        self.0.model()
    }

    fn dimensions(&self) -> usize {
        self.0.dimensions()
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>, Error> {
        self.0.learn(text)
    }

    fn reads(&self, question: &str) -> Result<usize, Error> {
        self.0.reads(question)
    }

    fn windows(&self, text: &str) -> Result<Vec<Window>, Error> {
        self.0.windows(text)
    }

    fn embed_window(&self, window: &Window) -> Result<Vec<f32>, Error> {
        self.0.embed_window(window)
    }

    fn at_once(&self) -> NonZeroUsize {
        self.0.at_once()
    }

    fn work(&self) -> Work {
        self.0.work()
    }
}
