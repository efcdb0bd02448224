//! What can go wrong with a model. Texts never are at fault: any string has a vector.

use std::path::PathBuf;

/// A model that cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No model was loaded.
    #[error("there is no model: {reason}")]
    Absent {
        /// Why it could not be loaded.
        reason: String,
    },
    /// A file of the model is missing or unreadable.
    #[error("cannot read the model file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder holds no model that Picard knows how to read.
    #[error("model.onnx (or onnx/model.onnx) and tokenizer.json are not both there")]
    NoModel {
        /// The folder.
        folder: PathBuf,
    },
    /// A file of the model is not what its name says.
    #[error("the model file {file} is damaged: {what}")]
    Damaged {
        /// The file.
        file: &'static str,
        /// What was expected of it.
        what: &'static str,
    },
    /// The graph cannot be loaded.
    #[error("cannot load the model's graph")]
    Graph(#[source] rten::LoadError),
    /// The graph has none of the inputs or outputs of a BERT encoder.
    #[error("the model's graph is not a text encoder: {what}")]
    NotAnEncoder {
        /// What is missing or has an unexpected shape.
        what: &'static str,
    },
    /// The tokenizer cannot be loaded or run.
    #[error("the model's tokenizer failed")]
    Tokenizer(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The settings beside the model are not valid JSON of the expected form.
    #[error("cannot read the model's settings in {}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The graph failed while it was running.
    #[error("the model failed on a text")]
    Run(#[source] rten::RunError),
}
