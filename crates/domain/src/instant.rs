//! Points in time, to the microsecond, and the one text form that they have.

use std::{
    fmt,
    ops::{Add, Sub},
    str::FromStr,
};

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time: whole microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

/// A length of time in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

/// A text that is no date or instant of ISO 8601.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not an ISO 8601 date (2025-12-31) or instant with an offset (2025-12-31T23:59:59Z)")]
pub struct InvalidInstant;

impl Instant {
    /// The first and the last instant that have a text form of four-digit years.
    const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

    /// Wraps a count of microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Returns the microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Returns the whole seconds since the epoch (`exp` and `iat` of RFC 7519).
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Returns the day in UTC as `2025-12-31`.
    pub fn date(self) -> String {
        self.chrono().format("%Y-%m-%d").to_string()
    }

    /// Returns the minute in UTC as `2025-12-31 23:59`, for people.
    pub fn minute(self) -> String {
        self.chrono().format("%Y-%m-%d %H:%M").to_string()
    }

    fn chrono(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of so many microseconds.
    pub const fn micros(n: i64) -> Self {
        Self(n)
    }

    /// A span of so many seconds.
    pub const fn seconds(n: i64) -> Self {
        Self(n * 1_000_000)
    }

    /// A span of so many minutes.
    pub const fn minutes(n: i64) -> Self {
        Self::seconds(60 * n)
    }

    /// A span of so many hours.
    pub const fn hours(n: i64) -> Self {
        Self::minutes(60 * n)
    }

    /// A span of so many days of 24 hours.
    pub const fn days(n: i64) -> Self {
        Self::hours(24 * n)
    }

    /// Returns the whole seconds in the span.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Returns the microseconds in the span.
    pub const fn as_micros(self) -> i64 {
        self.0
    }
}

impl Add<Span> for Instant {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Instant {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Sub for Instant {
    type Output = Span;

    fn sub(self, other: Self) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

/// RFC 3339 in UTC, with as many digits of the second as it needs.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.chrono().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// Reads ISO 8601: an instant with an offset, or a bare date, which means the
/// last microsecond of that day in UTC.
impl FromStr for Instant {
    type Err = InvalidInstant;

    fn from_str(text: &str) -> Result<Self, InvalidInstant> {
        let instant = if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            let end = date
                .and_hms_micro_opt(23, 59, 59, 999_999)
                .ok_or(InvalidInstant)?;
            end.and_utc()
        } else {
            DateTime::parse_from_rfc3339(text)
                .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M%:z"))
                .or_else(|_| {
                    DateTime::parse_from_str(
                        &text.replace(['Z', 'z'], "+00:00"),
                        "%Y-%m-%dT%H:%M%:z",
                    )
                })
                .map_err(|_| InvalidInstant)?
                .to_utc()
        };
        let micros = instant.timestamp_micros();
        if Self::RANGE.contains(&micros) {
            Ok(Self(micros))
        } else {
            Err(InvalidInstant)
        }
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        text.parse::<Instant>()
            .ok()
            .map(|instant| instant.to_string())
    }

    #[test]
    fn an_offset_is_turned_into_utc() {
        assert_eq!(
            read("2025-12-31T23:59:59Z").as_deref(),
            Some("2025-12-31T23:59:59Z")
        );
        assert_eq!(
            read("2026-01-01T01:00:00.5+02:00").as_deref(),
            Some("2025-12-31T23:00:00.500Z")
        );
        assert_eq!(
            read("2026-01-01T01:00Z").as_deref(),
            Some("2026-01-01T01:00:00Z")
        );
    }

    #[test]
    fn a_bare_date_is_the_end_of_that_day() {
        assert_eq!(
            read("2025-12-31").as_deref(),
            Some("2025-12-31T23:59:59.999999Z")
        );
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "tomorrow",
            "2025-13-45",
            "2025-02-30",
            "2025-12-31T10:00:00",
            "1",
            "99999-01-01",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_text_form_is_lossless_and_sorts(a in Instant::RANGE, b in Instant::RANGE) {
            let (a, b) = (Instant(a), Instant(b));
            prop_assert_eq!(a.to_string().parse(), Ok(a));
            prop_assert_eq!(a.cmp(&b), a.micros().cmp(&b.micros()));
        }
    }
}
