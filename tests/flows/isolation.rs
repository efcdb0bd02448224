//! Whatever people store and ask: no tool ever shows a private memory of
//! another person, nor an expired one where only valid ones belong; and what
//! may be seen is seen. A model in memory predicts every answer.

use std::collections::{BTreeMap, BTreeSet};

use picard_domain::{Clock as _, Instant, Span};
use picard_tests::{
    application::call,
    server::{Database, TestServer},
};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

const PEOPLE: usize = 3;

/// What somebody does. `whose` names a person, `which` one of their memories.
#[derive(Debug, Clone)]
enum Step {
    Store {
        who: usize,
        public: bool,
        expires: Option<i64>,
    },
    Permit {
        who: usize,
        which: usize,
        public: bool,
    },
    Expire {
        who: usize,
        which: usize,
        expires: Option<i64>,
    },
    Forget {
        who: usize,
        which: usize,
    },
    Meddle {
        who: usize,
        whose: usize,
        which: usize,
    },
    Wait {
        seconds: i64,
    },
    Look {
        who: usize,
        whose: usize,
        word: usize,
        limit: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..PEOPLE;
    let expires = proptest::option::of(1..100_i64);
    prop_oneof![
        4 => (who.clone(), any::<bool>(), expires.clone())
            .prop_map(|(who, public, expires)| Step::Store { who, public, expires }),
        1 => (who.clone(), 0..9_usize, any::<bool>())
            .prop_map(|(who, which, public)| Step::Permit { who, which, public }),
        1 => (who.clone(), 0..9_usize, expires)
            .prop_map(|(who, which, expires)| Step::Expire { who, which, expires }),
        1 => (who.clone(), 0..9_usize).prop_map(|(who, which)| Step::Forget { who, which }),
        1 => (who.clone(), who.clone(), 0..9_usize)
            .prop_map(|(who, whose, which)| Step::Meddle { who, whose, which }),
        1 => (1..60_i64).prop_map(|seconds| Step::Wait { seconds }),
        4 => (who.clone(), who, 0..WORDS.len(), 1..12_usize)
            .prop_map(|(who, whose, word, limit)| Step::Look { who, whose, word, limit }),
    ]
}

const WORDS: [&str; 4] = ["tea", "music", "ships", "history"];

/// What the model knows of a memory.
#[derive(Debug, Clone)]
struct Known {
    public: bool,
    end: Option<Instant>,
}

struct World {
    server: TestServer,
    tokens: Vec<String>,
    memories: Vec<BTreeMap<String, Known>>,
    stored: usize,
}

impl World {
    async fn new(database: Database) -> Self {
        let server = TestServer::on(database).await;
        let application = server.application().await;
        let mut tokens = Vec::new();
        for n in 0..PEOPLE {
            let mut person = server.person(&format!("person-{n}")).await;
            tokens.push(application.connect(&mut person).await.access);
        }
        Self {
            server,
            tokens,
            memories: vec![BTreeMap::new(); PEOPLE],
            stored: 0,
        }
    }

    async fn call(&self, who: usize, tool: &str, data: Value) -> (u16, Value) {
        call(&self.server.base, &self.tokens[who], tool, data).await
    }

    fn pick(&self, who: usize, which: usize) -> Option<String> {
        let ids: Vec<_> = self.memories[who].keys().collect();
        ids.get(which % ids.len().max(1)).map(|id| (*id).clone())
    }

    fn in_seconds(&self, expires: Option<i64>) -> Option<Instant> {
        expires.map(|seconds| self.server.clock.now() + Span::seconds(seconds))
    }

