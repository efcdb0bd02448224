//! What is an operator, and what is text.

use picard_domain::Instant;
use proptest::prelude::*;

use super::*;

fn parsed(query: &str) -> ParsedQuery {
    ParsedQuery::parse(query).expect("a query")
}

/// The text, the phrases and the excluded words of a query.
fn parts(query: &str) -> (String, usize, usize) {
    let query = parsed(query);
    let conditions = query.conditions();
    let (phrases, excluded) = (conditions.phrases.len(), conditions.excluded.len());
    (query.text().to_owned(), phrases, excluded)
}

fn holds(query: &str, text: &str) -> bool {
    parsed(query).conditions().hold_in(text)
}

fn admits(query: &str, permission: Permission, created: &str) -> bool {
    let created: Instant = created.parse().expect("an instant");
    let id = picard_domain::MemoryId::from_uuid(uuid::Uuid::nil());
    parsed(query).conditions().admit(id, permission, created)
}

#[test]
fn what_is_no_operator_stays_as_it_was_typed() {
    for query in [
        "re:invent",
        "see http://x.example/?a=b",
        "tar --flag -5 and 5-3",
        "one - two",
        "a well-known thing",
        "C++ or c#",
        "a -\u{3164}(-\u{3164}",
        "-",
        "--",
        "\"",
        "5\" screws and 7\" nails",
        "it's 'quoted' so",
        "a \" b",
        "\"open to the end",
        "\"over\na line\"",
        "\"\" and \"...\" and \"🙂\"",
        "before lunch, after: tea",
        "before: and after:",
        "herebefore:2025-01-01",
        "—Привет, как дела?",
        "– dash",
        " two  spaces ",
        "«",
        "-🙂",
        "who?",
    ] {
        assert_eq!(parts(query), (query.to_owned(), 0, 0), "{query}");
    }
}

#[test]
fn a_phrase_stays_in_the_text_without_its_quotes() {
    let phrase = |query: &str| {
        let (text, phrases, excluded) = parts(query);
        assert_eq!((phrases, excluded), (1, 0), "{query}");
        text
    };
    for query in [
        "\"earl grey\"",
        "“earl grey”",
        "„earl grey“",
        "„earl grey”",
        "”earl grey”",
        "«earl grey»",
        "»earl grey«",
        "»earl grey»",
        "「earl grey」",
        "『earl grey』",
        "＂earl grey＂",
        "“earl grey\"",
    ] {
        assert_eq!(phrase(query), "earl grey", "{query}");
    }
    assert_eq!(
        phrase("who drinks \"earl grey\", hot?"),
        "who drinks earl grey, hot?"
    );
    assert_eq!(phrase("« earl grey »"), "earl grey");
    assert_eq!(phrase("我喜欢“绿茶”吗"), "我喜欢绿茶吗");
    assert_eq!(phrase("(\"earl grey\")"), "(earl grey)");
    assert_eq!(phrase("\"earl\" or \"grey"), "earl or \"grey");
}

#[test]
fn a_phrase_and_what_stands_close_to_it_stay_words_of_their_own() {
    assert_eq!(parts("\"earl grey\"tea").0, "earl grey tea");
    assert_eq!(parts("\"earl\"\"grey\"").0, "earl grey");
    assert_eq!(parts("«earl»grey, «hot»!").0, "earl grey, hot!");
    assert_eq!(parts("喝“茶”吗").0, "喝茶吗");
}

#[test]
fn a_minus_excludes_a_word_or_a_phrase() {
    assert_eq!(parts("breakfast -tea"), ("breakfast".to_owned(), 0, 1));
    assert_eq!(
        parts("breakfast -\"earl grey\" -“tea”"),
        ("breakfast".to_owned(), 0, 2)
    );
    assert_eq!(parts("−tea －coffee"), (String::new(), 0, 2));
    assert!(!holds("breakfast -tea", "Tea for breakfast"));
    assert!(holds("breakfast -tea", "Teas for breakfast, a teapot"));
    assert!(!holds("-well-known", "a well known thing"));
    assert!(holds("-well-known", "known well"));
    assert!(holds("-\"earl grey\"", "the grey earl"));
    assert!(!holds("-#work", "today #work"));
    assert!(!holds("\"earl grey\" -hot", "earl grey, hot"));
    assert!(holds("\"earl grey\" -hot", "earl grey, cold"));
}

