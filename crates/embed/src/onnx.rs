//! Any other model of the BERT family, as Hugging Face and sentence-transformers lay it out in a
//! folder.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;

use rten::{Model, ModelOptions, NodeId, Value};
use rten_tensor::{AsView, Layout, NdTensorView};
use tokenizers::Tokenizer;
use zeroize::Zeroizing;

use crate::lanes::Lanes;
use crate::settings::{Pooling, Settings};
use crate::vector::normalise;
use crate::window::{Border, ends_sentence, windows};
use crate::{Embedder, Error, Window};

/// The most tokens given to a model at once: all of the family read 512.
const POSITIONS: usize = 512;

/// A text encoder read from a folder:
///
/// - `model.onnx` or `onnx/model.onnx`: inputs `input_ids`, `attention_mask` and possibly
///   `token_type_ids`; output `last_hidden_state` (else the first output: hidden states of rank 3,
///   or finished vectors of rank 2),
/// - `tokenizer.json`,
/// - if present, `1_Pooling/config.json`: whether the vector is the first token's or, as without
///   the file, the mean of all,
/// - if present, `config_sentence_transformers.json`: the prompts that go before a `query` and a
///   `passage` (or `document`).
///
/// Its name is that of the folder and the beginning of a digest of these files, so another model
/// under the same name is still another model.
pub struct OnnxModel {
    name: String,
    dimensions: usize,
    model: Model,
    inputs: Vec<(Input, NodeId)>,
    output: NodeId,
    tokenizer: Tokenizer,
    settings: Settings,
    room: usize,
    lanes: Lanes,
}

#[derive(Clone, Copy)]
enum Input {
    Ids,
    Mask,
    Types,
}

impl OnnxModel {
    /// Loads the model of a folder and tries it on a letter.
    pub fn from_dir(folder: &Path) -> Result<Self, Error> {
        let graph = ["model.onnx", "onnx/model.onnx"].map(|name| folder.join(name));
        let graph = graph.into_iter().find(|path| path.is_file());
        let tokens = folder.join("tokenizer.json");
        let (Some(graph), true) = (graph, tokens.is_file()) else {
            return Err(Error::NoModel {
                folder: folder.to_owned(),
            });
        };
        let settings = Settings::read(folder, &graph)?;
        let mut tokenizer = Tokenizer::from_file(&tokens).map_err(Error::Tokenizer)?;
        // Cutting and padding are decided here, not by how the model was last used.
        tokenizer.with_truncation(None).map_err(Error::Tokenizer)?;
        tokenizer.with_padding(None);

        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let model = options.load_file(&graph).map_err(Error::Graph)?;
        let output = model
            .find_node("last_hidden_state")
            .or(model.output_ids().first().copied());
        let mut loaded = Self {
            name: String::new(),
            dimensions: 0,
            inputs: inputs(&model)?,
            output: output.ok_or(Error::NotAnEncoder {
                what: "it has no output",
            })?,
            model,
            tokenizer,
            settings,
            room: POSITIONS,
            lanes: Lanes::of_this_machine(),
        };
        let marks = [&loaded.settings.query, &loaded.settings.passage].map(|prompt| {
            let marked = loaded.tokenizer.encode(prompt.as_str(), true);
            marked.map(|marked| marked.len()).map_err(Error::Tokenizer)
        });
        let [query, passage] = marks;
        loaded.room = POSITIONS.saturating_sub(query?.max(passage?)).max(1);
        loaded.dimensions = loaded.embed_window(&loaded.marked("", "a")?)?.len();
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let folder = folder.file_name().unwrap_or_default().to_string_lossy();
        loaded.name = format!("{folder}/{}", loaded.settings.digest);
        Ok(loaded)
    }

