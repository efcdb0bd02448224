//! The embedding model: the one inside the binary, or one in a folder.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use picard_embed::Embedder;
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
        let folder = self.model_dir.clone();
        spawn_blocking(move || match folder {
            Some(folder) => picard_embed::load_dir(&folder)
                .map(Arc::from)
                .with_context(|| format!("no model can be loaded from {}", folder.display()))
                .or_hint("PICARD_MODEL_DIR names a folder with an ONNX file and a tokenizer.json"),
            None => embedded(),
        })
        .await?
    }
}

#[cfg(feature = "embedded-model")]
fn embedded() -> anyhow::Result<Arc<dyn Embedder>> {
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
    Ok(Arc::new(
        model.context("the model inside the binary cannot be loaded")?,
    ))
}

#[cfg(not(feature = "embedded-model"))]
fn embedded() -> anyhow::Result<Arc<dyn Embedder>> {
    Err(anyhow::anyhow!("this binary carries no model"))
        .or_hint("set PICARD_MODEL_DIR to a folder with a model")
}