#[test]
fn a_day_begins_at_midnight_utc_and_is_after_itself() {
    let private = Permission::Private;
    for query in [
        "after:2025-01-31",
        "AFTER:2025-01-31,",
        "after:\"2025-01-31\"",
        "after：２０２５-01-31",
    ] {
        assert!(admits(query, private, "2025-01-31T00:00:00Z"), "{query}");
        assert!(
            !admits(query, private, "2025-01-30T23:59:59.999999Z"),
            "{query}"
        );
        assert_eq!(parsed(query).text(), "");
    }
    assert!(!admits(
        "before:2025-01-31",
        private,
        "2025-01-31T00:00:00Z"
    ));
    assert!(admits(
        "before:2025-01-31",
        private,
        "2025-01-30T23:59:59.999999Z"
    ));
    let instant = "tea before:2025-01-31T12:00:00+02:00";
    assert!(admits(instant, private, "2025-01-31T09:59:59Z"));
    assert!(!admits(instant, private, "2025-01-31T10:00:00Z"));
    assert_eq!(parsed(instant).text(), "tea");
}

#[test]
fn filters_that_are_repeated_all_hold() {
    let (public, private) = (Permission::Public, Permission::Private);
    let between = "after:2025-01-01 after:2025-02-01 before:2025-04-01 before:2025-03-01";
    assert!(admits(between, public, "2025-02-14T00:00:00Z"));
    for outside in ["2025-01-14T00:00:00Z", "2025-03-14T00:00:00Z"] {
        assert!(!admits(between, public, outside));
    }
    assert!(admits("permission:public", public, "2025-01-01T00:00:00Z"));
    assert!(!admits(
        "Permission:Public",
        private,
        "2025-01-01T00:00:00Z"
    ));
    let both = "permission:public permission:private";
    for permission in [public, private] {
        assert!(!admits(both, permission, "2025-01-01T00:00:00Z"));
    }
}

#[test]
fn a_query_that_cannot_be_answered_says_why() {
    let refused = |query: &str| ParsedQuery::parse(query).expect_err(query).to_string();
    for query in ["", " \n\t", "\u{200b}\u{feff} \u{202e}"] {
        assert_eq!(refused(query), "is empty; write at least one character");
    }
    assert_eq!(
        refused("tea before:2025-13-01"),
        "before: \"2025-13-01\" is not a date; write before:2025-01-31"
    );
    for value in [
        "2025-1-1",
        "2025",
        "tomorrow",
        "2025-01-01T10:00",
        "2025-02-30",
        "12025-01-01",
    ] {
        let expected = format!("after: \"{value}\" is not a date; write after:2025-01-31");
        assert_eq!(refused(&format!("after:{value}")), expected);
    }
    assert_eq!(
        refused("permission:secret"),
        "permission: \"secret\" is neither public nor private; write permission:public"
    );
    assert_eq!(
        refused("tea -before:2025-01-01"),
        "-before: a filter cannot be excluded; write after:2025-01-31"
    );
    assert!(refused(&format!("after:{}", "9".repeat(1000))).len() < 120);
    assert!(refused(&"\"a\" ".repeat(33)).contains("more than 32 phrases"));
    assert!(ParsedQuery::parse(&"\"a\" ".repeat(32)).is_ok());
    assert!(refused(&format!("\"{}\"", "a ".repeat(101))).contains("more than 100 words"));
    assert!(refused(&format!("\"{}\"", "a".repeat(4097))).contains("more than 4 KiB"));
    // Whatever phrases they are in: each word takes part in the look at every text.
    let ten = "a ".repeat(10);
    let phrases = format!("\"{ten}\" -\"{ten}\" ").repeat(5);
    assert!(ParsedQuery::parse(&phrases).is_ok());
    assert!(refused(&(phrases + "-a")).contains("more than 100 words in all"));
}

