//! Words next to each other: what the index can tell of them, and what a text tells.
//!
//! The index knows the stems of a text without their order and without stop words.
//! That is enough to pass over most memories; the others have to be read.

use std::{collections::HashMap, ops::Range};

use picard_domain::Plaintext;

use super::{
    Keywords,
    fold::fold,
    language::{self, Language, Languages},
    tokens::{Token, Tokens},
};

/// Words that are looked for next to each other, in this order.
///
/// Folded, so that case and width do not count. Its words are whole ones as they
/// are written: other forms are other words. Codes (`c++`, `abc-1234`) are compared
/// with their signs.
#[derive(Debug, Clone)]
pub struct Phrase {
    folded: Plaintext,
    /// Cut once, for very many texts.
    units: Vec<Place>,
}

/// Where a word of a phrase stands in it, and the code that the word is a part of.
#[derive(Debug, Clone)]
struct Place {
    word: Range<usize>,
    code: Option<Range<usize>>,
}

/// A phrase of more than [`Phrase::MAX_WORDS`] or [`Phrase::MAX_BYTES`].
#[derive(Debug)]
pub(crate) struct TooLong;

impl Phrase {
    /// The most words of a phrase, and of all phrases of a query: each is a bit where
    /// they are looked for.
    pub const MAX_WORDS: usize = 100;

    /// The most bytes of a phrase, folded.
    pub const MAX_BYTES: usize = 4 * 1024;

    /// Takes in a phrase; `None` when there is no word in it.
    pub(crate) fn new(text: &str) -> Result<Option<Self>, TooLong> {
        let mut folded = fold(text);
        let units = Units::of(&folded);
        if units.0.is_empty() {
            return Ok(None);
        }
        if units.0.len() > Self::MAX_WORDS || folded.len() > Self::MAX_BYTES {
            return Err(TooLong);
        }
        let range = |part: &str| {
            let start = part.as_ptr().addr() - folded.as_ptr().addr();
            start..start + part.len()
        };
        let place = |unit: &Unit<'_>| Place {
            word: range(unit.text),
            code: unit.code.map(range),
        };
        let units = units.0.iter().map(place).collect();
        let folded = Plaintext::new(std::mem::take(&mut *folded));
        Ok(Some(Self { folded, units }))
    }

    /// How many words it has.
    pub(crate) fn words(&self) -> usize {
        self.units.len()
    }
}

/// Phrases that are looked for in one go, with [`Phrase::MAX_WORDS`] in all.
///
/// Each word of them is a bit (the algorithm of Baeza-Yates and Gonnet), so that a text
/// is read once whatever stands in it and in the phrases.
pub(crate) struct Search<'a> {
    /// The bits of a word as it is written.
    written: HashMap<&'a str, u128>,
    /// The bits of words that are part of a code.
    coded: HashMap<&'a str, u128>,
    /// Those of words that are part of no code.
    plain: u128,
    /// Those of the first word of each phrase.
    first: u128,
    /// By phrase: that of its last word.
    last: Vec<u128>,
}

impl<'a> Search<'a> {
    pub(crate) fn of(phrases: impl Iterator<Item = &'a Phrase>) -> Self {
        let mut search = Self {
            written: HashMap::new(),
            coded: HashMap::new(),
            plain: 0,
            first: 0,
            last: Vec::new(),
        };
        let mut bit = 1;
        for phrase in phrases {
            search.first |= bit;
            let folded = phrase.folded.expose();
            for place in &phrase.units {
                *search
                    .written
                    .entry(&folded[place.word.clone()])
                    .or_default() |= bit;
                match &place.code {
                    Some(code) => *search.coded.entry(&folded[code.clone()]).or_default() |= bit,
                    None => search.plain |= bit,
                }
                bit <<= 1;
            }
            search.last.push(bit >> 1);
        }
        search
    }

    /// Tells of each phrase whether a text holds it. A word is also found inside of a
    /// code, a code only as a whole.
    pub(crate) fn found_in(&self, text: &Units<'_>) -> Vec<bool> {
        let (mut begun, mut found) = (0, 0);
        let mut code: Option<(&str, u128)> = None;
        for unit in &text.0 {
            // A code is compared once, not for each of its words.
            code = unit.code.map(|of| match code {
                Some((last, bits)) if std::ptr::eq(last, of) => (of, bits),
                _ => (of, self.coded.get(of).copied().unwrap_or_default()),
            });
            let written = self.written.get(unit.text).copied().unwrap_or_default();
            let here = written & (self.plain | code.map_or(0, |(_, bits)| bits));
            begun = (begun << 1 | self.first) & here;
            found |= begun;
        }
        self.last.iter().map(|last| found & last != 0).collect()
    }
}

/// A text as the words that stand in it one after the other.
pub(crate) struct Units<'a>(Vec<Unit<'a>>);

/// One word, one character of a script without spaces, or a code that has no words.
struct Unit<'a> {
    text: &'a str,
    at: usize,
    /// The code that the word is a part of.
    code: Option<&'a str>,
}

