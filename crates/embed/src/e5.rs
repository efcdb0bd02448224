//! multilingual-e5-small: 384 dimensions, about 100 languages, up to 512 tokens.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::path::Path;

use rten::{Model, ModelOptions, NodeId};
use rten_tensor::{AsView, NdTensor, NdTensorView};

use crate::lanes::Lanes;
use crate::table::TokenTable;
use crate::unigram::Unigram;
use crate::vector::normalise;
use crate::window::windows;
use crate::{Embedder, Error, Window};

/// The names of the model's files in its folder.
pub mod files {
    /// The encoder: an ONNX graph from token rows to one vector, weights in int8.
    pub const ENCODER: &str = "encoder.onnx";
    /// The tokenizer: pieces, scores, normalisation.
    pub const VOCABULARY: &str = "vocabulary.bin";
    /// The token table, four bits a weight.
    pub const TOKENS: &str = "tokens.q4";
    /// The scales of the token table.
    pub const SCALES: &str = "tokens.scale";
}

/// The four files of the model, from the executable (`Cow::Borrowed`) or from a folder.
pub struct ModelFiles {
    /// [`files::ENCODER`]. Only read while loading.
    pub encoder: Cow<'static, [u8]>,
    /// [`files::VOCABULARY`].
    pub vocabulary: Cow<'static, [u8]>,
    /// [`files::TOKENS`].
    pub tokens: Cow<'static, [u8]>,
    /// [`files::SCALES`].
    pub scales: Cow<'static, [u8]>,
}

impl ModelFiles {
    /// Reads the four files of a folder.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let read = |name| {
            let path = folder.join(name);
            let bytes = std::fs::read(&path).map_err(|source| Error::Read { path, source })?;
            Ok::<_, Error>(Cow::Owned(bytes))
        };
        Ok(Self {
            encoder: read(files::ENCODER)?,
            vocabulary: read(files::VOCABULARY)?,
            tokens: read(files::TOKENS)?,
            scales: read(files::SCALES)?,
        })
    }
}

/// How many tokens the encoder reads, the marks of beginning and end and the prefix included.
const POSITIONS: usize = 512;

/// The model that comes with Picard.
///
/// The model was trained with a word before every text that says what the text is for; it is added
/// here, so callers pass texts as they are.
pub struct E5 {
    vocabulary: Unigram,
    table: TokenTable,
    encoder: Model,
    input: NodeId,
    output: NodeId,
    query: Vec<u32>,
    passage: Vec<u32>,
    lanes: Lanes,
}

impl E5 {
    /// Its name. Changes whenever the files change in a way that changes the vectors.
    pub const NAME: &str = "multilingual-e5-small/1";

    /// Loads the model from a folder. The token table (54 MB) is read onto the heap.
    pub fn from_dir(folder: &Path) -> Result<Self, Error> {
        Self::from_bytes(ModelFiles::read(folder)?)
    }

    /// Loads the model from its files, which stay where they are.
    pub fn from_bytes(files: ModelFiles) -> Result<Self, Error> {
        let vocabulary = Unigram::new(files.vocabulary)?;
        let table = TokenTable::new(files.tokens, files.scales)?;
        if vocabulary.largest_id() as usize >= table.rows() {
            let what = "it has ids that are not in the token table";
            return Err(Error::Damaged {
                file: files::VOCABULARY,
                what,
            });
        }
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let encoder = match files.encoder {
            Cow::Borrowed(bytes) => options.load_static_slice(bytes),
            Cow::Owned(bytes) => options.load(bytes),
        };
        let encoder = encoder.map_err(Error::Graph)?;
        let node = |name, what| encoder.find_node(name).ok_or(Error::NotAnEncoder { what });
        Ok(Self {
            input: node("tokens", "it has no input `tokens`")?,
            output: node("hidden", "it has no output `hidden`")?,
            query: vocabulary.tokens("query:").ids.to_vec(),
            passage: vocabulary.tokens("passage:").ids.to_vec(),
            vocabulary,
            table,
            encoder,
            lanes: Lanes::of_this_machine(),
        })
    }

    /// Sets how many embeddings may be computed at once, each on a thread of its own; more callers
    /// wait. Without it: one for each core.
    #[must_use]
    pub fn with_threads(self, threads: NonZeroUsize) -> Self {
        Self {
            lanes: Lanes::new(threads),
            ..self
        }
    }