#[test]
fn operators_without_words_leave_no_text() {
    for query in [
        "permission:public after:2025-01-01",
        "-tea ?",
        "(after:2025-01-01)",
    ] {
        assert_eq!(parsed(query).text(), "", "{query}");
    }
    assert_eq!(parsed("after:2025-01-01 🙂").text(), "🙂");
}

#[test]
fn a_literal_query_has_no_operators() {
    let query = ParsedQuery::literal(Plaintext::new("\"a\" -b before:x".to_owned()));
    assert_eq!(query.text(), "\"a\" -b before:x");
    assert!(!query.conditions().need_texts());
}

#[test]
fn ends_of_quotes_are_looked_for_once_whatever_stands_in_them() {
    // Each would look for its end through all that follows.
    for open in ["「", "«", "»", "„", "\" ", " \"", "-「", "-« ", "(-『…"] {
        for close in ["", "」", "»", "“", "\"", "』", "\n», ,»"] {
            let query = open.repeat(8_192 / open.len()) + close;
            let mut quotes = Quotes::default();
            let parsed = ParsedQuery::read(&query, &mut quotes).expect("no phrase is in it");
            assert!(!parsed.conditions().need_texts(), "{open} {close}");
            let kinds = 5;
            assert!(quotes.looked_at <= kinds * query.len(), "{open} {close}");
        }
    }
}

#[test]
fn behind_quotes_without_a_word_others_are_read() {
    for query in [
        "\"\"tea\"",
        "«…» «tea»",
        "„“ „tea“",
        "»»tea«",
        "-\"\" \"tea\"",
    ] {
        assert_eq!(parts(query).1, 1, "{query}");
        assert!(holds(query, "Tea.") && !holds(query, "Coffee."), "{query}");
    }
}

/// Texts of pieces that operators are made of.
fn pieces() -> impl Strategy<Value = String> {
    let piece = "[ \n\"“”„«»「」\\-−:(.)]|before|after:|permission:|public|2025-01-31|T10:00:00Z|tea|\u{200b}|🙂|茶";
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(query in prop_oneof![any::<String>(), pieces()]) {
        if let Ok(parsed) = ParsedQuery::parse(&query) {
            prop_assert!(parsed.text().len() <= query.len());
            parsed.conditions().hold_in(&query);
        }
    }

    #[test]
    fn words_alone_are_text(query in "[a-zäé茶0-9]{1,8}( [a-zäé茶0-9]{1,8}){0,5}[.?!]?") {
        prop_assert_eq!(parts(&query), (query.clone(), 0, 0));
    }

    #[test]
    fn what_is_left_of_a_query_is_read_the_same_again(query in pieces()) {
        // Words of phrases aside: they lost their quotes.
        let Ok(first) = ParsedQuery::parse(&query) else { return Ok(()) };
        if first.conditions().need_texts() || first.text().is_empty() { return Ok(()) }
        let again = ParsedQuery::parse(first.text()).expect("it was read before");
        prop_assert_eq!(again.text(), first.text());
    }

    #[test]
    fn a_query_finds_only_texts_that_hold_its_phrases(
        words in prop::collection::vec("[a-d]{1,3}", 1..4), text in "[a-d]{1,3}( [a-d]{1,3}){0,8}"
    ) {
        let phrase = words.join(" ");
        let expected = format!(" {text} ").contains(&format!(" {phrase} "));
        prop_assert_eq!(holds(&format!("\"{phrase}\""), &text), expected);
        prop_assert_eq!(holds(&format!("-\"{phrase}\""), &text), !expected);
    }
}
