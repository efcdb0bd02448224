//! A model that may come later.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, OnceLock, PoisonError},
};

use crate::{Embedder, Error, Window, Work};

/// Loads a model, or says why it cannot.
type Loading = Box<dyn Fn() -> Result<Box<dyn Embedder>, String> + Send + Sync>;

/// A model that need not be there when the program starts: a file may be missing, or damaged.
///
/// Until it is loaded every text fails with the reason. It has no name and no dimensions then, so
/// that nothing can be mistaken for its vectors.
pub struct Late {
    loading: Loading,
    model: OnceLock<Box<dyn Embedder>>,
    reason: Mutex<String>,
}

impl Late {
    /// Tries to load a model; [`Embedder::load`] tries again.
    pub fn new(
        loading: impl Fn() -> Result<Box<dyn Embedder>, String> + Send + Sync + 'static,
    ) -> Self {
        let late = Self {
            loading: Box::new(loading),
            model: OnceLock::new(),
            reason: Mutex::default(),
        };
        // Why not is remembered.
        let _ = late.load();
        late
    }

    fn get(&self) -> Result<&dyn Embedder, Error> {
        let reason = || self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        match self.model.get() {
            Some(model) => Ok(&**model),
            None => Err(Error::Absent {
                reason: reason().clone(),
            }),
        }
    }
}

impl Embedder for Late {
    fn load(&self) -> Result<(), Error> {
        if self.model.get().is_none() {
            match (self.loading)() {
                // When two load at once, one of the two models is enough.
                Ok(model) => drop(self.model.set(model)),
                Err(error) => {
                    *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = error;
                }
            }
        }
        self.get().map(drop)
    }

    fn model(&self) -> &str {
        self.model.get().map_or("", |model| model.model())
    }

    fn dimensions(&self) -> usize {
        self.model.get().map_or(0, |model| model.dimensions())
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>, Error> {
        self.get()?.embed_query(text)
    }

    fn reads(&self, question: &str) -> Result<usize, Error> {
        self.get()?.reads(question)
    }

    fn windows(&self, text: &str) -> Result<Vec<Window>, Error> {
        self.get()?.windows(text)
    }

    fn embed_window(&self, window: &Window) -> Result<Vec<f32>, Error> {
        self.get()?.embed_window(window)
    }

    fn at_once(&self) -> NonZeroUsize {
        let one_for_each_core = || std::thread::available_parallelism().ok();
        let model = self.model.get().map(|model| model.at_once());
        model
            .or_else(one_for_each_core)
            .unwrap_or(NonZeroUsize::MIN)
    }

    fn work(&self) -> Work {
        self.model
            .get()
            .map(|model| model.work())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::Path,
        sync::atomic::{AtomicBool, Ordering},
    };

    use super::*;
    use crate::OnnxModel;

    #[test]
    fn a_model_is_there_from_when_it_can_be_loaded() {
        static IS_MENDED: AtomicBool = AtomicBool::new(false);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny");
        let late = Late::new(move || {
            if IS_MENDED.load(Ordering::Relaxed) {
                Ok(Box::new(
                    OnnxModel::from_dir(&folder).map_err(|error| error.to_string())?,
                ))
            } else {
                Err("the disk is elsewhere".to_owned())
            }
        });
        let error = late.embed_query("cat").expect_err("nothing is there");
        assert_eq!(
            error.to_string(),
            "there is no model: the disk is elsewhere"
        );
        assert!(late.load().is_err() && late.embed_passage("cat").is_err());
        assert_eq!((late.model(), late.dimensions()), ("", 0));
        IS_MENDED.store(true, Ordering::Relaxed);
        late.load().expect("it is mended");
        assert_eq!(
            (
                late.embed_query("cat").expect("a vector").len(),
                late.dimensions()
            ),
            (8, 8)
        );
        assert!(late.model().starts_with("tiny/"));
    }
}
