//! The days that a text names: `7 May 2023`, `in June`, `2023-05-07`, `last week`.
//!
//! People remember by time. A question that names days is answered best by what was
//! written then, or by what names those days itself: neither the vectors nor the
//! words of a text tell when it was written, and to a model two dates look alike.
//!
//! What a memory names is read against the instant when it was written ("tomorrow"
//! in a memory of March 3 is March 4), what a question names against the present.
//! A day here is one of UTC, so a day more or less counts as the same.

mod lexer;
mod read;
mod words;

use chrono::{Datelike, NaiveDate};
use picard_domain::Instant;

pub(crate) use read::read;

/// Microseconds in a day.
const DAY: i64 = 86_400_000_000;

/// The most days of one question that count: each is held against each memory.
const MOST_ASKED: usize = 8;

/// The most days that are kept of one memory: a diary or a log names hundreds.
const MOST_TOLD: usize = 8;

/// Days in a row, counted from 1970-01-01, the last one included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Days {
    first: i32,
    last: i32,
}

/// What a text names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// Certain days.
    Days(Days),
    /// The same days of any year; of the whole month without a day.
    Yearly { month: u32, day: Option<u32> },
}

/// Reads the days that a question names, each once, the first ones of very many.
pub(crate) fn asked(question: &str, now: Instant) -> Vec<Named> {
    let mut asked = Vec::new();
    for named in read(question, now) {
        if asked.len() == MOST_ASKED {
            break;
        }
        if !asked.contains(&named) {
            asked.push(named);
        }
    }
    asked
}

impl Days {
    pub(crate) fn new(first: i32, last: i32) -> Self {
        Self { first, last }
    }

    pub(crate) fn first(self) -> i32 {
        self.first
    }

    pub(crate) fn last(self) -> i32 {
        self.last
    }

    pub(crate) fn one(day: NaiveDate) -> Self {
        Self::between(day, day)
    }

    fn between(first: NaiveDate, last: NaiveDate) -> Self {
        Self {
            first: number(first),
            last: number(last),
        }
    }

    /// How many days lie between two, 0 when they meet.
    fn apart(self, other: Self) -> u32 {
        let gap = (self.first - other.last).max(other.first - self.last);
        gap.max(0).unsigned_abs()
    }

    fn year(self) -> i32 {
        date(self.first).map_or(1970, |date| date.year())
    }
}

impl Named {
    /// Reads days of any year as those that are closest to a day.
    fn closest_to(self, anchor: Days) -> Option<Days> {
        let (month, day) = match self {
            Self::Days(days) => return Some(days),
            Self::Yearly { month, day } => (month, day),
        };
        let year = anchor.year();
        (year - 1..=year + 1)
            .filter_map(|year| in_year(year, month, day))
            .min_by_key(|days| days.apart(anchor))
    }
}

/// Reads the days that a memory names which was written at an instant, the first ones of
/// very many.
pub(crate) fn told(text: &str, created_at: Instant) -> Vec<Days> {
    let written = day_of(created_at);
    let named = read(text, created_at).into_iter();
    let days = named.filter_map(|named| named.closest_to(written));
    days.take(MOST_TOLD).collect()
}

/// When a memory was written, and what days it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When {
    written: Days,
    /// Most memories name none.
    named: Option<Box<[Days]>>,
}

impl When {
    pub(crate) fn new(created_at: Instant, named: Vec<Days>) -> Self {
        Self {
            written: day_of(created_at),
            named: (!named.is_empty()).then(|| named.into()),
        }
    }

    #[cfg(test)]
    pub(crate) fn of(text: &str, created_at: Instant) -> Self {
        Self::new(created_at, told(text, created_at))
    }

    /// How close this is to the days of a question that is asked `now`, from 0 to 1:
    /// less the further away, by the factor e in `fading` days.
    ///
    /// Days that begin today or later count where a memory names them. "What shall I
    /// cook today" does not ask for what was written today.
    pub(crate) fn closeness(&self, asked: &[Named], now: Instant, fading: f32) -> f32 {
        let today = day_of(now).first;
        let close = |apart: u32| (-(apart as f32) / fading.max(f32::MIN_POSITIVE)).exp();
        let mut best = 0.0_f32;
        for asked in asked {
            let when_written = asked.closest_to(self.written);
            if let Some(days) = when_written.filter(|days| days.first < today) {
                // A day more or less: the one who asks may live in another time zone.
                best = best.max(close(days.apart(self.written).saturating_sub(1)));
            }
            for named in self.named.iter().flatten() {
                if let Some(days) = asked.closest_to(*named) {
                    best = best.max(close(days.apart(*named)));
                }
            }
        }
        best
    }

    /// The bytes that this owns outside of itself.
    pub(crate) fn owned(&self) -> usize {
        self.named
            .as_ref()
            .map_or(0, |named| size_of_val::<[Days]>(named) + 16)
    }
}

fn day_of(instant: Instant) -> Days {
    let day = instant.micros().div_euclid(DAY) as i32;
    Days {
        first: day,
        last: day,
    }
}

fn number(date: NaiveDate) -> i32 {
    date.num_days_from_ce() - NaiveDate::default().num_days_from_ce()
}

fn date(number: i32) -> Option<NaiveDate> {
    let from_ce = number.checked_add(NaiveDate::default().num_days_from_ce())?;
    NaiveDate::from_num_days_from_ce_opt(from_ce)
}

/// A day, or a whole month.
fn in_year(year: i32, month: u32, day: Option<u32>) -> Option<Days> {
    match day {
        Some(day) => NaiveDate::from_ymd_opt(year, month, day).map(Days::one),
        None => month_of(NaiveDate::from_ymd_opt(year, month, 1)?),
    }
}

/// The month in which a day lies.
fn month_of(day: NaiveDate) -> Option<Days> {
    let first = day.with_day(1)?;
    let next = first.checked_add_months(chrono::Months::new(1))?;
    Some(Days::between(first, next.pred_opt()?))
}

/// The year in which a day lies.
fn year_of(day: NaiveDate) -> Option<Days> {
    let first = NaiveDate::from_ymd_opt(day.year(), 1, 1)?;
    let last = NaiveDate::from_ymd_opt(day.year(), 12, 31)?;
    Some(Days::between(first, last))
}

#[cfg(test)]
mod tests;