    /// Cuts a text into windows by its tokens.
    fn cut<'t>(&self, text: &'t str) -> Result<Vec<&'t str>, Error> {
        let encoding = self
            .tokenizer
            .encode(text, false)
            .map_err(Error::Tokenizer)?;
        let offsets = encoding.get_offsets();
        let borders: Vec<Border> = offsets
            .iter()
            .map(|(begin, _)| border(text, *begin))
            .collect();
        let part = |window: Range<usize>| {
            let begin = offsets.get(window.start).map_or(0, |(begin, _)| *begin);
            let end = offsets
                .get(window.end)
                .map_or(text.len(), |(begin, _)| *begin);
            let begin = text.floor_char_boundary(begin);
            &text[begin..text.floor_char_boundary(end).max(begin)]
        };
        Ok(windows(&borders, self.room).into_iter().map(part).collect())
    }

    fn marked(&self, prompt: &str, text: &str) -> Result<Window, Error> {
        let text = Zeroizing::new(format!("{prompt}{text}"));
        let encoding = self
            .tokenizer
            .encode(text.as_str(), true)
            .map_err(Error::Tokenizer)?;
        let mut ids = encoding.get_ids().to_vec();
        if ids.len() > POSITIONS {
            // The last token is the mark of the end.
            ids.drain(POSITIONS - 1..ids.len() - 1);
        }
        Ok(Window::new(ids))
    }

    /// Makes one vector of the hidden states of all tokens.
    fn pool(&self, hidden: Value) -> Result<Vec<f32>, Error> {
        let shaped = Error::NotAnEncoder {
            what: "its output is neither [1, tokens, n] nor [1, n]",
        };
        let Value::FloatTensor(hidden) = hidden else {
            return Err(shaped);
        };
        let (shape, values) = (hidden.shape().to_vec(), hidden.to_vec());
        match (&shape[..], self.settings.pooling) {
            ([1, _], _) => Ok(values),
            ([1, tokens, width], pooling)
                if values.len() == tokens * width && !values.is_empty() =>
            {
                let counted = match pooling {
                    Pooling::Mean => *tokens,
                    Pooling::FirstToken => 1,
                };
                let mut sum = vec![0.0; *width];
                for row in values.chunks_exact(*width).take(counted) {
                    sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
                }
                for sum in &mut sum {
                    *sum /= counted as f32;
                }
                Ok(sum)
            }
            _ => Err(shaped),
        }
    }
}

impl Embedder for OnnxModel {
    fn model(&self) -> &str {
        &self.name
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn at_once(&self) -> NonZeroUsize {
        self.lanes.count()
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>, Error> {
        self.embed_window(&self.marked(&self.settings.query, text)?)
    }

    fn reads(&self, question: &str) -> Result<usize, Error> {
        let prompt = &self.settings.query;
        let encoding = self
            .tokenizer
            .encode(format!("{prompt}{question}"), true)
            .map_err(Error::Tokenizer)?;
        if encoding.len() <= POSITIONS {
            return Ok(question.len());
        }
        // The last token is the mark of the end, which is kept.
        let (_, end) = encoding.get_offsets()[POSITIONS - 2];
        Ok(question.floor_char_boundary(end.saturating_sub(prompt.len())))
    }

    fn windows(&self, text: &str) -> Result<Vec<Window>, Error> {
        let parts = self.cut(text)?.into_iter();
        parts
            .map(|part| self.marked(&self.settings.passage, part))
            .collect()
    }

    fn embed_window(&self, window: &Window) -> Result<Vec<f32>, Error> {
        let ids: Vec<i32> = window.tokens().iter().map(|id| *id as i32).collect();
        if ids.is_empty() {
            // A tokenizer without marks, and a text without tokens: like nothing.
            return Ok(vec![0.0; self.dimensions]);
        }
        // One text and not a pair: all of its tokens count, and are of the first type.
        let (ones, zeros) = (vec![1; ids.len()], vec![0; ids.len()]);
        let inputs = self.inputs.iter().map(|(input, node)| {
            let values = match input {
                Input::Ids => &ids,
                Input::Mask => &ones,
                Input::Types => &zeros,
            };
            let row = NdTensorView::from_data([1, ids.len()], values.as_slice());
            (*node, row.as_dyn().into())
        });
        let lane = self.lanes.take();
        let [hidden] = self
            .model
            .run_n(inputs.collect(), [self.output], Some(lane.options()))
            .map_err(Error::Run)?;
        drop(lane);
        self.pool(hidden).map(normalise)
    }

    fn work(&self) -> crate::Work {
        self.lanes.work()
    }
}

/// Finds out what the graph asks for.
fn inputs(model: &Model) -> Result<Vec<(Input, NodeId)>, Error> {
    let known = |node: &NodeId| match model.node_info(*node)?.name()? {
        "input_ids" => Some((Input::Ids, *node)),
        "attention_mask" => Some((Input::Mask, *node)),
        "token_type_ids" => Some((Input::Types, *node)),
        _ => None,
    };
    let found: Vec<_> = model.input_ids().iter().filter_map(known).collect();
    if found.len() < model.input_ids().len() {
        let what = "it has inputs besides input_ids, attention_mask and token_type_ids";
        return Err(Error::NotAnEncoder { what });
    }
    if !found.iter().any(|(input, _)| matches!(input, Input::Ids)) {
        return Err(Error::NotAnEncoder {
            what: "it has no input `input_ids`",
        });
    }
    Ok(found)
}

/// Says how good a place a byte of the text is to begin a window.
fn border(text: &str, begin: usize) -> Border {
    let (before, after) = text.split_at(text.floor_char_boundary(begin));
    let spaced = before.ends_with(char::is_whitespace) || after.starts_with(char::is_whitespace);
    match before.trim_end().chars().next_back() {
        None => Border::Sentence,
        Some(c) if ends_sentence(c) && (spaced || !c.is_ascii()) => Border::Sentence,
        Some(_) if spaced => Border::Word,
        Some(_) => Border::Inside,
    }
}
