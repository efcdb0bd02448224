//! What the reader of an answer should know besides what it holds.

use std::fmt;

/// Something about how an answer was found. It is no error: the answer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The question is longer than the model reads; what follows counted by its
    /// words alone.
    QueryTruncated {
        /// How many characters of it the model read, about.
        read: usize,
        /// How many it has.
        of: usize,
    },
    /// No memory meets the conditions that the question names.
    NothingMeetsConditions,
    /// More memories may hold a phrase than can be read for one answer.
    NotAllRead {
        /// How many were read, those that fit best first.
        read: usize,
    },
    /// The model does not compute: memories were found by their words alone.
    WordsOnly,
    /// Some memories still have the vectors of another model, which is not at hand:
    /// those were found by their words alone.
    Reembedding,
}

impl Notice {
    /// One of each kind, for descriptions.
    pub const EXAMPLES: [Self; 5] = [
        Self::QueryTruncated {
            read: 2_000,
            of: 9_000,
        },
        Self::NothingMeetsConditions,
        Self::NotAllRead { read: 10_000 },
        Self::WordsOnly,
        Self::Reembedding,
    ];

    /// Says that only the first bytes of a question were read, if that is so.
    pub(crate) fn truncated(question: &str, bytes_read: usize) -> Option<Self> {
        let read = question.get(..bytes_read)?;
        (bytes_read < question.len()).then(|| Self::QueryTruncated {
            read: read.chars().count(),
            of: question.chars().count(),
        })
    }

    /// Names the kind, for programs; it stays the same.
    pub fn code(self) -> &'static str {
        match self {
            Self::QueryTruncated { .. } => "query_truncated",
            Self::NothingMeetsConditions => "conditions_not_met",
            Self::NotAllRead { .. } => "not_all_read",
            Self::WordsOnly => "words_only",
            Self::Reembedding => "reembedding",
        }
    }
}

/// One or two sentences for people and models.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueryTruncated { read, of } => write!(
                f,
                "The question is longer than the model reads: only the first {read} of its {of} \
                 characters counted for its meaning."
            ),
            Self::NothingMeetsConditions => f.write_str(
                "No memory meets the conditions in the question. Words in quotes, -word, before:, \
                 after: and permission: are exact; leave them out to search by meaning alone.",
            ),
            Self::NotAllRead { read } => write!(
                f,
                "Very many memories may hold the words in quotes or behind a minus: only the \
                 {read} that fit best were read. Ask more narrowly, with before: or after:."
            ),
            Self::WordsOnly => f.write_str(
                "Searching by meaning is out of order at the moment: memories are found by their \
                 words only, so others may fit better.",
            ),
            Self::Reembedding => f.write_str(
                "The model was changed, and some memories have yet to be read by the new one: \
                 until then these are found by their words only, so others may fit better.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_question_that_was_cut_off_is_told_of_in_characters() {
        assert_eq!(Notice::truncated("tëa", 4), None);
        let notice = Notice::truncated("tëa", 3).expect("one byte is left");
        assert_eq!(notice, Notice::QueryTruncated { read: 2, of: 3 });
        assert!(notice.to_string().contains("first 2 of its 3 characters"));
    }
}
