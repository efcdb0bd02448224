//! Conditions: what does not meet them takes no part.

use super::*;
use crate::ParsedQuery;

/// Conditions as a person writes them, and as plain values.
#[derive(Debug, Clone)]
struct Wanted {
    phrase: Vec<&'static str>,
    excluded: Option<&'static str>,
    before: Option<i64>,
    after: Option<i64>,
    permission: Option<Permission>,
}

impl Wanted {
    fn written(&self) -> String {
        let mut parts = Vec::new();
        if !self.phrase.is_empty() {
            parts.push(format!("\"{}\"", self.phrase.join(" ")));
        }
        parts.extend(self.excluded.map(|word| format!("-{word}")));
        let instant = |micros| Instant::from_micros(micros).to_string();
        parts.extend(self.before.map(|end| format!("before:{}", instant(end))));
        parts.extend(self.after.map(|start| format!("after:{}", instant(start))));
        parts.extend(self.permission.map(|word| format!("permission:{word}")));
        parts.join(" ")
    }

    fn admits(&self, given: &Given) -> bool {
        let words: Vec<_> = given.text.split_whitespace().collect();
        let text = format!(" {} ", words.join(" ").trim_end_matches('?'));
        let created = given.created_at.micros();
        let phrase = format!(" {} ", self.phrase.join(" "));
        (self.phrase.is_empty() || text.contains(&phrase))
            && !self
                .excluded
                .is_some_and(|word| text.contains(&format!(" {word} ")))
            && self.before.is_none_or(|end| created < end)
            && self.after.is_none_or(|start| created >= start)
            && self
                .permission
                .is_none_or(|wanted| wanted == given.permission)
    }
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let word = || prop::sample::select(&WORDS[..]);
    let parts = (
        prop::collection::vec(word(), 0..3),
        prop::option::of(word()),
        prop::option::of(0_i64..8),
        prop::option::of(0_i64..8),
        prop::option::of(permission()),
    );
    parts.prop_map(|(phrase, excluded, before, after, permission)| Wanted {
        phrase,
        excluded,
        before,
        after,
        permission,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn a_search_with_conditions_is_a_search_in_a_partition_of_what_meets_them(
        changes in changes_of(spoken()), asked in asked_of(spoken()), wanted in wanted()
    ) {
        let (partition, map) = applied(&changes);
        let written = wanted.written();
        let mut conditions = if written.is_empty() {
            Conditions::default()
        } else {
            let query = ParsedQuery::parse(&written).expect("a query");
            let words = wanted.phrase.join(" ");
            prop_assert_eq!(query.text(), words);
            query.into_parts().1
        };
        let doubtful = {
            let query = Query { conditions: &conditions, ..asked.query() };
            partition.doubtful(&query, usize::MAX).expect("no limit")
        };
        for (n, given) in &map {
            if !doubtful.contains(&id(*n)) {
                continue;
            }
            prop_assert!(conditions.need_texts());
            if !conditions.hold_in(&given.text) {
                conditions.refuse(id(*n));
            }
        }
        let query = Query { conditions: &conditions, ..asked.query() };
        let alone = partition_of(admitted(&map, &asked).filter(|(_, given)| wanted.admits(given)));
        prop_assert_eq!(partition.query(&query), alone.query(&asked.query()));
    }

    #[test]
    fn no_more_are_read_than_wanted(
        changes in changes(), asked in asked(), wanted in wanted(), most in 0_usize..20
    ) {
        let (partition, _) = applied(&changes);
        let Ok(parsed) = ParsedQuery::parse(&wanted.written()) else { return Ok(()) };
        let query = Query { conditions: parsed.conditions(), ..asked.query() };
        let all = partition.doubtful(&query, usize::MAX).expect("no limit");
        let some = partition.doubtful(&query, most);
        prop_assert_eq!(some.is_some(), all.len() <= most);
    }
}
