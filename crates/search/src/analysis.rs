//! What a search needs of a text, in a form that is stored: its terms, its language,
//! what it tells about itself, and the days that it names.
//!
//! Cutting a text into words and stemming these is most of what it takes to make a
//! memory ready, so it is done once, when the text is stored, and a load reads what
//! came of it. It holds the words of the text and is to be sealed as the text is.

use std::{borrow::Cow, collections::BTreeMap};

use picard_domain::Instant;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{
    cues,
    dates::{self, Days},
    keywords::{
        Token, Tokens, fold,
        language::{self, Language, Languages},
        unadorned,
    },
};

/// The way in which texts are analysed: raised with every change by which any text
/// comes out otherwise. What an earlier or later version wrote is not read.
const VERSION: u8 = 2;

/// Set when it is a remark that asks.
const ASKS: u8 = 1;
/// Set when it is a remark that begins with the first term.
const OPENS: u8 = 2;

/// A text as a search knows it.
///
/// A byte for the version, one of flags, one for the language and eight of a digest of the text; a byte that
/// counts the days in a row that it names, each as two `i32` (little-endian); how many
/// words it has, and term by term how often it occurs (a byte), its length and its
/// letters. Lengths are LEB128.
pub struct Analysis(Zeroizing<Vec<u8>>);

/// An [`Analysis`] that is being read.
pub(crate) struct Analysed<'a> {
    pub(crate) language: Language,
    pub(crate) asks: bool,
    /// Whether the text begins with the first term.
    pub(crate) opens: bool,
    /// Of the text without what hardly anybody would notice.
    pub(crate) digest: [u8; 8],
    pub(crate) named: Vec<Days>,
    /// How many terms the text has, repeated ones too.
    pub(crate) length: u32,
    terms: &'a [u8],
}

impl Analysis {
    /// Analyses a text that was first stored at this instant.
    pub fn of(text: &str, created_at: Instant) -> Self {
        let folded = fold(text);
        let tokens = Tokens::of(&folded);
        let language = language::detect(&tokens, Languages::ALL);
        let is_listed = |token: &Token<'_>| !language::is_stop_word(*token, language);
        let is_remark = cues::is_remark(text);
        let opens = |token: &Token<'_>| is_remark && matches!(token, Token::Word(_));
        let opening = tokens.iter().next().filter(is_listed).filter(opens);
        let opening = opening.map(|token| language::stem(token, language));
        let mut terms: BTreeMap<Cow<'_, str>, u8> = BTreeMap::new();
        let mut length = 0_u32;
        for token in tokens.iter().filter(is_listed) {
            let count = terms.entry(language::stem(token, language)).or_default();
            *count = count.saturating_add(1);
            length += 1;
        }
        let named = dates::told(text, created_at);

        let letters: usize = terms.keys().map(|term| term.len()).sum();
        // A vector that grows leaves a copy behind.
        let most = 16 + 8 * named.len() + letters + 6 * terms.len();
        let mut bytes = Zeroizing::new(Vec::with_capacity(most));
        let asks = is_remark && cues::asks(text);
        bytes.push(VERSION);
        bytes.push(u8::from(asks) * ASKS + u8::from(opening.is_some()) * OPENS);
        bytes.push(language as u8);
        bytes.extend(digest(unadorned(&folded)));
        bytes.push(named.len() as u8);
        for day in named.iter().flat_map(|days| [days.first(), days.last()]) {
            bytes.extend(day.to_le_bytes());
        }
        put_number(&mut bytes, length);
        let opening = opening.and_then(|opening| terms.remove_entry(&opening));
        for (term, count) in opening.into_iter().chain(terms) {
            bytes.push(count);
            put_number(&mut bytes, term.len() as u32);
            bytes.extend(term.as_bytes());
        }
        Self(bytes)
    }

    /// Returns what is to be sealed and stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<'a> Analysed<'a> {
    /// Reads what [`Analysis::as_bytes`] returned; `None` when it is something else, or
    /// of another version.
    pub(crate) fn read(mut bytes: &'a [u8]) -> Option<Self> {
        let [VERSION, flags, language] = *bytes.split_off(..3)? else {
            return None;
        };
        let digest = bytes.split_off(..8)?.try_into().ok()?;
        let [count] = *bytes.split_off(..1)? else {
            return None;
        };
        let mut named = Vec::with_capacity(count.into());
        for _ in 0..count {
            named.push(Days::new(day(&mut bytes)?, day(&mut bytes)?));
        }
        Some(Self {
            language: *Language::ALL.get(usize::from(language))?,
            asks: flags & ASKS != 0,
            opens: flags & OPENS != 0,
            digest,
            named,
            length: number(&mut bytes)?,
            terms: bytes,
        })
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.terms.is_empty()
    }

