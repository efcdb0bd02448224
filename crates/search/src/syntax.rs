//! The query language: what in a question is not to be searched by meaning.
//!
//! | written | means |
//! |---|---|
//! | `"earl grey"` | only memories that hold these words next to each other |
//! | `-tea`, `-"earl grey"` | only memories that do not |
//! | `before:2025-01-31` | only memories stored before that day began (UTC) |
//! | `after:2025-01-31` | only memories stored on that day or later |
//! | `permission:public` | only public memories, or `private` ones |
//!
//! An operator begins where a word could begin. Whatever is none stays text, as it
//! was typed: `re:invent`, `--flag`, `5-3`, ` - `, `-5`, a lone quote. The words of
//! a phrase stay in the text too, without their quotes: they also tell what is meant.
//! Pure: how a query is answered is the business of [`crate::Partition`].

mod quotes;

use picard_domain::{Instant, Permission, Plaintext};
use unicode_normalization::UnicodeNormalization;

use crate::{Conditions, Phrase, keywords};
use quotes::Quotes;

/// The most phrases and excluded words of one query.
const MAX_PHRASES: usize = 32;

/// So much of a wrong value is shown, in characters.
const SHOWN: usize = 40;

/// A question, taken apart.
#[derive(Debug, Clone)]
pub struct ParsedQuery {
    text: Plaintext,
    conditions: Conditions,
}

/// Why a query cannot be answered; to be read after the name of its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// There is nothing to see in it.
    #[error("is empty; write at least one character")]
    Empty,
    /// The value of `before:` or `after:`.
    #[error("{filter}: \"{value}\" is not a date; write {filter}:2025-01-31")]
    NoDate {
        /// `before` or `after`.
        filter: &'static str,
        /// What was written instead, at most 40 characters of it.
        value: String,
    },
    /// The value of `permission:`.
    #[error("permission: \"{0}\" is neither public nor private; write permission:public")]
    NoPermission(String),
    /// A filter with a minus.
    #[error("-{filter}: a filter cannot be excluded; write {instead}")]
    ExcludedFilter {
        /// Its name.
        filter: &'static str,
        /// What says that.
        instead: &'static str,
    },
    /// More than a query may have, each of which costs a look at every memory.
    #[error("has more than {MAX_PHRASES} phrases in quotes and excluded words; leave some out")]
    TooManyPhrases,
    /// A phrase of more than that, or more words in all phrases and excluded words
    /// together than a text is looked through for at once.
    #[error(
        "has phrases of more than {} words in all, or one of more than {} KiB; quote less",
        Phrase::MAX_WORDS,
        Phrase::MAX_BYTES / 1024
    )]
    LongPhrases,
}

/// Something in a query that is not only text.
enum Operator<'a> {
    Phrase(Phrase, &'a str),
    Excluded(Phrase),
    Before(Instant),
    After(Instant),
    Permission(Permission),
}

impl ParsedQuery {
    /// Reads a query.
    ///
    /// ```
    /// # use picard_search::ParsedQuery;
    /// let query = ParsedQuery::parse("breakfast -coffee after:2025-01-31")?;
    /// assert_eq!(query.text(), "breakfast");
    /// assert!(query.conditions().hold_in("Toast for breakfast."));
    /// assert!(!query.conditions().hold_in("Coffee for breakfast."));
    /// # Ok::<(), picard_search::QueryError>(())
    /// ```
    pub fn parse(query: &str) -> Result<Self, QueryError> {
        Self::read(query, &mut Quotes::default())
    }

    fn read(query: &str, quotes: &mut Quotes) -> Result<Self, QueryError> {
        if query.chars().all(is_unseen) {
            return Err(QueryError::Empty);
        }
        let mut conditions = Conditions::default();
        let mut text = String::with_capacity(query.len());
        let (mut at, mut last, mut found) = (0, None, false);
        let mut is_behind_phrase = false;
        while let Some(c) = query[at..].chars().next() {
            if let Some((operator, length)) = operator(query, at, last, quotes)? {
                found = true;
                match operator {
                    Operator::Phrase(phrase, words) => {
                        keep_apart(&mut text, words);
                        text.push_str(words);
                        is_behind_phrase = true;
                        conditions.phrases.push(phrase);
                    }
                    Operator::Excluded(phrase) => conditions.excluded.push(phrase),
                    Operator::Before(end) => conditions.before(end),
                    Operator::After(start) => conditions.after(start),
                    Operator::Permission(permission) => conditions.permission(permission),
                }
                let (phrases, words) = conditions.extent();
                if phrases > MAX_PHRASES {
                    return Err(QueryError::TooManyPhrases);
                }
                if words > Phrase::MAX_WORDS {
                    return Err(QueryError::LongPhrases);
                }
                at += length;
                last = query[..at].chars().next_back();
                continue;
            }
            if is_behind_phrase {
                keep_apart(&mut text, &query[at..]);
                is_behind_phrase = false;
            }
            text.push(c);
            last = Some(c);
            at += c.len_utf8();
        }
        // What stood between operators alone is no question.
        if found {
            text = if text
                .chars()
                .all(|c| is_unseen(c) || c.is_ascii_punctuation())
            {
                String::new()
            } else {
                text.trim().to_owned()
            };
        }
        Ok(Self {
            text: Plaintext::new(text),
            conditions,
        })
    }

    /// Takes a query as it is, operators or not.
    pub fn literal(query: Plaintext) -> Self {
        Self {
            text: query,
            conditions: Conditions::default(),
        }
    }

