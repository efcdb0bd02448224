//! What is found by words.

use super::{search::MAX_QUERY_WORDS, *};
use crate::{Ranking, candidates::Candidates};

fn index(texts: &[&str]) -> Keywords {
    let mut keywords = Keywords::new(Words::new());
    for text in texts {
        keywords.push(keywords.words.of(text));
    }
    keywords
}

/// The slots that match, best first.
fn found(texts: &[&str], query: &str) -> Vec<usize> {
    let keywords = index(texts);
    let matches = keywords.search(query, &Candidates::all(texts.len()), &Ranking::PRODUCT);
    let scores = &matches.scores;
    let mut slots: Vec<usize> = (0..scores.len())
        .filter(|slot| scores[*slot] > 0.0)
        .collect();
    slots.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
    slots
}

#[test]
fn a_word_is_found_in_any_of_its_forms() {
    assert_eq!(
        found(&["She runs every morning.", "He sleeps."], "RUNNING"),
        [0]
    );
    assert_eq!(
        found(&["She bought a house.", "He sleeps."], "what did she buy"),
        [0]
    );
    assert_eq!(
        found(&["Ich mag die Katzen.", "Der Hund ist alt."], "katze"),
        [0]
    );
    assert_eq!(found(&["Я люблю книги.", "Она пьёт чай."], "книга"), [0]);
}

#[test]
fn a_query_finds_texts_of_several_languages() {
    let texts = [
        "The hotels were full.",
        "Ich war in den Hotels.",
        "Nous aimons les hotels.",
    ];
    assert_eq!(found(&texts, "hotel").len(), 3);
}

#[test]
fn a_stop_word_of_another_language_is_a_word() {
    assert_eq!(
        found(&["He wants to die hard.", "She is at home."], "die"),
        [0]
    );
}

#[test]
fn an_identifier_comes_first() {
    let texts = [
        "ABC-1235 is lost",
        "the order ABC-1234 was paid",
        "1234 abc",
        "ABC ABC ABC 1234 9-1234",
    ];
    assert_eq!(found(&texts, "where is abc-1234?")[0], 1);
    assert_eq!(found(&["foo bar", "set foo_bar to 1"], "foo_bar")[0], 1);
    assert_eq!(
        found(
            &["jean at example.com", "mail jean@example.com"],
            "jean@example.com"
        )[0],
        1
    );
    assert_eq!(found(&["vitamin C", "likes C++"], "c++")[0], 1);
}

#[test]
fn scripts_without_spaces_are_searched() {
    let texts = [
        "我的猫叫小白",
        "他在北京工作",
        "私は東京に住んでいます",
        "나는 학교에서 일한다",
    ];
    assert_eq!(found(&texts, "猫"), [0]);
    assert_eq!(found(&texts, "在北京"), [1]);
    assert_eq!(found(&texts, "東京"), [2]);
    assert_eq!(found(&texts, "학교"), [3]);
}

#[test]
fn a_rare_word_weighs_more_than_a_frequent_one() {
    let texts = [
        "tea tea tea",
        "tea with honey",
        "tea with milk",
        "tea with milk again",
    ];
    assert_eq!(found(&texts, "tea honey")[0], 1);
}

#[test]
fn the_share_of_a_query_is_whole_only_for_all_of_its_words() {
    let keywords = index(&["earl grey tea", "green tea", "coffee"]);
    let matches = keywords.search("earl grey", &Candidates::all(3), &Ranking::PRODUCT);
    let shares: Vec<f32> = (0..3).map(|slot| matches.share(slot)).collect();
    assert!((shares[0] - 1.0).abs() < 1e-6 && shares[1].abs() < 1e-6 && shares[2].abs() < 1e-6);
}

#[test]
fn nothing_of_a_removed_text_remains() {
    let mut keywords = index(&["unique words", "other things", "last unique one"]);
    keywords.swap_remove(0);
    assert_eq!(keywords.terms.len(), 2);
    keywords.replace(0, keywords.words.of("replaced"));
    keywords.swap_remove(0);
    keywords.swap_remove(0);
    assert!(keywords.postings.is_empty());
    assert_eq!(keywords.owned, 0);
}

#[test]
fn a_long_query_is_cut() {
    let query: Vec<String> = (0..10_000).map(|n| format!("w{n}")).collect();
    let keywords = index(&["w1"]);
    let matches = keywords.search(&query.join(" "), &Candidates::all(1), &Ranking::PRODUCT);
    assert_eq!(matches.words.len(), MAX_QUERY_WORDS);
}
