//! What a text tells about itself beyond its words: read when it is stored, kept in
//! a few bits.

use std::num::NonZeroU32;

/// A text of more characters is no remark of one person about one thing.
const SHORT: usize = 400;

/// The cues of one memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cues {
    /// It is short and ends with a question: it asks for what others may answer.
    pub(crate) is_question: bool,
    /// A keyed hash of the word that a short text begins with, if that is a word to
    /// search for: who speaks (`Anna: …`) or what it is about (`Anna likes …`).
    pub(crate) opening: Option<Opening>,
}

/// The keyed hash of a word, shortened: it decides about a small bonus only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Opening(NonZeroU32);

impl Opening {
    pub(crate) fn of(term: u64) -> Self {
        Self(NonZeroU32::new(term as u32).unwrap_or(NonZeroU32::MIN))
    }

    /// One of 64 bits, by which two different ones mostly differ.
    pub(crate) fn bit(self) -> u64 {
        1 << (self.0.get() % 64)
    }
}

/// Tells whether a text is a remark about one thing: others have no cues.
pub(crate) fn is_remark(text: &str) -> bool {
    text.chars().nth(SHORT).is_none()
}

/// Tells whether a text ends with a question, whatever follows its mark: `?)`, `?!`,
/// `? 🙂`.
pub(crate) fn asks(text: &str) -> bool {
    let is_mark = |c| matches!(c, '?' | '？' | '؟' | '\u{37e}');
    let end = text.chars().rev().take_while(|c| !c.is_alphanumeric());
    end.into_iter().any(is_mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_ends_with_its_mark_in_any_script() {
        for text in [
            "Tea?",
            "Tea? ",
            "Tea?! 🙂",
            "(Tea?)",
            "茶？",
            "شاي؟",
            "Τσάι\u{37e}",
        ] {
            assert!(asks(text), "{text}");
        }
        for text in ["Tea.", "Tea? Yes.", "", "Is it tea"] {
            assert!(!asks(text), "{text}");
        }
    }

    #[test]
    fn a_long_text_is_no_remark() {
        let long = "why ".repeat(100);
        assert!(is_remark(&long) && !is_remark(&(long + "?")));
    }
}
