//! Cuts a folded text into tokens: words, identifiers, and character pairs where
//! a script puts no spaces between words.

use std::collections::HashSet;

use unicode_segmentation::UnicodeSegmentation;

/// A piece of a text that is looked for as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Token<'a> {
    /// A word of a language, to be stemmed.
    Word(&'a str),
    /// A code, an address, a name in a program: to be found exactly as it is.
    Identifier(&'a str),
    /// One character of a script without spaces.
    Single(&'a str),
    /// Two neighbouring characters of a script without spaces.
    Pair(&'a str),
    /// One that stands alone between other things.
    Lone(&'a str),
}

/// The tokens of a text in the order of their ends.
pub(crate) struct Tokens<'a>(Vec<Token<'a>>);

impl<'a> Tokens<'a> {
    /// Cuts a text that [`super::fold::fold`] made.
    pub(crate) fn of(folded: &'a str) -> Self {
        let mut tokens = Vec::new();
        for chunk in folded.split_whitespace() {
            if let Some(word) = bare_word(chunk) {
                tokens.push(Token::Word(word));
                continue;
            }
            words(chunk, &mut tokens);
            identifiers(chunk, &mut tokens);
        }
        Self(tokens)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a text is found by.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Token<'a>> {
        self.0.iter().copied()
    }

    /// What a query looks for, each once, however often it is repeated: the single
    /// characters of a run only tell something when the run is no longer than that.
    pub(crate) fn iter_as_query(&self) -> impl Iterator<Item = Token<'a>> {
        let mut seen = HashSet::new();
        self.iter()
            .filter(move |token| !matches!(token, Token::Single(_)) && seen.insert(*token))
    }
}

impl<'a> Token<'a> {
    pub(crate) fn text(self) -> &'a str {
        match self {
            Self::Word(text)
            | Self::Identifier(text)
            | Self::Single(text)
            | Self::Pair(text)
            | Self::Lone(text) => text,
        }
    }
}

/// Returns the word that a chunk is but for the marks of a sentence around it: what
/// [`words`] and [`identifiers`] would find in it, as nearly every chunk is such a one.
fn bare_word(chunk: &str) -> Option<&str> {
    let word = chunk
        .trim_start_matches(['(', '"', '\''])
        .trim_end_matches([',', '.', '!', '?', ';', ':', ')', '"', '\'']);
    // Latin and Cyrillic letters, all of which Unicode takes for parts of words.
    let belongs =
        |c| matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | 'ß'..='ö' | 'ø'..='ɏ' | 'а'..='џ');
    (!word.is_empty() && word.chars().all(belongs)).then_some(word)
}

/// Cuts at the word boundaries of Unicode (UAX #29), which keeps `can't`, `3.14`
/// and `foo_bar` together.
fn words<'a>(chunk: &'a str, tokens: &mut Vec<Token<'a>>) {
    let mut run: Option<(usize, usize)> = None;
    for (start, word) in chunk.unicode_word_indices() {
        let end = start + word.len();
        if word.chars().next().is_some_and(is_unspaced) {
            run = match run {
                Some((first, last)) if last == start => Some((first, end)),
                other => {
                    pairs(chunk, other, tokens);
                    Some((start, end))
                }
            };
            continue;
        }
        pairs(chunk, run.take(), tokens);
        if is_code(word) {
            // `foo_bar` and `example.com` are identifiers; their parts are words.
            let parts = word.split(['_', '.', ':']);
            tokens.extend(
                parts
                    .filter(|part| part.contains(char::is_alphabetic))
                    .map(Token::Word),
            );
        } else {
            // UAX #29 takes `note:this` for one word.
            tokens.extend(
                word.split(':')
                    .filter(|part| !part.is_empty())
                    .map(Token::Word),
            );
        }
    }
    pairs(chunk, run, tokens);
}

/// Cuts a run of a script without spaces into single characters and pairs.
fn pairs<'a>(chunk: &'a str, run: Option<(usize, usize)>, tokens: &mut Vec<Token<'a>>) {
    let Some((start, end)) = run else { return };
    let run = &chunk[start..end];
    let bounds: Vec<usize> = run
        .char_indices()
        .map(|(at, _)| at)
        .chain([run.len()])
        .collect();
    if bounds.len() == 2 {
        tokens.push(Token::Lone(run));
        return;
    }
    tokens.extend(
        bounds
            .windows(2)
            .map(|at| Token::Single(&run[at[0]..at[1]])),
    );
    tokens.extend(bounds.windows(3).map(|at| Token::Pair(&run[at[0]..at[2]])));
}

/// Finds codes, addresses and names of programs: `abc-1234`, `foo_bar`,
/// `jean@example.com`, `c++`, `#42`.
fn identifiers<'a>(chunk: &'a str, tokens: &mut Vec<Token<'a>>) {
    let joins = |c: char| "_-.@+#'".contains(c);
    let belongs = |c: char| joins(c) || c.is_alphanumeric() && !is_unspaced(c);
    for segment in chunk.split(|c| !belongs(c)) {
        let code = segment
            .trim_start_matches(|c: char| joins(c) && c != '#' && c != '_')
            .trim_end_matches(|c: char| joins(c) && !"+#_".contains(c));
        if is_code(code) {
            tokens.push(Token::Identifier(code));
        }
    }
}

