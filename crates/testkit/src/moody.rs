//! An embedder that fails when a test wants it to.

use std::sync::atomic::{AtomicBool, Ordering};

use picard_embed::{Embedder, Error, Window};

use crate::HashEmbedder;

/// A [`HashEmbedder`] that fails while it is told to, as a model does whose file is
/// damaged.
#[derive(Debug, Default)]
pub struct MoodyEmbedder {
    embedder: HashEmbedder,
    fails: AtomicBool,
}

impl MoodyEmbedder {
    /// Fails from now on, or no longer.
    pub fn fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    fn mood(&self) -> Result<&HashEmbedder, Error> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(Error::Absent {
                reason: "it has a bad day".to_owned(),
            });
        }
        Ok(&self.embedder)
    }
}

impl Embedder for MoodyEmbedder {
    fn model(&self) -> &str {
        self.embedder.model()
    }

    fn dimensions(&self) -> usize {
        self.embedder.dimensions()
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>, Error> {
        self.mood()?.embed_query(text)
    }

    fn reads(&self, question: &str) -> Result<usize, Error> {
        self.mood()?.reads(question)
    }

    fn windows(&self, text: &str) -> Result<Vec<Window>, Error> {
        self.mood()?.windows(text)
    }

    fn embed_window(&self, window: &Window) -> Result<Vec<f32>, Error> {
        self.mood()?.embed_window(window)
    }
}
