//! The settings that sentence-transformers keeps beside a model, and a digest of all its files.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::Error;

/// How the vectors of the tokens become one.
#[derive(Clone, Copy)]
pub(crate) enum Pooling {
    Mean,
    FirstToken,
}

/// What a folder says about its model.
pub(crate) struct Settings {
    pub(crate) pooling: Pooling,
    /// Goes before a question.
    pub(crate) query: String,
    /// Goes before a text that is to be found.
    pub(crate) passage: String,
    /// The first 8 digits of a SHA-256 over all files that the vectors depend on.
    pub(crate) digest: String,
}

/// `1_Pooling/config.json`, as far as it matters here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PoolingFile {
    pooling_mode_cls_token: bool,
}

/// `config_sentence_transformers.json`, as far as it matters here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct MainFile {
    prompts: Prompts,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Prompts {
    query: String,
    #[serde(alias = "document")]
    passage: String,
}

impl Settings {
    /// Reads the settings of a folder whose graph is in `graph`. Without the files: the mean, and
    /// no prompts.
    pub(crate) fn read(folder: &Path, graph: &Path) -> Result<Self, Error> {
        let pooling_path = folder.join("1_Pooling").join("config.json");
        let main_path = folder.join("config_sentence_transformers.json");
        let pooling: PoolingFile = json(&pooling_path)?;
        let MainFile { prompts } = json(&main_path)?;
        let weights = |end| {
            let mut path = graph.as_os_str().to_owned();
            path.push(end);
            PathBuf::from(path)
        };
        let tokenizer = folder.join("tokenizer.json");
        let files = [
            weights(""),
            weights("_data"),
            weights(".data"),
            tokenizer,
            pooling_path,
        ];
        Ok(Self {
            pooling: if pooling.pooling_mode_cls_token {
                Pooling::FirstToken
            } else {
                Pooling::Mean
            },
            query: prompts.query,
            passage: prompts.passage,
            digest: digest(files.iter().chain([&main_path]))?,
        })
    }
}

/// Reads a file of settings; one that is not there leaves everything at its default.
fn json<T: Default + DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(T::default()),
        Err(source) => {
            return Err(Error::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    serde_json::from_slice(&text).map_err(|source| Error::Settings {
        path: path.to_owned(),
        source,
    })
}

/// Digests those of the files that are there.
fn digest<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> Result<String, Error> {
    let mut hash = Sha256::new();
    for path in paths.filter(|path| path.is_file()) {
        let read = File::open(path).and_then(|file| {
            let mut file = BufReader::with_capacity(1 << 20, file);
            loop {
                let part = file.fill_buf()?;
                if part.is_empty() {
                    return Ok(());
                }
                hash.update(part);
                let len = part.len();
                file.consume(len);
            }
        });
        read.map_err(|source| Error::Read {
            path: path.clone(),
            source,
        })?;
    }
    let [a, b, c, d, ..] = hash.finalize().0;
    Ok(format!("{a:02x}{b:02x}{c:02x}{d:02x}"))
}
