//! Files with memories and questions, and what is measured on each kind.
//!
//! Three forms are recognised by their shape: conversations of LoCoMo, short memories in
//! several languages, and JSON Lines of one's own. `docs/retrieval.md` describes them.

mod lines;
mod locomo;
mod multilingual;

use std::{collections::BTreeSet, fmt, str::FromStr};

use picard_domain::{Instant, MemoryText, Plaintext, Span};
use serde::Serialize;
use serde_json::Value;

/// When a memory was written that says nothing of it: the same instant for all of a file.
const UNDATED: &str = "2025-01-01T00:00:00Z";

/// What is asked and measured as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Every dialogue turn is a memory.
    Turns,
    /// Every short statement about a speaker is a memory.
    Facts,
    /// Every session is one memory.
    Sessions,
    /// Every turn is a memory, and a session is found by the best of its turns.
    SessionsByTurns,
    /// Every six turns of a session are a memory.
    Chunks,
    /// The memories of a file in JSON Lines.
    Memories,
    /// Short memories in several languages.
    Multilingual,
}

impl Measure {
    /// All of them, in the order in which they are reported.
    pub const ALL: [Self; 7] = [
        Self::Turns,
        Self::Facts,
        Self::Sessions,
        Self::SessionsByTurns,
        Self::Chunks,
        Self::Memories,
        Self::Multilingual,
    ];

    /// Returns its name, as in the report and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Turns => "turns",
            Self::Facts => "facts",
            Self::Sessions => "sessions",
            Self::SessionsByTurns => "sessions_by_turns",
            Self::Chunks => "chunks",
            Self::Memories => "memories",
            Self::Multilingual => "multilingual",
        }
    }

    /// Returns which memories are stored and asked for it.
    #[must_use]
    pub const fn stored(self) -> Self {
        match self {
            Self::SessionsByTurns => Self::Turns,
            other => other,
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no measure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is none of: {}", Measure::ALL.map(Measure::name).join(", "))]
pub struct UnknownMeasure;

impl FromStr for Measure {
    type Err = UnknownMeasure;

    fn from_str(text: &str) -> Result<Self, UnknownMeasure> {
        Self::ALL
            .into_iter()
            .find(|measure| measure.name() == text)
            .ok_or(UnknownMeasure)
    }
}

/// A memory to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Its text.
    pub text: MemoryText,
    /// When it was written.
    pub created_at: Instant,
    /// The session that it is part of, counted from 0 within its collection.
    pub session: usize,
}

/// A question, and what answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The question.
    pub text: String,
    /// Its kind, as the file names it.
    pub category: Option<String>,
    /// The memories that answer it, by their place in the collection; empty when nothing does.
    pub relevant: BTreeSet<usize>,
}

/// The memories of one person, and what is asked about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// What these memories are.
    pub measure: Measure,
    /// The conversation that they come from, by its place in [`DataSet::conversations`].
    pub conversation: usize,
    /// The memories.
    pub passages: Vec<Passage>,
    /// The questions.
    pub questions: Vec<Question>,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSet {
    /// The names of the conversations.
    pub conversations: Vec<String>,
    /// Memories with their questions, those of one measure side by side.
    pub collections: Vec<Collection>,
    /// What was left out, and why, for people.
    pub notes: Vec<String>,
    /// By conversation, when its questions are asked.
    asked_at: Vec<Instant>,
}

/// Why a file is no data set. The place and what is wrong there, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default())]
pub struct InvalidData {
    /// Where; `None` when it is the file as a whole.
    pub place: Option<String>,
    /// What is wrong.
    pub reason: String,
}

impl InvalidData {
    fn whole(reason: impl ToString) -> Self {
        Self {
            place: None,
            reason: reason.to_string(),
        }
    }

    fn at(place: impl ToString, reason: impl ToString) -> Self {
        Self {
            place: Some(place.to_string()),
            reason: reason.to_string(),
        }
    }
}

impl DataSet {
    /// Takes what was read as a whole, before anything of it is left out.
    fn new(conversations: Vec<String>, collections: Vec<Collection>, notes: Vec<String>) -> Self {
        let last = |conversation: usize| {
            let its = collections
                .iter()
                .filter(|of| of.conversation == conversation);
            let passages = its.flat_map(|of| &of.passages);
            let last = passages.map(|passage| passage.created_at).max();
            last.unwrap_or(Instant::from_micros(0)) + Span::days(1)
        };
        Self {
            asked_at: (0..conversations.len()).map(last).collect(),
            conversations,
            collections,
            notes,
        }
    }

    /// Reads a file of any of the forms.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidData> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let set = match serde_json::from_slice::<Value>(bytes) {
            Ok(Value::Array(conversations)) => locomo::read(&conversations)?,
            Ok(one @ Value::Object(_)) if locomo::is_one(&one) => locomo::read(&[one])?,
            Ok(Value::Object(fields)) if multilingual::is_one(&fields) => {
                multilingual::read(&fields)?
            }
            Ok(Value::Object(_)) => lines::read(bytes)?,
            Ok(_) => return Err(InvalidData::whole("the file holds no data set")),
            Err(_) if bytes.trim_ascii().is_empty() => {
                return Err(InvalidData::whole("the file is empty"));
            }
            Err(_) if lines::may_be(bytes) => lines::read(bytes)?,
            Err(error) => return Err(InvalidData::whole(format!("the file is no JSON: {error}"))),
        };
        let asked = |collection: &Collection| !collection.questions.is_empty();
        if !set.collections.iter().any(asked) {
            return Err(InvalidData::whole("the file has no questions"));
        }
        Ok(set)
    }

    /// Returns what can be measured, in the order of the report.
    pub fn measures(&self) -> Vec<Measure> {
        let has = |measure: &Measure| self.of(measure.stored()).next().is_some();
        Measure::ALL.into_iter().filter(has).collect()
    }

    /// Returns the collections that are stored for a measure.
    pub fn of(&self, stored: Measure) -> impl Iterator<Item = &Collection> {
        let is_one = move |collection: &&Collection| collection.measure == stored;
        self.collections.iter().filter(is_one)
    }

    /// Leaves out what none of these measures needs.
    pub fn keep(&mut self, measures: &[Measure]) {
        let needed = |stored: Measure| measures.iter().any(|wanted| wanted.stored() == stored);
        self.collections
            .retain(|collection| needed(collection.measure));
    }

    /// Returns when the questions of a conversation are asked: a day after the last of its
    /// memories was written, those included that were left out by [`Self::keep`]. So a result
    /// depends neither on the day of the measurement nor on what else is measured.
    pub fn asked_at(&self, conversation: usize) -> Instant {
        self.asked_at[conversation]
    }

    /// Returns the memories in one form that no other memories have.
    pub(crate) fn memories(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for collection in &self.collections {
            let (name, number) = (collection.measure.name(), collection.conversation);
            all.extend(format!("{name} {number}\n").into_bytes());
            for Passage {
                text, created_at, ..
            } in &collection.passages
            {
                let text = text.expose();
                all.extend(format!("{} {} {text}\n", created_at.micros(), text.len()).into_bytes());
            }
        }
        all
    }
}

fn text(text: String) -> Result<MemoryText, picard_domain::InvalidText> {
    MemoryText::new(Plaintext::new(text))
}

fn undated() -> Instant {
    UNDATED.parse().expect("it is an instant")
}