    /// The ids that `who` may see of `whose`, by the model.
    fn visible(&self, who: usize, whose: usize) -> BTreeSet<String> {
        let now = self.server.clock.now();
        let may =
            |known: &Known| (who == whose || known.public) && known.end.is_none_or(|end| end > now);
        let mut seen = BTreeSet::new();
        for (id, known) in &self.memories[whose] {
            if may(known) {
                seen.insert(id.clone());
            }
        }
        seen
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Store {
                who,
                public,
                expires,
            } => {
                let end = self.in_seconds(expires);
                let word = WORDS[self.stored % WORDS.len()];
                self.stored += 1;
                let permission = if public { "public" } else { "private" };
                let text = format!("{word} of person {who}, number {}", self.stored);
                let data = json!({"text": text, "permission": permission, "expiration_date": end});
                let (status, memory) = self.call(who, "submit_memory", data).await;
                assert_eq!(status, 200, "{memory}");
                let id = memory["id"].as_str().expect("an id").to_owned();
                self.memories[who].insert(id, Known { public, end });
            }
            Step::Permit { who, which, public } => {
                let Some(id) = self.pick(who, which) else {
                    return;
                };
                let permission = if public { "public" } else { "private" };
                let data = json!({"memory_id": id, "permission": permission});
                assert_eq!(self.call(who, "modify_permissions", data).await.0, 200);
                self.memories[who]
                    .entry(id)
                    .and_modify(|known| known.public = public);
            }
            Step::Expire {
                who,
                which,
                expires,
            } => {
                let Some(id) = self.pick(who, which) else {
                    return;
                };
                let end = self.in_seconds(expires);
                let data = json!({"memory_id": id, "expiration_date": end});
                assert_eq!(self.call(who, "update_memory", data).await.0, 200);
                self.memories[who]
                    .entry(id)
                    .and_modify(|known| known.end = end);
            }
            Step::Forget { who, which } => {
                let Some(id) = self.pick(who, which) else {
                    return;
                };
                assert_eq!(
                    self.call(who, "delete_memory", json!({"memory_id": id}))
                        .await
                        .0,
                    200
                );
                self.memories[who].remove(&id);
            }
            Step::Meddle { who, whose, which } => self.meddle(who, whose, which).await,
            Step::Wait { seconds } => self.server.clock.advance(Span::seconds(seconds)),
            Step::Look {
                who,
                whose,
                word,
                limit,
            } => self.look(who, whose, word, limit).await,
        }
    }

    /// Tries to read and change another person's memory.
    async fn meddle(&self, who: usize, whose: usize, which: usize) {
        let Some(id) = self.pick(whose, which).filter(|_| who != whose) else {
            return;
        };
        for (tool, data) in [
            ("get_memories", json!({"memory_id": id})),
            ("update_memory", json!({"memory_id": id, "text": "meddled"})),
            (
                "modify_permissions",
                json!({"memory_id": id, "permission": "public"}),
            ),
            ("delete_memory", json!({"memory_id": id})),
        ] {
            assert_eq!(self.call(who, tool, data).await.0, 404, "{tool}");
        }
    }

    /// Looks in every way there is, and compares with the model.
    async fn look(&self, who: usize, whose: usize, word: usize, limit: usize) {
        let visible = self.visible(who, whose);
        let own = self.visible(who, who);
        let user = format!("person-{whose}");
        let query = WORDS[word];
        let shown = async |tool: &str, data: Value| {
            let (status, answer) = self.call(who, tool, data).await;
            assert_eq!(status, 200, "{tool}: {answer}");
            let ids: BTreeSet<_> = answer["memories"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|memory| memory["id"].as_str().expect("an id").to_owned())
                .collect();
            (ids, answer)
        };
        let (all, answer) = shown("query_user", json!({"user_id": user})).await;
        assert_eq!(all, visible);
        assert_eq!(answer["total"], json!(visible.len()));
        let asked = json!({"user_id": user, "prompt": query, "limit": limit});
        let (asked, _) = shown("query_user", asked).await;
        assert!(asked.is_subset(&visible));
        assert_eq!(asked.len(), limit.min(visible.len()));
        let (found, _) = shown("query_memory", json!({"query": query, "limit": limit})).await;
        assert!(found.is_subset(&own));
        assert_eq!(found.len(), limit.min(own.len()));
        let (listed, _) = shown("get_memories", json!({"limit": 200})).await;
        assert_eq!(listed, own);
        let (foreign, _) = shown("get_memories", json!({"limit": 200, "user_id": user})).await;
        assert_eq!(foreign, visible);
        if who != whose {
            for (expired, expected) in [("include", &visible), ("only", &BTreeSet::new())] {
                let data = json!({"limit": 200, "user_id": user, "expired": expired});
                let (shown, _) = shown("get_memories", data).await;
                assert_eq!(&shown, expected, "expired: {expired}");
            }
        }
    }
}

fn holds_on(database: Database) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let config = ProptestConfig {
        cases: 6,
        failure_persistence: None,
        ..Default::default()
    };
    let mut runner = TestRunner::new(config);
    runner
        .run(&vec(step(), 1..50), |steps| {
            runtime.block_on(async {
                let mut world = World::new(database).await;
                for step in &steps {
                    world.step(step).await;
                }
                for who in 0..PEOPLE {
                    for whose in 0..PEOPLE {
                        world.look(who, whose, 0, 5).await;
                    }
                }
            });
            Ok(())
        })
        .expect("the property holds");
}

#[test]
fn nobody_sees_what_is_not_theirs_to_see_on_sqlite() {
    holds_on(Database::Sqlite);
}

#[test]
fn nobody_sees_what_is_not_theirs_to_see_on_postgres() {
    holds_on(Database::Postgres);
}