    /// How many tokens of text there is room for behind a prefix.
    fn room(&self) -> usize {
        POSITIONS - 2 - self.query.len().max(self.passage.len())
    }

    fn marked(&self, prefix: &[u32], ids: &[u32]) -> Window {
        let (begin, end) = ([self.vocabulary.begin_id], [self.vocabulary.end_id]);
        Window::new([&begin, prefix, ids, &end].concat())
    }
}

impl Embedder for E5 {
    fn model(&self) -> &str {
        Self::NAME
    }

    fn dimensions(&self) -> usize {
        self.table.columns()
    }

    fn at_once(&self) -> NonZeroUsize {
        self.lanes.count()
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>, Error> {
        let mut ids = self.vocabulary.first_tokens(text, self.room()).1.ids;
        ids.truncate(self.room());
        self.embed_window(&self.marked(&self.query, &ids))
    }

    fn reads(&self, question: &str) -> Result<usize, Error> {
        let room = self.room();
        // A token is of a byte at least, but for the one that any text may begin with.
        if question.is_ascii() && question.len() < room {
            return Ok(question.len());
        }
        Ok(self.vocabulary.reads(question, room))
    }

    fn windows(&self, text: &str) -> Result<Vec<Window>, Error> {
        let tokens = self.vocabulary.tokens(text);
        let windows = windows(&tokens.borders, self.room()).into_iter();
        Ok(windows
            .map(|window| self.marked(&self.passage, &tokens.ids[window]))
            .collect())
    }

    fn embed_window(&self, window: &Window) -> Result<Vec<f32>, Error> {
        let (tokens, columns) = (window.tokens(), self.table.columns());
        let mut rows = Vec::with_capacity(tokens.len() * columns);
        for id in tokens {
            self.table.push_row(*id, &mut rows);
        }
        let rows = NdTensorView::from_data([tokens.len(), columns], rows.as_slice());
        let lane = self.lanes.take();
        let inputs = vec![(self.input, rows.as_dyn().into())];
        let [hidden] = self
            .encoder
            .run_n(inputs, [self.output], Some(lane.options()))
            .map_err(Error::Run)?;
        drop(lane);
        let hidden: NdTensor<f32, 1> = hidden.try_into().map_err(|_| Error::NotAnEncoder {
            what: "its output is not one vector of f32",
        })?;
        Ok(normalise(hidden.to_vec()))
    }

    fn work(&self) -> crate::Work {
        self.lanes.work()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    static MODEL: LazyLock<E5> = LazyLock::new(|| {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../models/multilingual-e5-small"
        );
        E5::from_dir(Path::new(folder)).expect("the model is in the repository")
    });

    fn assert_read_as_by_tokens(question: &str) {
        let read = MODEL.reads(question).expect("any text is read");
        let expected = MODEL.vocabulary.reads(question, MODEL.room());
        assert_eq!(read, expected, "{question:?}");
    }

    #[test]
    fn as_many_tokens_as_a_text_of_ascii_can_have_are_counted() {
        let tokens = |text: &str| MODEL.vocabulary.tokens(text).ids.len();
        // One of each character, and one in front of them all.
        let all = || ('!'..='~').flat_map(|a| ('!'..='~').map(move |b| format!("{a}{b}")));
        let pair = all().find(|pair| tokens(&pair.repeat(4)) == 9);
        let worst = pair.expect("there is one").repeat(MODEL.room());
        assert_eq!(tokens(&worst[..MODEL.room()]), MODEL.room() + 1);
        for bytes in MODEL.room() - 3..MODEL.room() + 3 {
            assert_read_as_by_tokens(&worst[..bytes]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn how_much_of_a_question_is_read_is_what_its_tokens_say(
            question in "([!-/:-@\\[-`{-~]{1,3}|[ -~]{1,12}|[\\x00-\\x1f]|é){0,200}"
        ) {
            let least = MODEL.room().saturating_sub(4);
            for bytes in [question.len(), least, least + 2, least + 4, least + 6] {
                let end = question.floor_char_boundary(bytes.min(question.len()));
                assert_read_as_by_tokens(&question[..end]);
            }
        }
    }
}
