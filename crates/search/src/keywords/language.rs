//! What is done differently from language to language: stems and stop words.
//!
//! A text tells its language by its stop words: they are every second word, short
//! texts have some too, and no table of trigrams is needed. A text without any is
//! taken for English, which does little harm to others. Only Latin letters need
//! that; the other scripts with a stemmer have one each.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use rust_stemmers::{Algorithm, Stemmer};

use super::{
    irregular, stop_words,
    tokens::{Token, Tokens},
};

macro_rules! languages {
    ($($name:ident $stop_words:ident)*) => {
        /// A language written in Latin letters that has a stemmer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Language { $($name),* }

        impl Language {
            /// In the order of preference between equals, which is also that of their numbers in
        /// what is stored.
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            fn algorithm(self) -> Algorithm {
                match self { $(Self::$name => Algorithm::$name),* }
            }

            fn stop_words(self) -> &'static str {
                match self { $(Self::$name => stop_words::$stop_words),* }
            }
        }
    };
}

languages! {
    English ENGLISH
    German GERMAN
    French FRENCH
    Spanish SPANISH
    Italian ITALIAN
    Portuguese PORTUGUESE
    Dutch DUTCH
    Swedish SWEDISH
    Danish DANISH
    Norwegian NORWEGIAN
    Finnish FINNISH
    Hungarian HUNGARIAN
    Romanian ROMANIAN
    Turkish TURKISH
}

/// A set of languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Languages(u16);

impl Languages {
    pub(crate) const ALL: Self = Self(u16::MAX);
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn has(self, language: Language) -> bool {
        self.0 & language.bit() != 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Language> {
        Language::ALL
            .iter()
            .copied()
            .filter(move |language| self.has(*language))
    }
}

impl FromIterator<Language> for Languages {
    fn from_iter<I: IntoIterator<Item = Language>>(languages: I) -> Self {
        Self(
            languages
                .into_iter()
                .fold(0, |set, language| set | language.bit()),
        )
    }
}

impl Language {
    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// Every stop word with the languages in which it is one. Those of other scripts
/// cannot be mistaken for anything, so they are stop words in all.
static STOP_WORDS: LazyLock<HashMap<&'static str, Languages>> = LazyLock::new(|| {
    let latin = Language::ALL
        .iter()
        .map(|language| (language.stop_words(), language.bit()));
    let others = [stop_words::RUSSIAN, stop_words::GREEK, stop_words::ARABIC];
    let mut all: HashMap<&str, Languages> = HashMap::new();
    for (list, languages) in latin.chain(others.map(|list| (list, Languages::ALL.0))) {
        for word in list.split_whitespace() {
            all.entry(word).or_insert(Languages(0)).0 |= languages;
        }
    }
    all
});

/// How many stop words of each language a text has.
#[derive(Default)]
pub(crate) struct Tally([u32; Language::ALL.len()]);

impl Tally {
    /// Counts a word that is a stop word in these languages.
    pub(crate) fn add(&mut self, languages: Languages) {
        if languages != Languages::NONE {
            let counts = languages.iter().map(|language| language as usize);
            counts.for_each(|language| self.0[language] += 1);
        }
    }

    /// Returns the language among `possible` with the most.
    pub(crate) fn most(&self, possible: Languages) -> Language {
        let mut most = (Language::English, None);
        for language in possible.iter() {
            let count = Some(self.0[language as usize]);
            // Of equals the first one is preferred.
            if count > most.1 {
                most = (language, count);
            }
        }
        most.0
    }
}

/// Returns the language among `possible` with the most stop words in the text.
pub(crate) fn detect(tokens: &Tokens<'_>, possible: Languages) -> Language {
    let mut tally = Tally::default();
    tokens.iter().for_each(|token| tally.add(stops(token)));
    tally.most(possible)
}

/// Returns the languages in which a token is too frequent to tell anything.
pub(crate) fn stops(token: Token<'_>) -> Languages {
    let Token::Word(word) = token else {
        return Languages::NONE;
    };
    let stops = STOP_WORDS.get(word);
    stops.copied().unwrap_or(Languages::NONE)
}