impl<'a> Units<'a> {
    /// Cuts a text that [`fold`] made, just as the index does.
    pub(crate) fn of(folded: &'a str) -> Self {
        let tokens = Tokens::of(folded);
        let start = |text: &str| text.as_ptr().addr() - folded.as_ptr().addr();
        let unit = |text: &'a str, code| Unit {
            text,
            at: start(text),
            code,
        };
        let mut codes: Vec<(Range<usize>, &str, bool)> = Vec::new();
        for token in tokens.iter() {
            if let Token::Identifier(code) = token {
                codes.push((start(code)..start(code) + code.len(), code, false));
            }
        }
        let (mut units, mut next) = (Vec::new(), 0);
        for token in tokens.iter() {
            match token {
                Token::Word(word) => {
                    while codes
                        .get(next)
                        .is_some_and(|(at, ..)| at.end <= start(word))
                    {
                        next += 1;
                    }
                    let part_of = codes.get_mut(next);
                    let part_of = part_of.filter(|(at, ..)| at.contains(&start(word)));
                    let code = part_of.map(|(_, code, has_words)| {
                        *has_words = true;
                        *code
                    });
                    units.push(unit(word, code));
                }
                Token::Single(character) | Token::Lone(character) => {
                    units.push(unit(character, None));
                }
                Token::Pair(_) | Token::Identifier(_) => {}
            }
        }
        let alone = codes.into_iter().filter(|(.., has_words)| !has_words);
        units.extend(alone.map(|(_, code, _)| unit(code, Some(code))));
        units.sort_by_key(|unit| unit.at);
        Self(units)
    }
}

/// What a memory must be listed under to hold a phrase, by its language.
pub(crate) struct Needs(Vec<(Language, Vec<u64>)>);

impl Keywords {
    /// Returns what the index can ask for a phrase.
    pub(crate) fn needs(&self, phrase: &Phrase) -> Needs {
        let tokens = Tokens::of(phrase.folded.expose());
        let listed = |language: Language| {
            let listed = tokens.iter().filter(|token| match token {
                Token::Pair(_) => false,
                token => !language::is_stop_word(*token, language),
            });
            let hash = |token| self.words.hash(language::stem(token, language).as_bytes());
            (language, listed.map(hash).collect())
        };
        Needs(Languages::ALL.iter().map(listed).collect())
    }

