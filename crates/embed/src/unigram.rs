//! The tokenizer of the XLM-R family: normalisation, then the most likely split into pieces.
//!
//! Written by hand because the vocabulary (250,000 pieces) is the largest thing in the model after
//! the weights: a general tokenizer builds a tree of it on the heap at every start, while this one
//! searches the sorted pieces where they lie, and starts at once. It gives the ids of the original
//! tokenizer; `scripts/model/tokenizer.py` is the same in Python, and agrees with the C code that the
//! weights come from. Two decisions beyond that code: sequences of a letter and its accents are
//! composed, as the original does, and control pieces never match, so that a text which says `</s>`
//! is a text which says `</s>`.

use std::ops::Range;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use zeroize::Zeroizing;

use crate::Error;
use crate::e5::files;
use crate::reader::{Bytes, Numbers, Reader};
use crate::window::{Border, ends_sentence};

/// Stands for the space before a word.
const SPACE: char = '\u{2581}';

/// Bytes of a text that hold its first tokens, as many as a model reads, unless it is
/// an unusual one.
const BEGINNING: usize = 8 * 1024;

pub(crate) struct Unigram {
    file: Bytes,
    offsets: Numbers,
    ids: Numbers,
    scores: Numbers,
    replaced: Numbers,
    replacement_offsets: Numbers,
    replacements: Numbers,
    text: Range<usize>,
    pub(crate) begin_id: u32,
    pub(crate) end_id: u32,
    unknown_id: u32,
    unknown_score: f64,
}

/// The tokens of a text and where it may be cut.
#[derive(Default)]
pub(crate) struct Tokens {
    pub(crate) ids: Zeroizing<Vec<u32>>,
    pub(crate) borders: Vec<Border>,
    /// Where each token ends, in bytes of the text as the model knows it.
    ends: Vec<usize>,
}

impl Unigram {
    /// Reads `vocabulary.bin`; `scripts/model/build.py` describes its sections.
    pub(crate) fn new(file: Bytes) -> Result<Self, Error> {
        let mut reader = Reader::open(files::VOCABULARY, &file, *b"PICVOC01")?;
        let mut size = || reader.u32().map(|size| size as usize);
        let (pieces, bytes, replaced, replacements) = (size()?, size()?, size()?, size()?);
        let (begin_id, end_id, unknown_id) = (reader.u32()?, reader.u32()?, reader.u32()?);
        let unknown_score = f64::from(reader.f32()?);
        let (offsets, ids) = (reader.numbers(pieces + 1)?, reader.numbers(pieces)?);
        let scores = reader.numbers(pieces)?;
        let (replaced, replacement_offsets) =
            (reader.numbers(replaced)?, reader.numbers(replaced + 1)?);
        let replacements = reader.numbers(replacements)?;
        let text = reader.section(bytes)?;
        reader.finish()?;
        let ordered = |offsets: Numbers, end: usize| {
            (1..offsets.len).all(|i| offsets.u32(&file, i - 1) <= offsets.u32(&file, i))
                && offsets.u32(&file, offsets.len - 1) as usize == end
        };
        if !ordered(offsets, bytes) || !ordered(replacement_offsets, replacements.len) {
            let what = "its offsets are not in order";
            return Err(Error::Damaged {
                file: files::VOCABULARY,
                what,
            });
        }
        Ok(Self {
            file,
            offsets,
            ids,
            scores,
            replaced,
            replacement_offsets,
            replacements,
            text,
            begin_id,
            end_id,
            unknown_id,
            unknown_score,
        })
    }

    /// The largest id that a text can have.
    pub(crate) fn largest_id(&self) -> u32 {
        let ids = (0..self.ids.len).map(|i| self.ids.u32(&self.file, i));
        ids.chain([self.begin_id, self.end_id, self.unknown_id])
            .max()
            .unwrap_or(0)
    }

    /// Splits a text into tokens, without the marks of its beginning and its end.
    pub(crate) fn tokens(&self, text: &str) -> Tokens {
        let text = self.normalise(text);
        let mut tokens = Tokens {
            // A token is of a byte at least, but for the space in front. A vector that
            // grows leaves a copy behind.
            ids: Zeroizing::new(Vec::with_capacity(text.len() + 1)),
            ..Tokens::default()
        };
        let mut border = Border::Sentence;
        let mut spaced = Zeroizing::new(String::new());
        let mut begin = 0;
        for word in text.split(' ') {
            if !word.is_empty() {
                spaced.clear();
                spaced.push(SPACE);
                spaced.push_str(word);
                border = self.push_word(&spaced, begin, border.max(Border::Word), &mut tokens);
            }
            begin += word.len() + 1;
        }
        tokens
    }

