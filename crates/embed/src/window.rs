//! Where a long text is cut into the overlapping windows that become its vectors.
//!
//! A vector of a whole page is like everything on it a little and like nothing much, so a text is
//! cut into windows of about 200 tokens. They end at the end of a sentence if there is one near, else
//! between words, and each begins some words before the end of the one before, so that no thought is
//! only ever seen in halves.

use std::ops::Range;

use zeroize::Zeroizing;

/// A part of a text, as a model reads it: its tokens. They tell what the text said, so they are
/// overwritten when the window is dropped.
#[derive(Clone)]
pub struct Window {
    tokens: Zeroizing<Vec<u32>>,
}

impl Window {
    /// Of the ids of its tokens, with everything that the model wants before and behind them.
    pub fn new(tokens: Vec<u32>) -> Self {
        Self {
            tokens: Zeroizing::new(tokens),
        }
    }

    /// Shows the tokens: what it costs to embed them grows with their number.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }
}

/// How good a place is for a window to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Border {
    /// In the middle of a word.
    Inside,
    /// Between two words.
    Word,
    /// Between two sentences.
    Sentence,
}

/// A text of up to this many tokens is one window.
const WINDOW: usize = 224;
/// How many tokens two neighbours share, about.
const OVERLAP: usize = 32;
/// The most windows a text has, and
const MOST: usize = 64;
/// the longest that they become to cover a long one: together the bound of the time that one text
/// can take (about 8 seconds on one core).
const LONGEST: usize = 384;

/// Says whether a sentence ends with this character.
pub(crate) fn ends_sentence(c: char) -> bool {
    matches!(
        c,
        '.' | '!' | '?' | '…' | '。' | '！' | '？' | '؟' | '।' | '\n'
    )
}

/// Cuts a text whose token `i` begins at `borders[i]`. `longest` is what the model can read.
///
/// Every token is in a window, and the last window ends with the text, for texts of up to 17,600
/// tokens (64 KiB of prose). Longer ones, such as 64 KiB of digits, are sampled: as many windows as
/// allowed, the longest possible, evenly spread from the beginning to the end.
pub(crate) fn windows(borders: &[Border], longest: usize) -> Vec<Range<usize>> {
    let len = borders.len();
    let longest = longest.min(LONGEST);
    let mut size = WINDOW.min(longest);
    if len <= size {
        return Vec::from([Range { start: 0, end: len }]);
    }
    let overlap = OVERLAP.min(size / 4);
    while size < longest && len > MOST * least_step(size, overlap) {
        size += 1;
    }
    if len > MOST * least_step(size, overlap) {
        let begin = |i| i * (len - size) / (MOST - 1);
        return (0..MOST).map(|i| begin(i)..begin(i) + size).collect();
    }
    let mut found = Vec::new();
    let mut begin = 0;
    while len - begin > size {
        let end = best(borders, begin + size - size / 5..begin + size + 1);
        found.push(begin..end);
        begin = best(borders, end - overlap..end - overlap / 2);
    }
    found.push(begin..len);
    found
}

/// The least by which a window begins after the one before.
fn least_step(size: usize, overlap: usize) -> usize {
    size - size / 5 - overlap
}

/// The last of the best places in a range that is not empty.
fn best(borders: &[Border], range: Range<usize>) -> usize {
    let last = range.end - 1;
    range.max_by_key(|i| borders[*i]).unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text of words of three tokens, with a sentence every 30.
    fn prose(len: usize) -> Vec<Border> {
        (0..len)
            .map(|i| match i {
                _ if i % 30 == 0 => Border::Sentence,
                _ if i % 3 == 0 => Border::Word,
                _ => Border::Inside,
            })
            .collect()
    }

    fn bounds(windows: &[Range<usize>]) -> Vec<(usize, usize)> {
        windows
            .iter()
            .map(|window| (window.start, window.end))
            .collect()
    }

    #[test]
    fn a_short_text_is_one_window() {
        assert_eq!(bounds(&windows(&[], 500)), [(0, 0)]);
        assert_eq!(bounds(&windows(&prose(WINDOW), 500)), [(0, WINDOW)]);
    }

    #[test]
    fn windows_cover_everything_and_overlap() {
        for len in [WINDOW + 1, 300, 449, 1_000, 5_000, 10_000, 17_000] {
            let found = windows(&prose(len), 500);
            assert!(found.len() <= MOST, "{len}: {}", found.len());
            assert_eq!((found[0].start, found[found.len() - 1].end), (0, len));
            for pair in found.windows(2) {
                assert!(
                    pair[1].start < pair[0].end && pair[0].start < pair[1].start,
                    "{pair:?}"
                );
                assert!(pair[1].end - pair[1].start <= LONGEST);
            }
        }
    }

    #[test]
    fn windows_end_with_sentences_where_they_can() {
        let found = windows(&prose(1_000), 500);
        assert!(
            found[..found.len() - 1]
                .iter()
                .all(|window| window.end % 30 == 0),
            "{found:?}"
        );
        assert!(
            found.iter().all(|window| window.start % 3 == 0),
            "{found:?}"
        );
    }

    #[test]
    fn a_text_without_borders_is_cut_all_the_same() {
        let found = windows(&vec![Border::Inside; 1_000], 500);
        assert_eq!(found[found.len() - 1].end, 1_000);
        assert!(found.len() <= 6, "{found:?}");
    }

    #[test]
    fn the_number_is_bounded_and_the_end_is_seen_however_long_the_text() {
        for len in [17_500, 17_700, 65_536, 1_000_000] {
            let found = windows(&vec![Border::Inside; len], 500);
            assert!(found.len() <= MOST, "{len}: {}", found.len());
            assert_eq!((found[0].start, found[found.len() - 1].end), (0, len));
        }
    }

    #[test]
    fn a_model_that_reads_little_gets_small_windows() {
        for longest in [1, 2, 5, 60] {
            let found = windows(&prose(100), longest);
            assert!(
                found.iter().all(|window| window.len() <= longest),
                "{found:?}"
            );
            assert_eq!(found[found.len() - 1].end, 100);
        }
    }
}
