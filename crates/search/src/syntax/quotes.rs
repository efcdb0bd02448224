//! Which quotes belong together, in the typography of several languages.

use crate::keywords::is_unspaced;

/// Finds quoted texts in a query, in linear time.
#[derive(Default)]
pub(super) struct Quotes {
    /// By kind: up to here there is no quote that closes, or none with a word in it.
    open_until: [usize; KINDS],
    /// The bytes among which ends were looked for, all together.
    #[cfg(test)]
    pub(super) looked_at: usize,
}

/// Quotes that open, and those that close them.
const PAIRS: [(&str, &str); KINDS] = [
    // English “…”, German „…“, Polish „…”, Swedish ”…”; phones mix them with straight ones.
    ("\"＂“”„‟", "\"＂“”‟"),
    // French « … », Danish »…«, Finnish »…».
    ("«", "»"),
    ("»", "«»"),
    ("「", "」"),
    ("『", "』"),
];
const KINDS: usize = 5;

impl Quotes {
    /// Returns what stands in the quotes that open at `at`, after the character
    /// `last`, and their length with it. They close on the same line.
    pub(super) fn quoted<'a>(
        &mut self,
        query: &'a str,
        at: usize,
        last: Option<char>,
    ) -> Option<(&'a str, usize)> {
        let rest = &query[at..];
        let open = rest.chars().next()?;
        let kind = PAIRS.iter().position(|(opens, _)| opens.contains(open))?;
        // `5" by 7"`: inches.
        let in_word = last.is_some_and(|last| last.is_alphanumeric() && !is_unspaced(last));
        let inner = &rest[open.len_utf8()..];
        let apart = kind == 0 && inner.starts_with(char::is_whitespace);
        if in_word || apart || at < self.open_until[kind] {
            return None;
        }
        let closes = |c: char| PAIRS[kind].1.contains(c);
        let end = inner.find(|c| closes(c) || c == '\n');
        #[cfg(test)]
        {
            self.looked_at += end.unwrap_or(inner.len());
        }
        let end = end.filter(|end| !inner[*end..].starts_with('\n'));
        let Some(end) = end else {
            let line = inner.find('\n').unwrap_or(inner.len());
            self.open_until[kind] = at + open.len_utf8() + line;
            return None;
        };
        let close = inner[end..].chars().next().map_or(0, char::len_utf8);
        Some((&inner[..end], open.len_utf8() + end + close))
    }

    /// Notes that there is no word in the quotes that open at `at`: in those that open
    /// between here and their end there is none either.
    pub(super) fn are_wordless(&mut self, query: &str, at: usize, words: &str) {
        let open = query[at..].chars().next();
        let kind = PAIRS
            .iter()
            .position(|(opens, _)| open.is_some_and(|open| opens.contains(open)));
        if let (Some(kind), Some(open)) = (kind, open) {
            // What closes here may open others.
            self.open_until[kind] = at + open.len_utf8() + words.len();
        }
    }
}
