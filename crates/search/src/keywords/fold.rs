//! One spelling for texts that look the same.

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};
use zeroize::Zeroizing;

/// Folds a text to compatibility composed form (NFKC) in lower case, with plain
/// apostrophes and hyphens and without characters that nobody sees.
pub(crate) fn fold(text: &str) -> Zeroizing<String> {
    if text.is_ascii() {
        return Zeroizing::new(text.to_ascii_lowercase());
    }
    let seen = || text.chars().filter(|c| !is_invisible(*c));
    let mut folded = Zeroizing::new(String::with_capacity(text.len()));
    // Most texts are composed already, and to see that costs a fraction of doing it.
    if is_nfkc_quick(seen()) == IsNormalized::Yes {
        seen().for_each(|c| lower(c, &mut folded));
    } else {
        seen().nfkc().for_each(|c| lower(c, &mut folded));
    }
    folded
}

fn lower(c: char, to: &mut String) {
    if c.is_ascii() {
        to.push(c.to_ascii_lowercase());
    } else {
        to.extend(c.to_lowercase().map(plain));
    }
}

/// Tells whether a character has no width and no meaning of its own: soft hyphens,
/// joiners, marks of direction, selectors of variants. Pasted texts are full of them,
/// also inside words.
pub(crate) fn is_invisible(c: char) -> bool {
    c >= '\u{ad}'
        && matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}'
            | '\u{115f}'..='\u{1160}' | '\u{3164}' | '\u{ffa0}'     // Hangul fillers
            | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Returns what is left of a text that [`fold`] made without what hardly anybody would
/// notice: spaces, a full stop at the end. Texts of which the same is left say the same.
pub(crate) fn unadorned(folded: &str) -> impl Iterator<Item = &str> {
    let adorns = |c: char| c.is_whitespace() || ".!。".contains(c);
    folded.trim_end_matches(adorns).split_whitespace()
}

fn plain(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{02bc}' => '\'',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_is_folded_as_if_no_text_were_composed_already(
            text in "\\PC{0,20}|[a-zäößé\u{301}\u{338}ﬁ１…’а-яё가각\u{11a8}\u{ad}= A-ZÄİ]{0,30}"
        ) {
            let seen = text.chars().filter(|c| !is_invisible(*c));
            let folded: String = seen.nfkc().flat_map(char::to_lowercase).map(plain).collect();
            prop_assert_eq!(&*fold(&text), &folded);
        }
    }

    #[test]
    fn spellings_that_look_the_same_are_the_same() {
        assert_eq!(*fold("ＡＢＣ－１２３４"), "abc-1234");
        assert_eq!(*fold("Anna\u{2019}s cafe\u{301}"), "anna's caf\u{e9}");
        assert_eq!(*fold("ÜBER ﬁn"), "über fin");
    }

    #[test]
    fn texts_that_differ_in_looks_alone_say_the_same() {
        let same = |a: &str, b: &str| unadorned(&fold(a)).eq(unadorned(&fold(b)));
        assert!(same("I like  TEA.", " I like tea\n"));
        assert!(!same("I like tea.", "I like tea?"));
        assert!(!same("I like C++", "I like C"));
    }

    #[test]
    fn what_nobody_sees_is_not_there() {
        assert_eq!(
            *fold("Ea\u{200b}rl\u{feff} \u{202e}Gr\u{ad}ey"),
            "earl grey"
        );
        assert_eq!(*fold("e\u{200d}\u{301}"), "é");
        assert_eq!(*fold("می\u{200c}خواهم"), "میخواهم");
    }
}
