//! Finds the dates of a text.

use chrono::{Datelike as _, Days as Span, Months, NaiveDate};
use picard_domain::Instant;

use super::{
    Days, Named, date, day_of,
    lexer::{Piece, Token, plain, tokens},
    month_of,
    words::{Meaning, NOTHING, Relative, Unit, meaning},
    year_of,
};

/// The years that a number of four digits may be.
const YEARS: std::ops::RangeInclusive<u32> = 1900..=2199;

/// Finds what a text names, read against the instant of its writing.
pub(crate) fn read(text: &str, written: Instant) -> Vec<Named> {
    let plain = plain(text);
    let tokens = tokens(&plain);
    let day = day_of(written).first;
    let Some(today) = date(day) else {
        return Vec::new();
    };
    let reader = Reader { tokens, today };
    let mut named = Vec::new();
    let mut at = 0;
    while at < reader.tokens.len() {
        let length = reader.date(at, &mut named);
        at += length.max(1);
    }
    named
}

struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    today: NaiveDate,
}

impl Reader<'_> {
    /// Adds the date that begins at a token and returns how many tokens it has, 0 when
    /// none begins there.
    fn date(&self, at: usize, named: &mut Vec<Named>) -> usize {
        let found = self
            .in_numbers(at, named)
            .or_else(|| self.in_ideographs(at, named))
            .or_else(|| self.by_month(at, named))
            .or_else(|| self.by_year(at, named))
            .or_else(|| self.relative(at, named));
        found.unwrap_or(0)
    }

    /// `2023-05-07`, `2023/5/7`, `2023-05`, `7.5.2023`, `7. 5. 2023`, `5/7/2023`.
    fn in_numbers(&self, at: usize, named: &mut Vec<Named>) -> Option<usize> {
        // The end of a longer number, as a version or an address, is no date.
        if self.is_glued(at) && matches!(self.mark(at.wrapping_sub(1)), Some('.' | '-' | '/')) {
            return None;
        }
        let (first, digits) = self.number(at)?;
        let mark = self.mark(at + 1).filter(|_| self.is_glued(at + 1))?;
        let (second, _) = self.number(at + 2)?;
        let spaced = mark == '.';
        if !spaced && !self.is_glued(at + 2) {
            return None;
        }
        let third = (self.mark(at + 3) == Some(mark) && self.is_glued(at + 3))
            .then(|| self.number(at + 4))
            .flatten()
            .filter(|_| spaced || self.is_glued(at + 4));
        match (mark, third) {
            ('-' | '/' | '.', Some((third, _))) if digits == 4 => {
                named.push(day(first, second, third)?);
                Some(5)
            }
            ('-', None) if digits == 4 && YEARS.contains(&first) => {
                named.push(month(Some(first), second)?);
                Some(3)
            }
            ('.' | '-', Some((third, 4))) => {
                named.push(day(third, second, first)?);
                Some(5)
            }
            // Some write the day first, some the month: both are looked at.
            ('/', Some((third, 4))) => {
                let either = [day(third, second, first), day(third, first, second)];
                let before = named.len();
                for day in either.into_iter().flatten() {
                    if !named[before..].contains(&day) {
                        named.push(day);
                    }
                }
                (named.len() > before).then_some(5)
            }
            _ => None,
        }
    }

    /// `2023年5月7日`, `5月7日`, `2023년 5월`.
    fn in_ideographs(&self, at: usize, named: &mut Vec<Named>) -> Option<usize> {
        let part = |at: usize, signs: &[&str]| {
            let (value, _) = self.number(at)?;
            signs.contains(&self.word(at + 1)?).then_some(value)
        };
        let mut length = 0;
        let year = part(at, &["年", "년"]).filter(|year| YEARS.contains(year));
        length += 2 * usize::from(year.is_some());
        let in_month = part(at + length, &["月", "월"]);
        length += 2 * usize::from(in_month.is_some());
        let on = in_month.and_then(|_| part(at + length, &["日", "号", "號", "일"]));
        length += 2 * usize::from(on.is_some());
        named.push(match (year, in_month, on) {
            (Some(year), Some(in_month), Some(on)) => day(year, in_month, on)?,
            (None, Some(in_month), Some(on)) => yearly(in_month, Some(on))?,
            (year, Some(in_month), None) => month(year, in_month)?,
            (Some(year), None, _) => whole_year(year)?,
            (None, None, _) => return None,
        });
        Some(length)
    }

    /// `7 May 2023`, `May 7th, 2023`, `7 de mayo de 2023`, `in May`, `May 2023`.
    fn by_month(&self, at: usize, named: &mut Vec<Named>) -> Option<usize> {
        let mut next = at;
        let before = self.day_at(&mut next);
        if before.is_some() {
            self.skip_words(&mut next, &["de", "of", "di"]);
        }
        let word = self.meaning(next);
        let full = word.month;
        let in_month = full.or(word.short_month)?;
        next += 1;
        self.skip_mark(&mut next, '.');
        let mut end = next;
        // `May 7` and `May 7, 2023`, but not `7 May 7`.
        let on = before.or_else(|| {
            let mut after = end;
            let on = self.day_at(&mut after)?;
            end = after;
            Some(on)
        });
        let mut after = end;
        self.skip_mark(&mut after, ',');
        self.skip_words(&mut after, &["de", "of", "del", "do", "di"]);
        let year = self.year_at(after);
        if year.is_some() {
            end = after + 1;
        }
        let follows = at > 0 && self.meaning(at - 1).before;
        if on.is_none() && year.is_none() && !(full.is_some() && follows) {
            // `May I`, `march on`: a word like others.
            return None;
        }
        named.push(match (year, on) {
            (Some(year), Some(on)) => day(year, in_month, on)?,
            (None, Some(on)) => yearly(in_month, Some(on))?,
            (year, None) => month(year, in_month)?,
        });
        Some(end - at)
    }

    /// `in 2023`.
    fn by_year(&self, at: usize, named: &mut Vec<Named>) -> Option<usize> {
        let follows = at > 0 && self.meaning(at - 1).before;
        let year = self.year_at(at).filter(|_| follows)?;
        // `in 2023.5` and `in 2000 metres` cannot be told from a year; the first can.
        if self.is_glued(at + 1) && self.word(at + 1).is_some() {
            return None;
        }
        named.push(whole_year(year)?);
        Some(1)
    }

    /// `last week`, `three days ago`.
    fn relative(&self, at: usize, named: &mut Vec<Named>) -> Option<usize> {
        let by_word = &self.meaning(at).phrases;
        let by_number = self.amount(at).map(|_| &meaning("#").phrases);
        for phrase in by_word.iter().chain(by_number.into_iter().flatten()) {
            let mut times = 1;
            let fits = phrase.words.iter().zip(at..).all(|(forms, at)| {
                if forms == &["#"] {
                    let amount = self.amount(at);
                    times = amount.unwrap_or(times);
                    return amount.is_some();
                }
                let piece = self.tokens.get(at).map(|token| token.piece);
                match piece {
                    Some(Piece::Word(word)) => forms.contains(&word),
                    Some(Piece::Mark(mark)) => forms == &[mark.encode_utf8(&mut [0; 4])],
                    _ => false,
                }
            });
            if fits {
                named.push(Named::Days(self.away(phrase.relative, times)?));
                return Some(phrase.words.len());
            }
        }
        None
    }

    /// The days that are so many units away from today.
    fn away(&self, relative: Relative, times: u32) -> Option<Days> {
        let steps = relative.by.unsigned_abs().checked_mul(times)?;
        let back = relative.by < 0;
        let by_days = |days: u32| {
            let span = Span::new(u64::from(days));
            if back {
                self.today.checked_sub_days(span)
            } else {
                self.today.checked_add_days(span)
            }
        };
        let by_months = |months: u32| {
            let span = Months::new(months);
            if back {
                self.today.checked_sub_months(span)
            } else {
                self.today.checked_add_months(span)
            }
        };
        match relative.unit {
            Unit::Day => by_days(steps).map(Days::one),
            Unit::Week => {
                let within = by_days(steps.checked_mul(7)?)?;
                let since_monday = u64::from(within.weekday().num_days_from_monday());
                let monday = within.checked_sub_days(Span::new(since_monday))?;
                let sunday = monday.checked_add_days(Span::new(6))?;
                Some(Days::between(monday, sunday))
            }
            Unit::Month => month_of(by_months(steps)?),
            Unit::Year => year_of(by_months(steps.checked_mul(12)?)?),
        }
    }

    /// A day of a month with what belongs to it: `7`, `7.`, `7th`.
    fn day_at(&self, at: &mut usize) -> Option<u32> {
        let (value, digits) = self.number(*at)?;
        if digits > 2 || !(1..=31).contains(&value) {
            return None;
        }
        *at += 1;
        let ordinal = self
            .word(*at)
            .is_some_and(|word| ["st", "nd", "rd", "th", "er"].contains(&word));
        if self.is_glued(*at) && (ordinal || matches!(self.mark(*at), Some('.' | 'º' | 'ª'))) {
            *at += 1;
        }
        Some(value)
    }

    fn year_at(&self, at: usize) -> Option<u32> {
        let (value, digits) = self.number(at)?;
        (digits == 4 && YEARS.contains(&value)).then_some(value)
    }

    /// A number in digits or in words.
    fn amount(&self, at: usize) -> Option<u32> {
        match self.tokens.get(at)?.piece {
            Piece::Number { value, digits } if digits < 5 => Some(value),
            Piece::Word(_) => self.meaning(at).number,
            _ => None,
        }
    }

    fn skip_words(&self, at: &mut usize, words: &[&str]) {
        if self.word(*at).is_some_and(|word| words.contains(&word)) {
            *at += 1;
        }
    }

    fn skip_mark(&self, at: &mut usize, mark: char) {
        if self.mark(*at) == Some(mark) && self.is_glued(*at) {
            *at += 1;
        }
    }

    fn number(&self, at: usize) -> Option<(u32, usize)> {
        match self.tokens.get(at)?.piece {
            Piece::Number { value, digits } => Some((value, digits)),
            _ => None,
        }
    }

    fn word(&self, at: usize) -> Option<&str> {
        match self.tokens.get(at)?.piece {
            Piece::Word(word) => Some(word),
            _ => None,
        }
    }

    fn meaning(&self, at: usize) -> &'static Meaning {
        self.tokens.get(at).map_or(&NOTHING, |token| token.meaning)
    }

    fn mark(&self, at: usize) -> Option<char> {
        match self.tokens.get(at)?.piece {
            Piece::Mark(mark) => Some(mark),
            _ => None,
        }
    }

    fn is_glued(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| token.glued)
    }
}

fn day(year: u32, month: u32, day: u32) -> Option<Named> {
    let year = YEARS.contains(&year).then_some(year)?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    Some(Named::Days(Days::one(date)))
}

/// A month of a year, or of any.
fn month(year: Option<u32>, month: u32) -> Option<Named> {
    let Some(year) = year else {
        return yearly(month, None);
    };
    let first = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, 1)?;
    month_of(first).map(Named::Days)
}

fn yearly(month: u32, day: Option<u32>) -> Option<Named> {
    // A leap year has every day that any year has.
    NaiveDate::from_ymd_opt(2000, month, day.unwrap_or(1))?;
    Some(Named::Yearly { month, day })
}

fn whole_year(year: u32) -> Option<Named> {
    let first = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, 1, 1)?;
    year_of(first).map(Named::Days)
}