    /// Splits as much of a text as it takes to have more than its first tokens, and gives
    /// how much that is: words are split one by one, and of a very long text few are read.
    pub(crate) fn first_tokens<'a>(&self, text: &'a str, first: usize) -> (&'a str, Tokens) {
        let mut end = BEGINNING.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        if end < text.len()
            && let Some(end) = text[..end].rfind(' ')
        {
            let tokens = self.tokens(&text[..end]);
            if tokens.ids.len() > first {
                return (&text[..end], tokens);
            }
        }
        (text, self.tokens(text))
    }

    /// Tells how many bytes of a text are in its first tokens, as [`Self::bytes_of`] does.
    pub(crate) fn reads(&self, text: &str, first: usize) -> usize {
        let (beginning, tokens) = self.first_tokens(text, first);
        self.bytes_of(beginning, &tokens, first)
    }

    /// Tells how many bytes of a text are in its first tokens, exactly unless the text has letters
    /// and accents apart that the model knows as one.
    pub(crate) fn bytes_of(&self, text: &str, tokens: &Tokens, first: usize) -> usize {
        if tokens.ids.len() <= first {
            return text.len();
        }
        let (end, whole) = match first.checked_sub(1) {
            Some(last) => (tokens.ends[last], self.normalise(text).len()),
            None => return 0,
        };
        let mapped = |c: char| match self.replacement(c) {
            Some(replacement) => replacement
                .filter_map(|i| char::from_u32(self.replacements.u32(&self.file, i)))
                .map(char::len_utf8)
                .sum(),
            None => c.len_utf8(),
        };
        let all: usize = text.chars().map(mapped).sum();
        let wanted = end * all / whole.max(1);
        let mut reached = 0;
        let beyond = text.char_indices().find(|(_, c)| {
            reached += mapped(*c);
            reached > wanted
        });
        beyond.map_or(text.len(), |(at, _)| at)
    }

    /// Maps characters to the form that the model knows (NFKC, with controls removed and every kind
    /// of white space a space).
    fn normalise(&self, text: &str) -> Zeroizing<String> {
        let mut mapped = Zeroizing::new(String::with_capacity(text.len()));
        for c in text.chars() {
            match self.replacement(c) {
                Some(replacement) => mapped.extend(
                    replacement
                        .filter_map(|i| char::from_u32(self.replacements.u32(&self.file, i))),
                ),
                None => mapped.push(c),
            }
        }
        match is_nfc_quick(mapped.chars()) {
            IsNormalized::Yes => mapped,
            _ => Zeroizing::new(mapped.nfc().collect()),
        }
    }

    fn replacement(&self, c: char) -> Option<Range<usize>> {
        if (' '..='~').contains(&c) {
            return None;
        }
        let at = partition_point(0..self.replaced.len, |i| {
            self.replaced.u32(&self.file, i) < u32::from(c)
        });
        let found = at < self.replaced.len && self.replaced.u32(&self.file, at) == u32::from(c);
        let offset = |i| self.replacement_offsets.u32(&self.file, i) as usize;
        found.then(|| offset(at)..offset(at + 1))
    }

    fn piece(&self, index: usize) -> &[u8] {
        let offset = |i| self.text.start + self.offsets.u32(&self.file, i) as usize;
        &self.file[offset(index)..offset(index + 1)]
    }

    /// Adds the best split of one word (Viterbi), which is at `at` but for the space in front, and
    /// gives the border behind it.
    fn push_word(&self, word: &str, at: usize, first: Border, tokens: &mut Tokens) -> Border {
        /// The best way to reach a place: its score, where its last piece begins, and that piece.
        #[derive(Clone, Copy)]
        struct Step {
            score: f64,
            begin: usize,
            id: u32,
        }
        let nowhere = Step {
            score: f64::NEG_INFINITY,
            begin: 0,
            id: self.unknown_id,
        };
        let mut best = vec![nowhere; word.len() + 1];
        best[0].score = 0.0;
        for (begin, c) in word.char_indices() {
            let base = best[begin].score;
            let mut reach = |end: usize, score: f64, id: u32| {
                if base + score > best[end].score {
                    best[end] = Step {
                        score: base + score,
                        begin,
                        id,
                    };
                }
            };
            self.pieces_at(&word[begin..], |len, index| {
                let (id, score) = (
                    self.ids.u32(&self.file, index),
                    self.scores.f32(&self.file, index),
                );
                reach(begin + len, f64::from(score), id);
            });
            reach(begin + c.len_utf8(), self.unknown_score, self.unknown_id);
        }

        let (from, mut end) = (tokens.ids.len(), word.len());
        while end > 0 {
            let Step { begin, id, .. } = best[end];
            // A run of unknown characters is one unknown token.
            let run = id == self.unknown_id
                && tokens.ids.len() > from
                && tokens.ids.last() == Some(&self.unknown_id);
            let border = match word[..begin].chars().next_back() {
                None => first,
                Some(c) if ends_sentence(c) && !c.is_ascii() => Border::Sentence,
                Some(_) => Border::Inside,
            };
            if run {
                tokens.borders.pop();
            } else {
                tokens.ids.push(id);
                tokens.ends.push(at + end - SPACE.len_utf8());
            }
            tokens.borders.push(border);
            end = begin;
        }
        tokens.ids[from..].reverse();
        tokens.borders[from..].reverse();
        tokens.ends[from..].reverse();
        if word.ends_with(ends_sentence) {
            Border::Sentence
        } else {
            Border::Word
        }
    }

    /// Finds every piece that a text begins with: its length in bytes and its index.
    fn pieces_at(&self, text: &str, mut found: impl FnMut(usize, usize)) {
        let (mut range, mut depth) = (0..self.ids.len, 0);
        for c in text.chars() {
            let mut utf8 = [0; 4];
            let c = c.encode_utf8(&mut utf8).as_bytes();
            // All pieces in the range begin with what was read so far; sorted, they are in the
            // order of what comes next.
            let next = |i: usize| {
                let rest = &self.piece(i)[depth..];
                &rest[..rest.len().min(c.len())]
            };
            range.start = partition_point(range.clone(), |i| next(i) < c);
            range.end = partition_point(range.clone(), |i| next(i) <= c);
            if range.is_empty() {
                return;
            }
            depth += c.len();
            if self.piece(range.start).len() == depth {
                found(depth, range.start);
            }
        }
    }
}

