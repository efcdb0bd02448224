//! The query language: what people and assistants type into a search.

use std::{fmt::Write as _, sync::LazyLock};

use picard_domain::{Instant, MemoryFilter, MemoryId, Permission};
use picard_search::{Conditions, Entry, ParsedQuery, Partition, Query, QueryError, Ranking};

/// The bytes are a query as it is typed, and which parts to put one together of.
pub(crate) fn query(bytes: &[u8]) {
    if let Ok(typed) = std::str::from_utf8(bytes) {
        as_typed(typed);
    }
    put_together(bytes);
}

fn as_typed(query: &str) {
    let read = ParsedQuery::parse(query);
    beside_others(query, read.as_ref());
    let Ok(read) = read else {
        return;
    };
    let (text, conditions) = (read.text(), read.conditions());
    assert!(is_left_of(text, query), "{text:?} was never typed");
    if !conditions.any() {
        assert_eq!(text, query, "what is no operator stays as it was typed");
    }
    // Without a minus or a sign, conditions on texts are phrases, and whole words.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c.is_whitespace() || QUOTES.contains(c);
    if query.chars().all(is_plain) {
        assert!(conditions.hold_in(text), "{text:?} lacks a phrase");
    }
}

/// Whatever opens or closes.
const QUOTES: &str = "\"＂“”„‟«»「」『』";

/// Tells whether a text is what is left of another one: its characters are there in
/// this order. Spaces may have come between words that a quote kept apart.
fn is_left_of(text: &str, query: &str) -> bool {
    let mut query = query.chars();
    let mut text = text.chars().filter(|c| *c != ' ');
    text.all(|c| query.any(|other| other == c))
}

/// A filter in front of a query or behind it changes nothing of what it says.
fn beside_others(query: &str, read: Result<&ParsedQuery, &QueryError>) {
    if matches!(read, Err(QueryError::Empty)) {
        return;
    }
    let filter = "permission:public";
    for more in [format!("{query} {filter}"), format!("{filter} {query}")] {
        let more = ParsedQuery::parse(&more);
        match (read, &more) {
            (Ok(read), Ok(more)) => {
                let (text, conditions) = (more.text(), more.conditions());
                // What stands between operators alone is no question.
                let is_no_question =
                    text.is_empty() && !read.text().contains(|c: char| c.is_ascii_alphanumeric());
                assert!(is_no_question || text == read.text().trim(), "{query:?}");
                assert!(conditions.any());
                assert_eq!(conditions.need_texts(), read.conditions().need_texts());
            }
            (Err(why), Err(other)) => assert_eq!(why, other, "{query:?}"),
            (read, more) => panic!("{query:?}: {read:?}, but {more:?}"),
        }
    }
}

const WORDS: [&str; 8] = ["tea", "earl", "grey", "Zoë", "7", "Picard", "hot", "or"];

/// Days of January 2025 that are written in filters.
const DAYS: std::ops::RangeInclusive<u8> = 1..=5;

/// What a query was put together of.
#[derive(Default)]
struct Parts {
    query: String,
    words: Vec<&'static str>,
    phrases: Vec<Vec<&'static str>>,
    excluded: Vec<Vec<&'static str>>,
    after: Vec<u8>,
    before: Vec<u8>,
    permissions: Vec<Permission>,
}

/// A query that is put together of parts is taken apart into the same ones.
fn put_together(bytes: &[u8]) {
    let mut parts = Parts::default();
    for pair in bytes.as_chunks::<2>().0.iter().take(64) {
        parts.add(*pair);
    }
    match ParsedQuery::parse(&parts.query) {
        Ok(read) => parts.are_in(&read, bytes),
        Err(QueryError::Empty) => assert!(parts.query.trim().is_empty()),
        Err(QueryError::TooManyPhrases) => {
            assert!(parts.phrases.len() + parts.excluded.len() > 32);
        }
        Err(why) => panic!("{:?}: {why}", parts.query),
    }
}