/// Tells an identifier from a word, a hyphenated word, or a number.
fn is_code(text: &str) -> bool {
    // `e.g.` and `p.m.` are written with dots and name nothing.
    if text
        .split('.')
        .all(|part| part.len() == 1 && part.contains(char::is_alphabetic))
    {
        return false;
    }
    let digits = text.contains(|c: char| c.is_ascii_digit());
    text.contains(char::is_alphanumeric)
        && (text.contains(['_', '@', '.', '+', '#']) || digits && text.contains('-'))
}

/// Tells whether the script of a character puts no spaces between words (or glues
/// endings to them, as Hangul does).
pub(crate) fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}'     // Thai, Lao
        | '\u{1000}'..='\u{109f}'   // Burmese
        | '\u{1100}'..='\u{11ff}'   // Hangul, single letters
        | '\u{1780}'..='\u{17ff}'   // Khmer
        | '\u{3005}'..='\u{3007}'   // 々〆〇
        | '\u{3040}'..='\u{30ff}'   // Kana
        | '\u{3400}'..='\u{9fff}'   // Han
        | '\u{ac00}'..='\u{d7af}'   // Hangul, syllables
        | '\u{f900}'..='\u{faff}'   // Han, compatibility
        | '\u{20000}'..='\u{3ffff}' // Han, rare
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bare_word_is_what_is_found_in_its_chunk(
            chunk in "[(\"'.]{0,2}[a-zA-Z0-9äößøþÿāǆɏаяёџ'.:_-]{0,8}[,.!?;:)\"'#+]{0,2}"
        ) {
            if let Some(word) = bare_word(&chunk) {
                let mut tokens = Vec::new();
                words(&chunk, &mut tokens);
                identifiers(&chunk, &mut tokens);
                prop_assert_eq!(tokens, [Token::Word(word)]);
            }
        }
    }

    #[test]
    fn every_letter_of_a_bare_word_is_part_of_a_word_to_unicode() {
        let letters = ('\0'..='\u{500}').filter(|c| !c.is_control() && !c.is_whitespace());
        for letter in letters {
            let chunk = format!("a{letter}b,");
            if bare_word(&chunk).is_some() {
                let mut tokens = Vec::new();
                words(&chunk, &mut tokens);
                assert_eq!(tokens, [Token::Word(&chunk[..chunk.len() - 1])]);
            }
        }
    }

    fn texts(folded: &str) -> Vec<&str> {
        Tokens::of(folded).iter().map(Token::text).collect()
    }

    #[test]
    fn words_end_where_unicode_says() {
        assert_eq!(
            texts("don't panic, größe: well-known (42)!"),
            ["don't", "panic", "größe", "well", "known", "42"]
        );
    }

    #[test]
    fn an_identifier_is_found_whole_and_by_its_parts() {
        assert_eq!(texts("(abc-1234),"), ["abc", "1234", "abc-1234"]);
        assert_eq!(texts("foo_bar"), ["foo", "bar", "foo_bar"]);
        assert_eq!(
            texts("<jean.luc@example.com>"),
            ["jean", "luc", "example", "com", "jean.luc@example.com"]
        );
        assert_eq!(texts("c++ and c#."), ["c", "c++", "and", "c", "c#"]);
        assert_eq!(texts("10.0.0.1"), ["10.0.0.1"]);
        assert_eq!(
            texts("https://example.com/a/ab-12"),
            [
                "https",
                "example",
                "com",
                "a",
                "ab",
                "12",
                "example.com",
                "ab-12"
            ]
        );
    }

    #[test]
    fn a_sentence_ends_no_identifier() {
        assert_eq!(texts("the end. 'quoted'"), ["the", "end", "quoted"]);
        assert_eq!(texts("e.g. at 5 p.m."), ["e.g", "at", "5", "p.m"]);
    }

    #[test]
    fn scripts_without_spaces_are_cut_into_pairs() {
        assert_eq!(texts("我的猫"), ["我", "的", "猫", "我的", "的猫"]);
        assert_eq!(
            texts("订单ab-12已发"),
            ["订", "单", "订单", "ab", "12", "已", "发", "已发", "ab-12"]
        );
        assert_eq!(texts("カメラ"), ["カ", "メ", "ラ", "カメ", "メラ"]);
        assert_eq!(texts("학교에"), ["학", "교", "에", "학교", "교에"]);
    }

    #[test]
    fn a_query_of_one_character_looks_for_it() {
        let query = |text| {
            Tokens::of(text)
                .iter_as_query()
                .map(Token::text)
                .collect::<Vec<_>>()
        };
        assert_eq!(query("猫"), ["猫"]);
        assert_eq!(query("我的猫"), ["我的", "的猫"]);
    }

    #[test]
    fn a_query_looks_once_for_what_it_repeats() {
        let repeated = "zq AB-12 猫猫 ".to_lowercase().repeat(5_000);
        let tokens = Tokens::of(&repeated);
        let asked: Vec<_> = tokens.iter_as_query().map(Token::text).collect();
        assert_eq!(asked, ["zq", "ab", "12", "ab-12", "猫猫"]);
    }

    #[test]
    fn what_has_no_letter_and_no_digit_is_no_token() {
        assert_eq!(texts(" ... -- ## 🙂 \n"), Vec::<&str>::new());
    }
}
