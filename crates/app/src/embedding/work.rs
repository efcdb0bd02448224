//! The pieces of work that wait for the model, and where their vectors are collected.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use picard_domain::Plaintext;
use picard_embed::{Embedder, Error as ModelError, Window};
use picard_metrics::{EmbeddedText, ServerMetrics};
use tokio::sync::oneshot;

use super::{Asked, turns::Piece};
use crate::{Error, Notice};

/// The vectors of a text, one for each of its windows.
pub(crate) type Chunks = Vec<Vec<f32>>;

/// Where what was asked for will be.
pub(super) type Answer<T> = oneshot::Receiver<Result<T, Error>>;

/// What one turn costs at most, about.
const MOST_TOKENS: usize = 512;

/// What any text costs: the marks, the prefix, and the way there.
const LEAST_TOKENS: usize = 8;

/// Bytes of a token, about, in the languages whose words are long.
const BYTES_PER_TOKEN: usize = 4;

/// Work of one turn.
pub(super) enum Work {
    Question {
        text: Plaintext,
        answer: oneshot::Sender<Result<Asked, Error>>,
    },
    Text(Part, Arc<Texts>),
}

/// What is done of a text in one turn.
pub(super) enum Part {
    /// It is cut, and embedded if that gives one window.
    Whole { text: Plaintext, number: usize },
    /// One window of a longer one is embedded.
    Window {
        window: Window,
        text: usize,
        number: usize,
    },
}

/// The texts of one call.
pub(super) struct Texts {
    asked: Instant,
    collected: Mutex<Collected>,
}

struct Collected {
    texts: Vec<Chunks>,
    /// How many windows each lacks, and
    windows_left: Vec<usize>,
    /// how many texts lack any.
    texts_left: usize,
    answer: Option<oneshot::Sender<Result<Vec<Chunks>, Error>>>,
}

impl Work {
    pub(super) fn question(text: Plaintext) -> (Piece<Self>, Answer<Asked>) {
        let (answer, vector) = oneshot::channel();
        let tokens = guess(&text).min(MOST_TOKENS) as u64;
        let work = Self::Question { text, answer };
        let piece = Piece {
            work,
            cost: tokens,
            tokens,
        };
        (piece, vector)
    }

    pub(super) fn texts(texts: Vec<Plaintext>) -> (Vec<Piece<Self>>, Answer<Vec<Chunks>>) {
        let (answer, vectors) = oneshot::channel();
        let call = Arc::new(Texts {
            asked: Instant::now(),
            collected: Mutex::new(Collected {
                texts: vec![Vec::new(); texts.len()],
                windows_left: vec![1; texts.len()],
                texts_left: texts.len(),
                answer: Some(answer),
            }),
        });
        let numbered = texts.into_iter().enumerate();
        let pieces = numbered.map(|(number, text)| {
            let tokens = guess(&text);
            Piece {
                work: Self::Text(Part::Whole { text, number }, call.clone()),
                cost: tokens.min(MOST_TOKENS) as u64,
                tokens: tokens as u64,
            }
        });
        (pieces.collect(), vectors)
    }

    /// Tells whether somebody still waits for it.
    pub(super) fn is_wanted(&self) -> bool {
        match self {
            Self::Question { answer, .. } => !answer.is_closed(),
            Self::Text(_, call) => {
                let collected = call.collected();
                let answer = collected.answer.as_ref();
                answer.is_some_and(|answer| !answer.is_closed())
            }
        }
    }

    /// Does it, and returns what that leaves to be done.
    pub(super) fn run(self, embedder: &dyn Embedder, metrics: &ServerMetrics) -> Vec<Piece<Self>> {
        match self {
            Self::Question { text, answer } => {
                let read = read(text.expose(), embedder);
                // Nobody may be there any more to hear it.
                drop(answer.send(read.map_err(Error::internal)));
                Vec::new()
            }
            Self::Text(part, call) => {
                let run = || call.run(part, embedder, metrics);
                let done = catch_unwind(AssertUnwindSafe(run));
                let done = match done {
                    Ok(done) => done.map_err(Error::internal),
                    Err(_) => Err(Error::internal("the model panicked")),
                };
                // The caller need not wait for the rest of it.
                done.unwrap_or_else(|error| {
                    call.collected().give(Err(error));
                    Vec::new()
                })
            }
        }
    }
}

impl Texts {
    fn run(
        self: &Arc<Self>,
        part: Part,
        embedder: &dyn Embedder,
        metrics: &ServerMetrics,
    ) -> Result<Vec<Piece<Work>>, ModelError> {
        match part {
            Part::Whole { text, number } => {
                let windows = embedder.windows(text.expose())?;
                if windows.len() > 1 {
                    return Ok(self.cut(number, windows));
                }
                let vectors = windows.iter().map(|window| embedder.embed_window(window));
                let vectors: Chunks = vectors.collect::<Result<_, _>>()?;
                self.collected().texts[number] = vectors;
                self.has_one_more(number, metrics);
            }
            Part::Window {
                window,
                text,
                number,
            } => {
                let vector = embedder.embed_window(&window)?;
                self.collected().texts[text][number] = vector;
                self.has_one_more(text, metrics);
            }
        }
        Ok(Vec::new())
    }

    fn cut(self: &Arc<Self>, text: usize, windows: Vec<Window>) -> Vec<Piece<Work>> {
        let mut collected = self.collected();
        collected.texts[text] = vec![Vec::new(); windows.len()];
        collected.windows_left[text] = windows.len();
        let numbered = windows.into_iter().enumerate();
        let pieces = numbered.map(|(number, window)| {
            let tokens = window.tokens().len().max(LEAST_TOKENS) as u64;
            let part = Part::Window {
                window,
                text,
                number,
            };
            Piece {
                work: Work::Text(part, self.clone()),
                cost: tokens,
                tokens,
            }
        });
        pieces.collect()
    }

    fn has_one_more(&self, text: usize, metrics: &ServerMetrics) {
        let mut collected = self.collected();
        collected.windows_left[text] -= 1;
        if collected.windows_left[text] > 0 {
            return;
        }
        metrics.embedded(EmbeddedText::Passage, self.asked.elapsed());
        collected.texts_left -= 1;
        if collected.texts_left == 0 {
            let texts = std::mem::take(&mut collected.texts);
            collected.give(Ok(texts));
        }
    }

    fn collected(&self) -> MutexGuard<'_, Collected> {
        self.collected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collected {
    fn give(&mut self, outcome: Result<Vec<Chunks>, Error>) {
        if let Some(answer) = self.answer.take() {
            // Nobody may be there any more to hear it.
            drop(answer.send(outcome));
        }
    }
}

fn read(question: &str, embedder: &dyn Embedder) -> Result<Asked, ModelError> {
    Ok(Asked {
        vector: embedder.embed_query(question)?.into(),
        notice: Notice::truncated(question, embedder.reads(question)?),
    })
}

/// How many tokens a text has, about, before anybody counted.
fn guess(text: &Plaintext) -> usize {
    LEAST_TOKENS + text.expose().len() / BYTES_PER_TOKEN
}