/// The first index of a range for which `before` is false, if all before it come first.
fn partition_point(range: Range<usize>, before: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (range.start, range.end);
    while low < high {
        let middle = low.midpoint(high);
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashMap,
        path::Path,
        sync::{LazyLock, OnceLock},
    };

    use proptest::prelude::*;

    use super::*;

    static VOCABULARY: LazyLock<Unigram> = LazyLock::new(vocabulary);

    fn vocabulary() -> Unigram {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
        let file = std::fs::read(models.join("multilingual-e5-small").join(files::VOCABULARY));
        Unigram::new(file.expect("the model is in the repository").into()).expect("it is intact")
    }

    #[test]
    fn ids_are_those_of_the_reference_in_every_language() {
        let fixture = include_str!("../tests/fixtures/tokens.json");
        let cases: Vec<(String, Vec<u32>)> = serde_json::from_str(fixture).expect("valid JSON");
        assert!(cases.len() > 200);
        let vocabulary = vocabulary();
        for (text, ids) in cases {
            let tokens = vocabulary.tokens(&text);
            assert_eq!(*tokens.ids, ids, "{text:?}");
            assert_eq!(tokens.borders.len(), ids.len(), "{text:?}");
        }
    }

    #[test]
    fn a_text_cannot_write_the_marks_of_the_model() {
        let vocabulary = vocabulary();
        let ids = vocabulary.tokens("</s><s><pad><mask>").ids;
        assert!(!ids.contains(&vocabulary.begin_id) && !ids.contains(&vocabulary.end_id));
    }

    #[test]
    fn of_a_very_long_text_no_more_is_read_than_its_first_tokens_take() {
        let prose = "Wir trinken Tee, wenn es regnet. ".repeat(2_000);
        let gap = format!("tea{}milk ", " ".repeat(BEGINNING)).repeat(9);
        let run = "x".repeat(3 * BEGINNING);
        for (text, all) in [
            (prose, false),
            (gap, true),
            (run, true),
            ("tea".into(), true),
        ] {
            let (read, tokens) = VOCABULARY.first_tokens(&text, 500);
            let whole = VOCABULARY.tokens(&text);
            let first = 500.min(whole.ids.len());
            assert_eq!(tokens.ids[..first], whole.ids[..first]);
            assert_eq!(
                VOCABULARY.reads(&text, 500),
                VOCABULARY.bytes_of(&text, &whole, 500)
            );
            assert_eq!(read.len() == text.len(), all);
            assert!(all || read.len() <= BEGINNING);
        }
    }

    #[test]
    fn sentences_are_seen_with_and_without_spaces() {
        let vocabulary = vocabulary();
        for text in ["I see. You do.", "你好。再见。"] {
            let borders = vocabulary.tokens(text).borders;
            assert_eq!(
                borders.iter().filter(|b| **b == Border::Sentence).count(),
                2,
                "{text}"
            );
        }
        let borders = vocabulary.tokens("version 3.14 of it").borders;
        assert_eq!(
            borders.iter().filter(|b| **b == Border::Sentence).count(),
            1
        );
    }

    #[test]
    fn the_first_tokens_of_a_text_reach_to_where_the_rest_begins() {
        let vocabulary = vocabulary();
        for text in [
            "The captain drinks  tea,\u{200b}\u{a0}hot.",
            "船长喝茶。他不喝咖啡。",
            "ﷺ ½ ①②③",
            "Zo\u{308}e et Ame\u{301}lie",
            "▁▁ x",
        ] {
            let tokens = vocabulary.tokens(text);
            let mut last = 0;
            for first in 0..tokens.ids.len() {
                let bytes = vocabulary.bytes_of(text, &tokens, first);
                assert!(text.is_char_boundary(bytes) && last <= bytes, "{text:?}");
                last = bytes;
            }
            let count = tokens.ids.len();
            assert_eq!(vocabulary.bytes_of(text, &tokens, count), text.len());
        }
        let text = "hot tea and cold tea";
        let tokens = vocabulary.tokens(text);
        let two = vocabulary.bytes_of(text, &tokens, 2);
        assert_eq!((tokens.ids.len(), &text[..two]), (5, "hot tea"));
    }

    /// What a text becomes when every character is looked up, and letters and accents are always
    /// composed.
    fn normalised_slowly(of: &Unigram, text: &str) -> String {
        static ALL: OnceLock<HashMap<u32, String>> = OnceLock::new();
        let all = ALL.get_or_init(|| {
            let offset = |i| of.replacement_offsets.u32(&of.file, i) as usize;
            let letter = |i| char::from_u32(of.replacements.u32(&of.file, i));
            let entry = |i| (offset(i)..offset(i + 1)).filter_map(letter).collect();
            let entries = 0..of.replaced.len;
            entries
                .map(|i| (of.replaced.u32(&of.file, i), entry(i)))
                .collect()
        });
        let mapped = text.chars().map(|c| match all.get(&u32::from(c)) {
            Some(other) => other.clone(),
            None => c.to_string(),
        });
        mapped.collect::<String>().nfc().collect()
    }

    #[test]
    fn every_character_is_read_as_if_it_were_looked_up() {
        let vocabulary = vocabulary();
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            let expected = normalised_slowly(&vocabulary, &text);
            assert_eq!(*vocabulary.normalise(&text), expected, "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_if_every_character_were_looked_up(
            text in "(\\PC|[ -~]{1,4}|[a-z]\u{301}|[\u{300}-\u{36f}]|[\t\n\u{a0}ﬁ½①ﷺ가ᄀ\u{1161}]){0,24}"
        ) {
            let vocabulary = &*VOCABULARY;
            let expected = normalised_slowly(vocabulary, &text);
            prop_assert_eq!(&**vocabulary.normalise(&text), expected);
        }
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let intact = vocabulary().file.into_owned();
        assert!(Unigram::new(intact[..intact.len() - 1].to_vec().into()).is_err());
        let mut mixed_up = intact;
        mixed_up[44] = 0xff; // the second offset
        assert!(Unigram::new(mixed_up.into()).is_err());
        assert!(Unigram::new(Vec::new().into()).is_err());
    }
}
