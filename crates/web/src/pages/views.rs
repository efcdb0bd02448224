//! Memories as pages show them, and the fields of their forms.

use askama::{Template, filters::HtmlSafe};
use picard_client::{Hit, Memory};
use picard_domain::{Instant, Permission};
use picard_ui::{Badge, Choice, Field, Moment, Notice};

use crate::{
    filters::{self, FilterErrors, Filters},
    words,
};

/// So much of a text is shown in a list; its own page has all of it.
const PREVIEW: usize = 600;

/// So much of a question is repeated above what was found.
pub(super) const REPEATED: usize = 120;

/// What the server says about how an answer was found, in its words.
pub(super) fn notices(told: &[picard_client::Notice]) -> Vec<Notice> {
    told.iter()
        .map(|notice| Notice::info(&*notice.message))
        .collect()
}

/// A memory in a list.
#[derive(Template)]
#[template(path = "memory_card.html")]
pub(super) struct Card {
    text: String,
    /// Its own page, for the owner.
    href: Option<String>,
    badge: Badge,
    expired: bool,
    created: Moment,
    expires: Option<Moment>,
    score: Option<Score>,
}

/// How well it fits, in words and as a number.
struct Score {
    words: &'static str,
    number: String,
}

// The template escapes everything.
impl HtmlSafe for Card {}

impl Card {
    /// A memory of the person who looks.
    pub(super) fn own(memory: &Memory) -> Self {
        Self {
            href: Some(format!("/memories/{}", memory.id)),
            ..Self::foreign(memory)
        }
    }

    /// A memory of somebody else.
    pub(super) fn foreign(memory: &Memory) -> Self {
        Self {
            text: shortened(memory.text.expose(), PREVIEW),
            href: None,
            badge: memory.permission.into(),
            expired: memory.expired,
            created: Moment(memory.created_at),
            expires: memory.expiration_date.map(Moment),
            score: None,
        }
    }

    /// With how well it fits.
    pub(super) fn scored(self, hit: &Hit) -> Self {
        let score = hit.score.map(|score| Score {
            words: words::match_in_words(score),
            number: format!("{score:.2}"),
        });
        Self { score, ..self }
    }
}

/// The first characters of a text, at most so many, and a sign that there are more.
pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// The filters of a list or a search: which permission, which expiration, and
/// one more field beside them.
#[derive(Template)]
#[template(path = "filter_fields.html")]
pub(super) struct FilterFields {
    permission: Field,
    beside: Field,
    after: Field,
    before: Field,
}

impl HtmlSafe for FilterFields {}

impl FilterFields {
    pub(super) fn new(filters: &Filters, errors: FilterErrors, beside: Field) -> Self {
        let date = |name, label| {
            Field::text(name, label)
                .attribute("placeholder", "YYYY-MM-DD")
                .attribute("autocomplete", "off")
                .attribute("spellcheck", "false")
        };
        let permissions = [
            ("", "Private and public"),
            ("private", "Private"),
            ("public", "Public"),
        ];
        Self {
            permission: Field::select("permission", "Permission", &permissions)
                .value(&filters.permission),
            beside,
            after: date("after", "Expires from")
                .value(&filters.after)
                .error(errors.after),
            before: date("before", "Expires before")
                .value(&filters.before)
                .error(errors.before),
        }
    }
}

/// What was typed into the form of a memory.
#[derive(Clone)]
pub(super) struct Typed {
    pub(super) text: String,
    pub(super) permission: Permission,
    pub(super) expiration: String,
}

/// What is wrong with it.
#[derive(Default)]
pub(super) struct Wrong {
    pub(super) text: Option<String>,
    pub(super) permission: Option<String>,
    pub(super) expiration: Option<String>,
}

/// The fields of the form of a memory.
#[derive(Template)]
#[template(path = "memory_fields.html")]
pub(super) struct MemoryFields {
    text: Field,
    permission: Choice,
    expiration: Field,
    choices: Vec<(String, &'static str)>,
}

impl HtmlSafe for MemoryFields {}

impl MemoryFields {
    pub(super) fn new(typed: &Typed, wrong: Wrong, now: Instant) -> Self {
        Self {
            text: Field::area("text", "What should be remembered?", 8)
                .hint("Any language, up to 64 KiB. It is encrypted before it is stored.")
                .value(&typed.text)
                .required()
                .error(wrong.text),
            permission: Choice::permission(typed.permission).error(wrong.permission),
            expiration: Field::text("expiration", "Valid until")
                .hint(
                    "ISO 8601: a date such as 2026-12-31 (to the end of that day, UTC) or an \
                     instant such as 2026-12-31T23:59:59Z. Leave it empty if it does not expire.",
                )
                .attribute("list", "expiration-choices")
                .attribute("autocomplete", "off")
                .attribute("spellcheck", "false")
                .value(&typed.expiration)
                .optional()
                .error(wrong.expiration),
            choices: filters::choices(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_cut_between_characters() {
        assert_eq!(shortened("short", PREVIEW), "short");
        let long = shortened(&"ä".repeat(PREVIEW + 1), PREVIEW);
        assert_eq!(long.chars().count(), PREVIEW + 1);
        assert!(long.ends_with('…'));
    }
}
