//! Cuts a text into the pieces that dates are made of.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

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

/// A piece, and whether it follows the one before without a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) piece: Piece<'a>,
    pub(super) glued: bool,
}

/// Spells a text in lower case, and Latin letters without accents, as the tables do.
pub(super) fn plain(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut latin = false;
    let lower = text.nfkd().flat_map(char::to_lowercase).map(plain_mark);
    let bare = lower.filter(|c| {
        let kept = !is_combining_mark(*c) || !latin;
        latin = c.is_ascii_alphabetic() || !kept;
        kept
    });
    // Hangul and kana were taken apart too.
    bare.nfc().collect()
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
        let piece = if c.is_ascii_digit() {
            Piece::Number {
                value: text.parse().unwrap_or(u32::MAX),
                digits: text.len(),
            }
        } else if c.is_alphabetic() || is_unspaced(c) {
            Piece::Word(text)
        } else {
            Piece::Mark(c)
        };
        tokens.push(Token { piece, glued });
        glued = true;
    }
    tokens
}

/// The bytes of the characters in front that are of a kind.
fn run(text: &str, kind: impl Fn(char) -> bool) -> usize {
    text.find(|c| !kind(c)).unwrap_or(text.len())
}
