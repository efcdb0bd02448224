//! One spelling for texts that look the same.

use unicode_normalization::UnicodeNormalization;

/// Folds a text to compatibility composed form (NFKC) in lower case, with plain
/// apostrophes and hyphens.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc()
        .flat_map(char::to_lowercase)
        .map(plain)
        .collect()
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
    use super::*;

    #[test]
    fn spellings_that_look_the_same_are_the_same() {
        assert_eq!(fold("ＡＢＣ－１２３４"), "abc-1234");
        assert_eq!(fold("Anna\u{2019}s cafe\u{301}"), "anna's caf\u{e9}");
        assert_eq!(fold("ÜBER ﬁn"), "über fin");
    }
}