/// Tells whether a word is a stop word in any language.
pub(crate) fn is_frequent(word: &str) -> bool {
    STOP_WORDS.contains_key(word)
}

/// Tells whether a token is too frequent in its language to tell anything.
pub(crate) fn is_stop_word(token: Token<'_>, latin: Language) -> bool {
    stops(token).has(latin)
}

/// Returns the form under which a token is listed.
pub(crate) fn stem(token: Token<'_>, latin: Language) -> Cow<'_, str> {
    let Token::Word(word) = token else {
        return Cow::Borrowed(token.text());
    };
    let algorithm = match Script::of(word) {
        Script::Latin => latin.algorithm(),
        Script::Cyrillic => Algorithm::Russian,
        Script::Greek => Algorithm::Greek,
        Script::Arabic => Algorithm::Arabic,
        Script::Other => return Cow::Borrowed(word),
    };
    let word = match latin {
        Language::English => irregular::regular(word),
        _ => without_article(word, latin),
    };
    Stemmer::create(algorithm).stem(word)
}

/// Drops the article that French and Italian glue to a word: `l'ami`, `dell'arte`.
fn without_article(word: &str, latin: Language) -> &str {
    match word.split_once('\'') {
        Some((_, rest))
            if matches!(latin, Language::French | Language::Italian) && !rest.is_empty() =>
        {
            rest
        }
        _ => word,
    }
}

enum Script {
    Latin,
    Cyrillic,
    Greek,
    Arabic,
    Other,
}

impl Script {
    fn of(word: &str) -> Self {
        match word.chars().next().unwrap_or_default() {
            'a'..='z' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' => Self::Latin,
            '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Self::Greek,
            '\u{400}'..='\u{4ff}' => Self::Cyrillic,
            '\u{600}'..='\u{6ff}' => Self::Arabic,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_word_breaks_a_stemmer(
            word in "[a-zßàâäçéèêëíñóöőúüűşğıåæø']{1,12}|[а-яёіїєґ]{1,12}|[α-ωάέήίόύώς]{1,12}|[ء-ي]{1,12}"
        ) {
            for language in Language::ALL {
                prop_assert!(stem(Token::Word(&word), *language).len() <= 2 * word.len() + 2);
            }
        }
    }

    fn detected(text: &str) -> Language {
        detect(&Tokens::of(text), Languages::ALL)
    }

    #[test]
    fn a_text_tells_its_language_by_its_stop_words() {
        for (text, language) in [
            ("she was born in a small town", Language::English),
            (
                "ich trinke gerne tee mit milch und zucker",
                Language::German,
            ),
            ("elle aime les chats et la musique", Language::French),
            ("me gusta el café por la mañana", Language::Spanish),
            ("il mio gatto dorme sul divano con me", Language::Italian),
            (
                "eu moro em lisboa com a minha família",
                Language::Portuguese,
            ),
            ("ik hou van koffie en het strand", Language::Dutch),
            (
                "jag gillar att läsa böcker och dricka te",
                Language::Swedish,
            ),
            ("minä asun helsingissä ja olen opettaja", Language::Finnish),
            ("blue", Language::English),
        ] {
            assert_eq!(detected(text), language, "{text}");
        }
    }

    #[test]
    fn forms_of_a_word_have_one_stem() {
        let same = |a, b, language| {
            assert_eq!(
                stem(Token::Word(a), language),
                stem(Token::Word(b), language)
            );
        };
        same("running", "runs", Language::English);
        same("went", "going", Language::English);
        same("children", "child", Language::English);
        same("katzen", "katze", Language::German);
        same("l'amie", "amies", Language::French);
        same("книги", "книга", Language::English);
    }

    #[test]
    fn an_identifier_has_no_stem() {
        assert_eq!(
            stem(Token::Identifier("foo_bars"), Language::English),
            "foo_bars"
        );
    }
}
