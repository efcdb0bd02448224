//! Filters and expirations as they stand in URLs and forms.
//!
//! What a person typed is kept as it is, so that a form with an error shows it
//! again, and so that links to other pages of a list keep every filter.

use picard_client::ListMemories;
use picard_domain::{Expired, Instant, Permission, Span};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

/// The filters of the list of memories, in the words of its URL.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Filters {
    /// Empty, `private` or `public`.
    pub(crate) permission: String,
    /// Empty (valid ones), `all` or `expired`.
    pub(crate) show: String,
    /// A date or an instant, or empty.
    pub(crate) before: String,
    /// A date or an instant, or empty.
    pub(crate) after: String,
    /// Where the page begins.
    pub(crate) cursor: String,
}

/// What is wrong with the filters, by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FilterErrors {
    pub(crate) before: Option<String>,
    pub(crate) after: Option<String>,
}

impl FilterErrors {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The filters as the server takes them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) permission: Option<Permission>,
    pub(crate) expired: Expired,
    pub(crate) before: Option<Instant>,
    pub(crate) after: Option<Instant>,
}

impl Filters {
    /// Reads what was typed. A date that is none is left out and named.
    pub(crate) fn parse(&self) -> (Parsed, FilterErrors) {
        let mut errors = FilterErrors::default();
        let parsed = Parsed {
            permission: self.permission.parse().ok(),
            expired: match self.show.as_str() {
                "all" => Expired::Include,
                "expired" => Expired::Only,
                _ => Expired::Exclude,
            },
            before: read(&self.before, |error| errors.before = Some(error)),
            after: read(&self.after, |error| errors.after = Some(error)),
        };
        (parsed, errors)
    }

    /// Tells whether anything is filtered out.
    pub(crate) fn any(&self) -> bool {
        let Self {
            permission,
            show,
            before,
            after,
            ..
        } = self;
        [permission, show, before, after]
            .iter()
            .any(|field| !field.is_empty())
    }

    /// The address of a page of the list, with all filters.
    pub(crate) fn link(&self, path: &str, cursor: &str) -> String {
        let fields = [
            ("permission", self.permission.as_str()),
            ("show", &self.show),
            ("before", &self.before),
            ("after", &self.after),
            ("cursor", cursor),
        ];
        link(path, &fields)
    }
}

impl Parsed {
    /// One page of the list.
    pub(crate) fn list(self, cursor: &str, limit: u32) -> ListMemories {
        ListMemories {
            permission: self.permission,
            expired: self.expired,
            expires_before: self.before,
            expires_after: self.after,
            limit: Some(limit),
            cursor: (!cursor.is_empty()).then(|| cursor.to_owned()),
            ..ListMemories::default()
        }
    }
}

/// The address of a path with those fields that are not empty.
pub(crate) fn link(path: &str, fields: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

fn read(text: &str, mut wrong: impl FnMut(String)) -> Option<Instant> {
    match bound(text) {
        Ok(instant) => instant,
        Err(error) => {
            wrong(error);
            None
        }
    }
}

/// Reads an edge of a filter: a date is the instant at which it begins, so that
/// what expires on a day is "from" this day and "before" the next.
fn bound(text: &str) -> Result<Option<Instant>, String> {
    let text = text.trim();
    expiration(&format!("{text}T00:00:00Z")).or_else(|_| expiration(text))
}

/// Reads an expiration that was typed: empty for none.
pub(crate) fn expiration(text: &str) -> Result<Option<Instant>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        "Write a date such as 2026-12-31, or an instant with its offset such as \
         2026-12-31T23:59:59Z."
            .to_owned()
    })
}

/// Shows an expiration in a field: the date alone where it means the same.
pub(crate) fn in_field(instant: Option<Instant>) -> String {
    let Some(instant) = instant else {
        return String::new();
    };
    let date = instant.date();
    if date.parse() == Ok(instant) {
        date
    } else {
        instant.to_string()
    }
}

/// Says exactly when an expiration is, in UTC.
pub(crate) fn exactly(instant: Instant) -> String {
    let field = in_field(Some(instant));
    if field.contains('T') {
        field
    } else {
        format!("the end of {field}, UTC")
    }
}

/// Dates to choose from, with words.
pub(crate) fn choices(now: Instant) -> Vec<(String, &'static str)> {
    [
        (1, "in a day"),
        (7, "in a week"),
        (30, "in a month"),
        (90, "in three months"),
        (365, "in a year"),
    ]
    .map(|(days, words)| ((now + Span::days(days)).date(), words))
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_every_filter_and_nothing_else() {
        let filters = Filters {
            permission: "public".into(),
            show: "all".into(),
            before: "2026-12-31T23:59:59+01:00".into(),
            after: String::new(),
            cursor: "old".into(),
        };
        assert_eq!(
            filters.link("/memories", "a b"),
            "/memories?permission=public&show=all&before=2026-12-31T23%3A59%3A59%2B01%3A00&cursor=a+b"
        );
        assert_eq!(Filters::default().link("/memories", ""), "/memories");
    }

    #[test]
    fn a_date_that_is_none_is_named_and_left_out() {
        let filters = Filters {
            before: "tomorrow".into(),
            ..Filters::default()
        };
        let (parsed, errors) = filters.parse();
        assert_eq!(parsed, Parsed::default());
        assert!(errors.before.is_some() && errors.after.is_none());
    }

    #[test]
    fn a_day_is_from_its_beginning_and_before_it() {
        let filters = Filters {
            after: "2026-12-31".into(),
            before: "2027-01-01".into(),
            ..Filters::default()
        };
        let (parsed, _) = filters.parse();
        let begin = |text: &str| text.parse().ok();
        assert_eq!(parsed.after, begin("2026-12-31T00:00:00Z"));
        assert_eq!(parsed.before, begin("2027-01-01T00:00:00Z"));
    }

    #[test]
    fn an_unknown_word_filters_nothing() {
        let filters = Filters {
            permission: "secret".into(),
            show: "x".into(),
            ..Filters::default()
        };
        assert_eq!(
            filters.parse(),
            (Parsed::default(), FilterErrors::default())
        );
    }

    #[test]
    fn an_expiration_survives_its_field() {
        for text in ["2026-12-31", "2026-12-31T23:59:59Z", ""] {
            let read = expiration(text).expect("a date");
            assert_eq!(in_field(read), text);
        }
        assert!(expiration("2025-13-45").is_err());
    }
}