    /// Tells whether a slot may hold a phrase; one that does is never missed.
    pub(crate) fn may_hold(&self, slot: usize, needs: &Needs) -> bool {
        let (language, listed) = (self.languages[slot], &self.terms[slot]);
        let needed = needs.0.iter().find(|(of, _)| *of == language);
        needed.is_none_or(|(_, terms)| terms.iter().all(|term| listed.binary_search(term).is_ok()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::Words, *};

    fn phrase(text: &str) -> Phrase {
        Phrase::new(text).expect("is short").expect("has words")
    }

    fn holds(text: &str, wanted: &str) -> bool {
        let folded = fold(text);
        occurs_in(&phrase(wanted), &Units::of(&folded))
    }

    fn occurs_in(phrase: &Phrase, text: &Units<'_>) -> bool {
        Search::of([phrase].into_iter()).found_in(text) == [true]
    }

    /// The same, word by word.
    fn plainly_occurs_in(phrase: &Phrase, text: &Units<'_>) -> bool {
        let folded = phrase.folded.expose();
        let is = |place: &Place, unit: &Unit<'_>| {
            let code = place.code.clone().map(|code| &folded[code]);
            folded[place.word.clone()] == *unit.text && (code.is_none() || code == unit.code)
        };
        let here = |window: &[Unit<'_>]| phrase.units.iter().zip(window).all(|(p, u)| is(p, u));
        text.0.windows(phrase.words()).any(here)
    }

    #[test]
    fn words_stand_next_to_each_other_as_whole_words() {
        assert!(holds("Hot EARL Grey, please.", "earl grey"));
        assert!(holds("earl (grey)", "Earl, Grey"));
        assert!(!holds("earl of grey", "earl grey"));
        assert!(!holds("pearl grey", "earl grey"));
        assert!(!holds("earl greys", "earl grey"));
        assert!(!holds("grey earl", "earl grey"));
        assert!(holds("to be or not to be", "not to be"));
    }

    #[test]
    fn spellings_that_look_the_same_are_the_same_and_accents_count() {
        assert!(holds("cafe\u{301} ＣＬＵＢ", "café club"));
        assert!(!holds("cafe club", "café club"));
        assert!(holds(
            "Anna\u{2019}s ea\u{200b}rl gr\u{ad}ey",
            "anna's earl grey"
        ));
    }

    #[test]
    fn a_code_is_held_with_its_signs_and_its_parts_are_words() {
        assert!(holds("I write C++ and C#.", "c++"));
        assert!(!holds("I write C and sing.", "c++"));
        assert!(!holds("C. I know C++.", "c# "));
        assert!(holds("I know C++ well", "know C++ well"));
        assert!(!holds("I know C well, not C++", "know C++ well"));
        assert!(holds("the address jean@example.com", "example"));
        assert!(!holds("the words jean example com", "jean@example.com"));
        assert!(holds("host 10.0.0.1 is up", "host 10.0.0.1 is"));
        assert!(!holds("host 10.0.0.2 is up", "host 10.0.0.1 is"));
    }

    #[test]
    fn in_scripts_without_spaces_characters_stand_next_to_each_other() {
        assert!(holds("我喜欢喝绿茶。", "绿茶"));
        assert!(!holds("绿色的茶", "绿茶"));
        assert!(holds("학교에 간다", "학교"));
    }

    #[test]
    fn a_phrase_is_of_bounded_length_and_has_a_word() {
        assert!(Phrase::new(&"a ".repeat(100)).is_ok());
        assert!(Phrase::new(&"a ".repeat(101)).is_err());
        assert!(Phrase::new(&"a".repeat(4096)).is_ok());
        assert!(Phrase::new(&"a".repeat(4097)).is_err());
        assert!(matches!(Phrase::new(" ...🙂 "), Ok(None)));
        assert!(matches!(Phrase::new(&" ...🙂 ".repeat(9_999)), Ok(None)));
    }

    fn texts() -> impl Strategy<Value = String> {
        let word = "[a-c]{1,2}|The|of|running|c\\+\\+|ab-12|a_b|1\\.5|Größe|l'ami|书店|книги|'|-|\\.|\u{200d}";
        let separator = prop::sample::select(&[" ", "", ", ", "\n"][..]);
        prop::collection::vec((word, separator), 0..12).prop_map(|parts| {
            parts
                .into_iter()
                .flat_map(|(a, b)| [a, b.to_owned()])
                .collect()
        })
    }

    #[test]
    fn a_word_again_and_again_hides_no_phrase() {
        let text = "b z z z z z b z z c++ z";
        assert!(holds(text, "z z z z z b"));
        assert!(!holds(text, "z z z z z z b"));
        assert!(holds(text, "b z z c"));
        assert!(holds(text, "b z z c++ z"));
        assert!(!holds(text, "b z z c# z"));
        let most = "z ".repeat(99) + "b";
        assert!(holds(&("z ".repeat(32_000) + "b"), &most));
        assert!(!holds(&("b ".to_owned() + &"z ".repeat(32_000)), &most));
    }

    /// From one word of a text to another.
    fn part(
        folded: &str,
        units: &Units<'_>,
        from: prop::sample::Index,
        to: prop::sample::Index,
    ) -> Phrase {
        let (a, b) = (from.index(units.0.len()), to.index(units.0.len()));
        let end = &units.0[a.max(b)];
        phrase(&folded[units.0[a.min(b)].at..end.at + end.text.len()])
    }

    proptest! {
        #[test]
        fn phrases_are_found_together_as_each_is_alone(
            text in texts(), wanted in prop::collection::vec(texts(), 1..4)
        ) {
            let folded = fold(&text);
            let units = Units::of(&folded);
            let wanted = wanted.iter().filter_map(|text| Phrase::new(text).expect("is short"));
            let wanted: Vec<Phrase> = wanted.collect();
            let plainly: Vec<bool> =
                wanted.iter().map(|phrase| plainly_occurs_in(phrase, &units)).collect();
            prop_assert_eq!(Search::of(wanted.iter()).found_in(&units), plainly);
        }

        #[test]
        fn a_part_of_a_text_is_found_as_word_by_word(
            text in texts(), from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>()
        ) {
            let folded = fold(&text);
            let units = Units::of(&folded);
            prop_assume!(!units.0.is_empty());
            let part = part(&folded, &units, from, to);
            prop_assert_eq!(occurs_in(&part, &units), plainly_occurs_in(&part, &units));
        }

        #[test]
        fn the_index_never_passes_over_a_text_that_holds_the_phrase(
            text in texts(), from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>()
        ) {
            let folded = fold(&text);
            let units = Units::of(&folded);
            prop_assume!(!units.0.is_empty());
            let phrase = part(&folded, &units, from, to);
            if occurs_in(&phrase, &units) {
                let mut keywords = Keywords::new(Words::new());
                keywords.push(keywords.words.of(&text));
                prop_assert!(keywords.may_hold(0, &keywords.needs(&phrase)));
            }
        }

        #[test]
        fn any_two_texts_can_be_compared(text: String, phrase: String) {
            if let Ok(Some(phrase)) = Phrase::new(&phrase) {
                let mut keywords = Keywords::new(Words::new());
                keywords.push(keywords.words.of(&text));
                let folded = fold(&text);
                if occurs_in(&phrase, &Units::of(&folded)) {
                    prop_assert!(keywords.may_hold(0, &keywords.needs(&phrase)));
                }
            }
        }
    }
}