impl Parts {
    fn add(&mut self, [kind, which]: [u8; 2]) {
        let word = |n: u8| WORDS[usize::from(n) % WORDS.len()];
        let (one, other) = (word(which), word(which >> 3));
        let day = *DAYS.start() + which % *DAYS.end();
        let (open, close) =
            [('"', '"'), ('“', '”'), ('«', '»'), ('「', '」')][usize::from(which >> 6)];
        let query = &mut self.query;
        let written = match kind % 8 {
            0 | 1 => {
                self.words.push(one);
                write!(query, "{one}")
            }
            2 => {
                self.words.extend([one, other]);
                self.phrases.push(vec![one, other]);
                write!(query, "{open}{one} {other}{close}")
            }
            // A number behind a minus is a number.
            3 if one.starts_with(char::is_alphabetic) => {
                self.excluded.push(vec![one]);
                write!(query, "-{one}")
            }
            3 | 4 => {
                self.excluded.push(vec![one, other]);
                write!(query, "-{open}{one} {other}{close}")
            }
            5 => {
                self.after.push(day);
                write!(query, "after:2025-01-0{day}")
            }
            6 => {
                self.before.push(day);
                write!(query, "Before:2025-01-0{day}")
            }
            _ => {
                let permissions = [Permission::Public, Permission::Private];
                let permission = permissions[usize::from(which % 2)];
                self.permissions.push(permission);
                write!(query, "permission:{permission}")
            }
        };
        written.expect("a text takes all");
        query.push_str([" ", "\n", "  ", "\t"][usize::from(kind >> 6)]);
    }

    fn are_in(&self, read: &ParsedQuery, bytes: &[u8]) {
        let (query, conditions) = (&self.query, read.conditions());
        let words: Vec<_> = read.text().split_whitespace().collect();
        assert_eq!(words, self.words, "{query:?}");
        let texts = [
            self.words.clone(),
            bytes
                .iter()
                .map(|n| WORDS[usize::from(*n) % WORDS.len()])
                .collect(),
        ];
        for text in texts {
            let has = |phrase: &Vec<&str>| text.windows(phrase.len()).any(|here| here == phrase);
            let expected = self.phrases.iter().all(has) && !self.excluded.iter().any(has);
            let shouted = text.join(", ").to_uppercase();
            assert_eq!(
                conditions.hold_in(&shouted),
                expected,
                "{query:?}, {shouted}"
            );
        }
        if conditions.need_texts() {
            assert!(!self.phrases.is_empty() || !self.excluded.is_empty());
            return;
        }
        let admitted = |(day, permission, _): &&(u8, Permission, Instant)| {
            self.after.iter().all(|after| day >= after)
                && self.before.iter().all(|before| day < before)
                && self.permissions.iter().all(|wanted| wanted == permission)
        };
        let expected = MEMORIES.iter().filter(admitted).count();
        let found = found(conditions);
        assert_eq!(found.len(), expected, "{query:?}");
        assert!(found.iter().all(|memory| admitted(&memory)), "{query:?}");
    }
}

/// The first and the last instant of each day, once for others and once not.
static MEMORIES: LazyLock<Vec<(u8, Permission, Instant)>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for day in DAYS {
        for time in ["00:00:00Z", "23:59:59.999999Z"] {
            let instant = format!("2025-01-0{day}T{time}");
            let instant = instant.parse().expect("an instant");
            for permission in [Permission::Public, Permission::Private] {
                all.push((day, permission, instant));
            }
        }
    }
    all
});

static PARTITION: LazyLock<Partition> = LazyLock::new(|| {
    let mut partition = Partition::new(2);
    for (n, (_, permission, created_at)) in MEMORIES.iter().enumerate() {
        let entry = Entry {
            text: "tea",
            vectors: &[],
            permission: *permission,
            expires: None,
            created_at: *created_at,
        };
        partition.upsert(id(n), entry);
    }
    partition
});

fn id(n: usize) -> MemoryId {
    let id = format!("00000000-0000-7000-8000-{n:012}");
    id.parse().expect("an id")
}

/// What of the memories meets conditions.
fn found(conditions: &Conditions) -> Vec<(u8, Permission, Instant)> {
    let hits = PARTITION.query(&Query {
        text: "",
        vector: &[],
        filter: MemoryFilter::default(),
        conditions,
        now: Instant::from_micros(0),
        limit: usize::MAX,
        ranking: &Ranking::PRODUCT,
    });
    let memory = |n: &usize| hits.iter().any(|hit| hit.id == id(*n));
    (0..MEMORIES.len())
        .filter(memory)
        .map(|n| MEMORIES[n])
        .collect()
}
