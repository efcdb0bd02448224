//! Numbers, browsers and errors in words.

use picard_client::FieldError;

/// Below this score a match is weak: shown on request, when there are better ones.
pub(crate) const WEAK: f32 = 0.25;

/// Below this score, which is shown as 0.00, a memory does not fit at all.
const NONE: f32 = 0.005;

/// Tells whether a memory fits at all: the server fills a list up to its limit. What is not
/// ranked fits.
pub(crate) fn fits(score: Option<f32>) -> bool {
    score.is_none_or(|score| score >= NONE)
}

/// Says how well a memory fits a query, for people who do not read numbers.
/// The score is 0 to 1.
pub(crate) fn match_in_words(score: f32) -> &'static str {
    match score {
        0.75.. => "Very good match",
        0.5.. => "Good match",
        WEAK.. => "Some match",
        NONE.. => "Weak match",
        _ => "No match",
    }
}

/// What a question of white space is told.
pub(crate) const BLANK: &str = "This is empty; write at least one character.";

/// `1 memory`, `2 memories`.
pub(crate) fn memories(count: u64) -> String {
    if count == 1 {
        "1 memory".to_owned()
    } else {
        format!("{count} memories")
    }
}

/// Says what is wrong with a question, if that is in the field.
pub(crate) fn wrong_question(errors: &[FieldError], field: &str) -> Option<String> {
    let message = &errors.iter().find(|error| error.field == field)?.message;
    // `before: "x" is not a date` names itself; `is too long` does not.
    let names_itself = message
        .split_whitespace()
        .next()
        .is_some_and(|word| word.ends_with(':'));
    Some(if names_itself {
        format!("{message}.")
    } else {
        format!("This {message}.")
    })
}

/// Names a browser and a system from a `User-Agent`, as far as that can be told.
pub(crate) fn browser_in_words(user_agent: &str) -> String {
    let find = |names: &[(&str, &'static str)]| {
        names
            .iter()
            .find(|(mark, _)| user_agent.contains(mark))
            .map(|(_, name)| *name)
    };
    // Each pretends to be the ones after it.
    let browser = find(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrom", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = find(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "Unknown browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_have_words_at_their_edges() {
        for (score, words) in [
            (1.0, "Very good match"),
            (0.75, "Very good match"),
            (0.74, "Good match"),
            (0.5, "Good match"),
            (0.25, "Some match"),
            (0.005, "Weak match"),
            (0.004, "No match"),
            (0.0, "No match"),
        ] {
            assert_eq!(match_in_words(score), words, "{score}");
        }
    }

    #[test]
    fn an_error_in_a_question_names_the_filter_or_the_field() {
        let said = |message: &str| {
            let error = FieldError {
                field: "query".to_owned(),
                message: message.to_owned(),
            };
            wrong_question(&[error], "query")
        };
        let date = "before: \"x\" is not a date; write before:2025-01-31";
        assert_eq!(said(date), Some(format!("{date}.")));
        assert_eq!(said("is empty").as_deref(), Some("This is empty."));
        assert_eq!(wrong_question(&[], "query"), None);
    }

    #[test]
    fn browsers_are_told_apart_though_all_pretend_to_be_others() {
        let edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/1 Safari/537.36 Edg/1";
        assert_eq!(browser_in_words(edge), "Edge on Windows");
        let phone =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17 Safari/604.1";
        assert_eq!(browser_in_words(phone), "Safari on iPhone");
        assert_eq!(browser_in_words(""), "Unknown browser");
    }
}
