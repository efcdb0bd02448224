//! Cuts a text into the pieces that dates are made of.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use zeroize::Zeroizing;

use super::words::{self, Meaning};
use crate::keywords::is_unspaced;

/// One piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// A number, with how many digits it is written.
    Number { value: u32, digits: usize },
    /// A word; of a script without spaces, one character.
    Word(&'a str),
    /// Anything else but spaces.
    Mark(char),
}

/// A piece of a text, in its place.
#[derive(Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) piece: Piece<'a>,
    /// What it means, if it is a word.
    pub(super) meaning: &'static Meaning,
    /// Whether it follows the one before without a space.
    pub(super) glued: bool,
}

/// Spells a text in lower case, and Latin letters without accents, as the tables do.
pub(super) fn plain(text: &str) -> Zeroizing<String> {
    let mut spelled = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| !c.is_ascii()) {
        // What follows may be a mark on the last one.
        let (before, run) = rest.split_at(at.saturating_sub(1));
        spelled.extend(before.chars().map(|c| c.to_ascii_lowercase()));
        let first = usize::from(at > 0);
        let length = run[first..].find(|c: char| c.is_ascii());
        let (run, after) = run.split_at(length.map_or(run.len(), |length| first + length));
        spell(run, &mut spelled);
        rest = after;
    }
    spelled.extend(rest.chars().map(|c| c.to_ascii_lowercase()));
    spelled
}

/// Spells what lies between characters of ASCII, together with the one before.
fn spell(run: &str, to: &mut String) {
    let mut latin = false;
    let lower = run.nfkd().flat_map(char::to_lowercase).map(plain_mark);
    let bare = lower.filter(|c| {
        let kept = !is_combining_mark(*c) || !latin;
        latin = c.is_ascii_alphabetic() || !kept;
        kept
    });
    // Hangul and kana were taken apart too.
    to.extend(bare.nfc());
}

fn plain_mark(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' => '\'',
        '\u{2010}'..='\u{2015}' => '-',
        c => c,
    }
}

/// Cuts a text that [`plain`] made.
pub(super) fn tokens(plain: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = plain;
    let mut glued = false;
    while let Some(c) = rest.chars().next() {
        let length = if c.is_ascii_digit() {
            run(rest, |c| c.is_ascii_digit())
        } else if c.is_alphabetic() && !is_unspaced(c) {
            run(rest, |c| c.is_alphabetic() && !is_unspaced(c))
        } else {
            c.len_utf8()
        };
        let (text, after) = rest.split_at(length);
        rest = after;
        if c.is_whitespace() {
            glued = false;
            continue;
        }
        let mut meaning = &words::NOTHING;
        let piece = if c.is_ascii_digit() {
            Piece::Number {
                value: text.parse().unwrap_or(u32::MAX),
                digits: text.len(),
            }
        } else if c.is_alphabetic() || is_unspaced(c) {
            meaning = words::meaning(text);
            Piece::Word(text)
        } else {
            Piece::Mark(c)
        };
        tokens.push(Token {
            piece,
            meaning,
            glued,
        });
        glued = true;
    }
    tokens
}

/// The bytes of the characters in front that are of a kind.
fn run(text: &str, kind: impl Fn(char) -> bool) -> usize {
    text.find(|c| !kind(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_is_spelled_as_if_it_were_one_run(
            text in "\\PC{0,20}|[a-cA-C äößé\u{301}\u{338}\u{20d7}ﬁ１…’а-яё가각\u{11a8}=İ]{0,30}"
        ) {
            let mut spelled = String::new();
            spell(&text, &mut spelled);
            prop_assert_eq!(&*plain(&text), &spelled);
        }
    }
}
