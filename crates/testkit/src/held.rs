//! An embedder that waits to be let on.

use std::{
    num::NonZeroUsize,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use picard_embed::{Embedder, Error, Window};
use tokio::sync::watch;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the embedder waits for a test. One that failed lets nobody on any more, and
/// a thread that waits for ever would keep it from ending.
const HELD: Duration = Duration::from_secs(90);

/// An embedder that notes what is begun and goes no further until it is let: so a test says who is
/// at work while others come, and sees who is next.
///
/// Each word of a text is a window of its own, and its vector is [`HeldEmbedder::vector`] of it. The
/// word `panic` is what it does.
#[derive(Debug)]
pub struct HeldEmbedder {
    at_once: NonZeroUsize,
    let_on: Mutex<usize>,
    moved: Condvar,
    begun: watch::Sender<Vec<String>>,
}

impl HeldEmbedder {
    /// Lets so many work at once.
    pub fn new(at_once: usize) -> Self {
        Self {
            at_once: NonZeroUsize::new(at_once).unwrap_or(NonZeroUsize::MIN),
            let_on: Mutex::new(0),
            moved: Condvar::new(),
            begun: watch::Sender::new(Vec::new()),
        }
    }

    /// Lets so many windows and questions pass that are begun, or will be.
    pub fn let_on(&self, turns: usize) {
        let mut let_on = self.lock();
        *let_on = let_on.saturating_add(turns);
        self.moved.notify_all();
    }

    /// Waits until so many windows and questions are begun, and returns them in that order.
    pub async fn begun(&self, count: usize) -> Vec<String> {
        let mut begun = self.begun.subscribe();
        let enough = begun.wait_for(|begun| begun.len() >= count);
        let in_time = tokio::time::timeout(PATIENCE, enough).await.is_ok();
        let begun = self.begun.borrow().clone();
        assert!(in_time, "only these were begun: {begun:?}");
        begun
    }

    /// The vector of a word.
    pub fn vector(word: &str) -> Vec<f32> {
        vec![1.0, word.bytes().map(f32::from).sum()]
    }

    fn turn(&self, what: &str) -> Vec<f32> {
        self.begun.send_modify(|begun| begun.push(what.to_owned()));
        let let_on = self.lock();
        let (mut let_on, waited) = self
            .moved
            .wait_timeout_while(let_on, HELD, |let_on| *let_on == 0)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!waited.timed_out(), "nobody let {what:?} pass");
        *let_on -= 1;
        drop(let_on);
        assert!(what != "panic", "as the test wants it");
        Self::vector(what)
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.let_on.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Embedder for HeldEmbedder {
    fn model(&self) -> &'static str {
        "held"
    }

    fn dimensions(&self) -> usize {
        2
    }

    fn embed_query(&self, text: &str) -> Result<Vec<f32>, Error> {
        Ok(self.turn(text))
    }

    fn reads(&self, question: &str) -> Result<usize, Error> {
        Ok(question.len())
    }

    fn windows(&self, text: &str) -> Result<Vec<Window>, Error> {
        let words = text.split_whitespace();
        Ok(words
            .map(|word| Window::new(word.chars().map(u32::from).collect()))
            .collect())
    }

    fn embed_window(&self, window: &Window) -> Result<Vec<f32>, Error> {
        let letters = window.tokens().iter().filter_map(|c| char::from_u32(*c));
        Ok(self.turn(&letters.collect::<String>()))
    }

    fn at_once(&self) -> NonZeroUsize {
        self.at_once
    }
}
