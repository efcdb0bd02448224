//! The embedding model: the one inside the binary, or one in a folder.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use picard_embed::{Embedder, Late};
use tokio::task::spawn_blocking;

use crate::hint::OrHint as _;

/// Which model.
#[derive(Args, Clone)]
pub(crate) struct Model {
    /// A folder with another model: an ONNX file of the BERT family and its tokenizer.json
    #[arg(long, env = "PICARD_MODEL_DIR", value_name = "DIR")]
    model_dir: Option<PathBuf>,
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
        let late = spawn_blocking(move || {
            Late::new(move || model.load_now().map_err(|error| format!("{error:#}")))
        });
        let late = late.await?;
        if let Err(error) = late.reads("") {
            tracing::error!("{error}: memories are stored, and found, by their words only");
        }
        Ok(Arc::new(late))
    }

    fn load_now(&self) -> anyhow::Result<Box<dyn Embedder>> {
        match &self.model_dir {
            Some(folder) => picard_embed::load_dir(folder)
                .with_context(|| format!("no model can be loaded from {}", folder.display()))
                .or_hint("PICARD_MODEL_DIR names a folder with an ONNX file and a tokenizer.json"),
            None => embedded(),
        }
    }
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
