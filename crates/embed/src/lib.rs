//! Text to vector: the embedding model.
//!
//! [`E5`] is multilingual-e5-small, the model that comes with Picard; [`OnnxModel`] is any other
//! model of the BERT family that an operator puts into a folder; [`load_dir`] tells which of the two
//! a folder holds. Both are an [`Embedder`], and that is all that the use cases know of them.
//! Ranking and keeping vectors is not done here (see `picard-search`), nor is anything
//! asynchronous, nor whose turn it is: an embedding keeps a core busy for milliseconds to seconds,
//! so callers in a runtime have threads and a queue for it. [`Embedder::windows`] and
//! [`Embedder::embed_window`] are there for them: a long text need not be done at one go.
//!
//! # The files of the model
//! `models/multilingual-e5-small/` holds the four files of [`ModelFiles`], named by the constants of
//! [`files`]. A program that carries the model inside fills the struct with
//! `include_bytes!`, and the token table stays in the pages of the executable, of which only those
//! that a text touches are ever read:
//!
//! ```ignore
//! let model = E5::from_bytes(ModelFiles {
//!     encoder: Cow::Borrowed(include_bytes!("../../../models/multilingual-e5-small/encoder.onnx")),
//!     vocabulary: Cow::Borrowed(include_bytes!("../../../models/multilingual-e5-small/vocabulary.bin")),
//!     tokens: Cow::Borrowed(include_bytes!("../../../models/multilingual-e5-small/tokens.q4")),
//!     scales: Cow::Borrowed(include_bytes!("../../../models/multilingual-e5-small/tokens.scale")),
//! })?;
//! ```
//!
//! Everything else (tests, development) reads the folder: [`E5::from_dir`].

mod e5;
mod error;
mod lanes;
mod late;
mod onnx;
mod reader;
mod settings;
mod table;
mod unigram;
mod vector;
mod window;

use std::{num::NonZeroUsize, path::Path, time::Duration};

pub use e5::{E5, ModelFiles, files};
pub use error::Error;
pub use late::Late;
pub use onnx::OnnxModel;
pub use window::Window;

/// Turns texts into vectors whose cosine is the likeness of their meanings.
///
/// All vectors are L2-normalised, so the dot product is the cosine. Implementations are CPU-bound
/// and may be used from several threads at once.
pub trait Embedder: Send + Sync {
    /// Loads what could not be loaded before; see [`Late`]. This takes a while.
    fn load(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Names the model, to be stored with each vector: vectors of two names cannot be compared.
    fn model(&self) -> &str;

    /// Gives the length of every vector.
    fn dimensions(&self) -> usize;

    /// Embeds a question. What is longer than the model reads (about 500 tokens) is cut off.
    fn embed_query(&self, text: &str) -> Result<Vec<f32>, Error>;

    /// Tells how many bytes of a question [`Self::embed_query`] reads: all of them, or, when it is
    /// longer than the model reads, about those in front of where it is cut off.
    fn reads(&self, question: &str) -> Result<usize, Error>;

    /// Cuts a text that is to be found into its overlapping windows, in order. A short text has
    /// one window, and none has more than 64. Quick beside what it takes to embed them.
    fn windows(&self, text: &str) -> Result<Vec<Window>, Error>;

    /// Embeds a window that this model cut.
    fn embed_window(&self, window: &Window) -> Result<Vec<f32>, Error>;

    /// Embeds a text that is to be found: one vector for each of its windows.
    fn embed_passage(&self, text: &str) -> Result<Vec<Vec<f32>>, Error> {
        let windows = self.windows(text)?;
        windows
            .iter()
            .map(|window| self.embed_window(window))
            .collect()
    }

    /// Tells how many embeddings are best computed at once; more callers wait for each other.
    fn at_once(&self) -> NonZeroUsize {
        std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
    }

    /// Tells how much was done so far, for those who watch it.
    fn work(&self) -> Work {
        Work::default()
    }
}

/// What an embedder did since it was loaded.
#[derive(Debug, Clone, Copy, Default)]
pub struct Work {
    /// Windows of texts that the model read.
    pub windows: u64,
    /// How long cores computed, added up over all of them.
    pub busy: Duration,
}

/// Loads the model in a folder: [`E5`] when its four files are there, else an [`OnnxModel`].
pub fn load_dir(folder: &Path) -> Result<Box<dyn Embedder>, Error> {
    if folder.join(files::TOKENS).is_file() {
        Ok(Box::new(E5::from_dir(folder)?))
    } else {
        Ok(Box::new(OnnxModel::from_dir(folder)?))
    }
}
