//! The embedding model: the one inside the binary, or one in a folder.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use clap::Args;
use picard_app::LoadModel;
use picard_embed::{Embedder, Late};
use tokio::task::spawn_blocking;

use crate::hint::OrHint as _;

/// Which model.
#[derive(Args, Clone)]
pub(crate) struct Model {
    /// A folder with another model: an ONNX file of the BERT family and its tokenizer.json
    #[arg(long, env = "PICARD_MODEL_DIR", value_name = "DIR")]
    model_dir: Option<PathBuf>,
    /// The folder of the model before: memories are found by it until the present one has embedded
    /// them
    #[arg(long, env = "PICARD_PREVIOUS_MODEL_DIR", value_name = "DIR")]
    previous_model_dir: Option<PathBuf>,
}

impl Model {
    /// Loads the model.
    pub(crate) async fn load(&self) -> anyhow::Result<Arc<dyn Embedder>> {
        let model = self.clone();
        Ok(spawn_blocking(move || model.load_now()).await??.into())
    }

    /// Loads the model, or stands in for it: then memories are stored, and found by
    /// their words, until it can be loaded.
    pub(crate) async fn load_or_none(&self) -> anyhow::Result<Arc<dyn Embedder>> {
        let model = self.clone();
        let late = spawn_blocking(move || Late::new(move || in_words(model.load_now())));
        let late = late.await?;
        if let Err(error) = late.reads("") {
            tracing::error!("{error}: memories are stored, and found, by their words only");
        }
        Ok(Arc::new(late))
    }

    /// Returns how to load the models that may have embedded memories before: the one in
    /// the folder that is named for it, and the one inside the binary.
    pub(crate) fn previous(&self) -> Vec<LoadModel> {
        let mut models: Vec<LoadModel> = Vec::new();
        if let Some(folder) = self.previous_model_dir.clone() {
            models.push(Box::new(move || in_words(from(&folder))));
        }
        if self.model_dir.is_some() && cfg!(feature = "embedded-model") {
            models.push(Box::new(|| in_words(embedded())));
        }
        models
    }

    fn load_now(&self) -> anyhow::Result<Box<dyn Embedder>> {
        match &self.model_dir {
            Some(folder) => from(folder).or_hint(
                "put them there, or take PICARD_MODEL_DIR away for the model inside the binary",
            ),
            None => embedded(),
        }
    }
}

fn from(folder: &Path) -> anyhow::Result<Box<dyn Embedder>> {
    picard_embed::load_dir(folder)
        .with_context(|| format!("no model can be loaded from {}", folder.display()))
}

fn in_words(loaded: anyhow::Result<Box<dyn Embedder>>) -> Result<Box<dyn Embedder>, String> {
    loaded.map_err(|error| format!("{error:#}"))
}

#[cfg(feature = "embedded-model")]
fn embedded() -> anyhow::Result<Box<dyn Embedder>> {
    use std::borrow::Cow;

    use picard_embed::{E5, ModelFiles};

    macro_rules! file {
        ($name:literal) => {
            Cow::Borrowed(
                include_bytes!(concat!("../../../models/multilingual-e5-small/", $name)).as_slice(),
            )
        };
    }
    let model = E5::from_bytes(ModelFiles {
        encoder: file!("encoder.onnx"),
        vocabulary: file!("vocabulary.bin"),
        tokens: file!("tokens.q4"),
        scales: file!("tokens.scale"),
    });
    Ok(Box::new(
        model.context("the model inside the binary cannot be loaded")?,
    ))
}

#[cfg(not(feature = "embedded-model"))]
fn embedded() -> anyhow::Result<Box<dyn Embedder>> {
    Err(anyhow::anyhow!("this binary carries no model"))
        .or_hint("set PICARD_MODEL_DIR to a folder with a model")
}

#[cfg(all(test, feature = "embedded-model"))]
mod tests {
    use super::*;

    #[test]
    fn the_model_inside_the_binary_is_at_hand_after_a_change_to_another() {
        let other = Model {
            model_dir: Some(PathBuf::from("another")),
            previous_model_dir: None,
        };
        let [load] = &other.previous()[..] else {
            panic!("one is at hand");
        };
        let model = load().expect("it loads");
        assert!(model.model().starts_with("multilingual-e5-small/"));
        let itself = Model {
            model_dir: None,
            ..other
        };
        assert!(itself.previous().is_empty());
    }
}
