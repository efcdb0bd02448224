//! How long a fetched document holds (RFC 9111, section 5.2 of the draft).
//!
//! Only good documents are kept at all: an error, and a document that breaks
//! the rules, is forgotten at once.

use picard_domain::Span;

/// Without a word from its host.
const UNSAID: Span = Span::minutes(10);
/// Even when its host says "do not store": one log-in asks for the document
/// several times, and must not see two versions of it.
const LEAST: Span = Span::minutes(1);
/// Whatever its host says: a redirect URI that was taken out has to go some day.
const MOST: Span = Span::hours(24);

/// How long after its freshness the last good copy stands in while its host
/// cannot be reached or answers nonsense: such hosts had outages of hours.
pub const STALE: Span = Span::hours(24);

/// Returns for how long an answer is fresh, by its `Cache-Control` (all fields,
/// joined by commas) and `Age`: one minute to 24 hours. `s-maxage` counts before
/// `max-age`, since everybody on this server shares the copy. `Expires` is not read.
pub fn freshness(cache_control: Option<&str>, age: Option<&str>) -> Span {
    let directives = || {
        let all = cache_control.unwrap_or_default().split(',');
        all.map(|directive| directive.trim().to_ascii_lowercase())
    };
    let says = |word: &str| {
        directives().any(|directive| directive.split('=').next().map(str::trim) == Some(word))
    };
    if says("no-store") || says("no-cache") || says("private") {
        return LEAST;
    }
    let seconds = |word: &str| {
        directives().find_map(|directive| {
            let (name, value) = directive.split_once('=')?;
            let value = value.trim().trim_matches('"');
            (name.trim() == word).then(|| number(value).unwrap_or(0))
        })
    };
    let Some(lifetime) = seconds("s-maxage").or_else(|| seconds("max-age")) else {
        return UNSAID;
    };
    let age = age.and_then(|age| number(age.trim())).unwrap_or(0);
    Span::seconds(lifetime - age).clamp(LEAST, MOST)
}

/// Reads delta-seconds; one that does not fit is as much as there is (RFC 9111
/// section 1.2.2).
fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(i64::MAX).min(i64::from(i32::MAX)))
}