    /// Returns what is to be searched by meaning and by words; empty when there were
    /// only operators without words: then the newest memories are meant.
    pub fn text(&self) -> &str {
        self.text.expose()
    }

    /// Returns what a memory must be like to be found.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// Returns both.
    pub fn into_parts(self) -> (Plaintext, Conditions) {
        (self.text, self.conditions)
    }
}

/// Reads the operator that begins at `at`, after the character `last`; gives its
/// length too.
fn operator<'a>(
    query: &'a str,
    at: usize,
    last: Option<char>,
    quotes: &mut Quotes,
) -> Result<Option<(Operator<'a>, usize)>, QueryError> {
    if let Some((words, length)) = quotes.quoted(query, at, last) {
        let phrase = Phrase::new(words).map_err(|_| QueryError::LongPhrases)?;
        if phrase.is_none() {
            quotes.are_wordless(query, at, words);
        }
        return Ok(phrase.map(|phrase| (Operator::Phrase(phrase, words), length)));
    }
    if last.is_some_and(|last| !last.is_whitespace() && last != '(') {
        return Ok(None);
    }
    let rest = &query[at..];
    let minus = rest.chars().next().filter(|c| is_minus(*c));
    let Some(minus) = minus.map(char::len_utf8) else {
        return filter(rest);
    };
    if let Some((filter, instead)) = excluded_filter(&rest[minus..]) {
        return Err(QueryError::ExcludedFilter { filter, instead });
    }
    let quoted = quotes.quoted(query, at + minus, None);
    let (words, length) = match quoted {
        Some((words, length)) => (words, minus + length),
        None if begins_word(&rest[minus..]) => {
            let word = chunk(&rest[minus..]);
            (word, minus + word.len())
        }
        None => return Ok(None),
    };
    let phrase = Phrase::new(words).map_err(|_| QueryError::LongPhrases)?;
    if phrase.is_none() && quoted.is_some() {
        quotes.are_wordless(query, at + minus, words);
    }
    Ok(phrase.map(|phrase| (Operator::Excluded(phrase), length)))
}

/// Reads `name:value`.
fn filter(rest: &str) -> Result<Option<(Operator<'_>, usize)>, QueryError> {
    let Some((name, after_colon)) = named(rest) else {
        return Ok(None);
    };
    let written = chunk(after_colon);
    let around = |c: char| "\"'“”„«»().,;!?[]{}".contains(c);
    let value: String = written.trim_matches(around).nfkc().collect();
    if value.is_empty() {
        return Ok(None);
    }
    let operator = match name {
        "before" => Operator::Before(date(name, &value)?),
        "after" => Operator::After(date(name, &value)?),
        _ => {
            let permission = value.to_lowercase().parse();
            Operator::Permission(permission.map_err(|_| QueryError::NoPermission(shown(&value)))?)
        }
    };
    Ok(Some((
        operator,
        rest.len() - after_colon.len() + written.len(),
    )))
}

/// Reads a day, which means the instant at which it begins in UTC, or an instant.
fn date(filter: &'static str, value: &str) -> Result<Instant, QueryError> {
    let day = format!("{value}T00:00:00Z").parse();
    // A bare date alone would be read as the end of its day.
    let instant = || value.contains(['T', 't']).then(|| value.parse().ok())?;
    let date = day.ok().or_else(instant);
    date.ok_or_else(|| QueryError::NoDate {
        filter,
        value: shown(value),
    })
}

fn excluded_filter(rest: &str) -> Option<(&'static str, &'static str)> {
    let (name, value) = named(rest)?;
    let instead = match name {
        "before" => "after:2025-01-31",
        "after" => "before:2025-01-31",
        _ => "permission:public or permission:private",
    };
    (!chunk(value).is_empty()).then_some((name, instead))
}

/// Cuts the name of a filter and its colon off.
fn named(rest: &str) -> Option<(&'static str, &str)> {
    ["before", "after", "permission"]
        .into_iter()
        .find_map(|name| {
            let (written, rest) = rest.split_at_checked(name.len())?;
            let rest = written.eq_ignore_ascii_case(name).then_some(rest)?;
            Some((name, rest.strip_prefix([':', '：'])?))
        })
}

/// Makes sure that a word at the end of a text stays one when more comes behind it:
/// the quotes that kept it apart are gone.
fn keep_apart(text: &mut String, more: &str) {
    let is_of_word = |c: char| c.is_alphanumeric() && !keywords::is_unspaced(c);
    if text.ends_with(is_of_word) && more.starts_with(is_of_word) {
        text.push(' ');
    }
}

/// Everything up to the next white space.
fn chunk(rest: &str) -> &str {
    rest.split(char::is_whitespace).next().unwrap_or_default()
}

/// A word, a `#tag` or a `@name`: `-5` is a number, and `--flag` is one of a command.
fn begins_word(rest: &str) -> bool {
    let mut chars = rest.chars();
    match chars.next() {
        Some('#' | '@') => chars.next().is_some_and(char::is_alphanumeric),
        first => first.is_some_and(|c| c.is_alphabetic() && !keywords::is_invisible(c)),
    }
}

/// The minus of keyboards, of mathematics, and of full width. No dash: with one a
/// person begins to speak in many languages.
fn is_minus(c: char) -> bool {
    matches!(c, '-' | '\u{2212}' | '\u{ff0d}')
}

fn is_unseen(c: char) -> bool {
    c.is_whitespace() || c.is_control() || keywords::is_invisible(c)
}

fn shown(value: &str) -> String {
    let mut shown: String = value.chars().take(SHOWN).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests;