    /// Takes the next term, with how often it occurs: up to 255 times.
    pub(crate) fn next(&mut self) -> Option<(&'a [u8], u8)> {
        let (count, rest) = self.terms.split_first()?;
        self.terms = rest;
        let length = number(&mut self.terms)?;
        let term = self.terms.split_off(..length as usize)?;
        Some((term, *count))
    }
}

fn digest<'a>(words: impl Iterator<Item = &'a str>) -> [u8; 8] {
    let mut digest = Sha256::new();
    for word in words {
        digest.update(word);
        digest.update(" ");
    }
    let digest = digest.finalize();
    std::array::from_fn(|at| digest[at])
}

fn day(bytes: &mut &[u8]) -> Option<i32> {
    let day = bytes.split_off(..4)?.try_into().ok()?;
    Some(i32::from_le_bytes(day))
}

fn put_number(to: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

fn number(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0;
    for shift in (0..32).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Analysis {
        Analysis::of(text, Instant::from_micros(1_700_000_000_000_000))
    }

    fn terms(analysis: &Analysis) -> Vec<(String, u8)> {
        let mut read = Analysed::read(analysis.as_bytes()).expect("it was written");
        let term = |(term, count): (&[u8], u8)| (String::from_utf8_lossy(term).into(), count);
        std::iter::from_fn(|| read.next().map(term)).collect()
    }

    #[test]
    fn a_text_is_its_terms_and_what_it_tells_about_itself() {
        let analysis = of("Running? Anna runs and runs on 7 May 2023. Does she?");
        let read = Analysed::read(analysis.as_bytes()).expect("it was written");
        assert!(read.asks && read.opens);
        assert_eq!(read.language, Language::English);
        assert_eq!((read.named.len(), read.length), (1, 7));
        let terms = terms(&analysis);
        assert_eq!(terms[0], ("run".to_owned(), 3));
        assert!(terms.contains(&("anna".to_owned(), 1)));
    }

    #[test]
    fn what_hardly_anybody_notices_does_not_make_another_text() {
        let digest = |text| Analysed::read(of(text).as_bytes()).map(|read| read.digest);
        assert_eq!(digest("Tea,  hot."), digest("tea, hot"));
        assert_ne!(digest("Tea, hot."), digest("Tea, cold."));
    }

    /// What was stored by this version is read by it for ever: when this fails,
    /// [`VERSION`] is to be raised, and then the digest to be put in.
    #[test]
    fn every_text_comes_out_as_it_did_in_this_version() {
        let texts = [
            "Anna: What did you do last Friday, on 2023-05-05? I went home.",
            "Ich mag die größten Katzen am 7. Mai, und zwei Hunde.",
            "J'aime l'ami de l'été; c'était hier, le 14 juillet.",
            "Я люблю книги и чай. Τα βιβλία μου. أحب القهوة",
            "我昨天在北京喝茶。カメラを買いました。 학교에 갔다",
            "Order AB-1234, foo_bar, jean@example.com, c++ 🙂 \u{200b}Grey",
            "",
        ];
        let mut all = Sha256::new();
        for text in texts {
            all.update(of(text).as_bytes());
        }
        let all = all.finalize();
        let first: [u8; 8] = std::array::from_fn(|at| all[at]);
        assert_eq!(
            (VERSION, u64::from_be_bytes(first)),
            (2, 0x11fb_cc91_9af8_854a)
        );
    }

    proptest! {
        #[test]
        fn all_of_any_text_is_read_again(text: String, cut in 0..400_usize) {
            let analysis = of(&text);
            let read = Analysed::read(analysis.as_bytes()).expect("it was written");
            let sum: u32 = terms(&analysis).iter().map(|(_, count)| u32::from(*count)).sum();
            prop_assert_eq!(sum, read.length);
            // A part of it, or anything else, is no reason to panic.
            let part = &analysis.as_bytes()[..cut.min(analysis.as_bytes().len())];
            if let Some(mut read) = Analysed::read(part) {
                while read.next().is_some() {}
            }
        }

        #[test]
        fn numbers_are_read_as_they_were_written(value: u32, rest: Vec<u8>) {
            let mut bytes = Vec::new();
            put_number(&mut bytes, value);
            bytes.extend(&rest);
            let mut left = &bytes[..];
            prop_assert_eq!(number(&mut left), Some(value));
            prop_assert_eq!(left, &rest[..]);
        }
    }
}
