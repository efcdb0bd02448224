//! What is found when more may hold a phrase than is read before the ranking, or after
//! it; and when more is asked for than one answer holds.

use std::sync::Arc;

use picard_crypto::Keyring;
use picard_domain::{Instant, MemoryFilter, MemoryText, PageSize, Permission, Plaintext};
use picard_metrics::render;
use picard_search::ParsedQuery;
use picard_testkit::{FakeClock, HashEmbedder, SeededEntropy, TestDatabase, databases};

use super::*;
use crate::{
    Access, AskPersona, Found, NewMemory, Notice, Persona, Read, Recall, Settings, UserRef, Write,
};

/// Fits a question for the phrase best, and does not hold it.
const DECOY: &str = "Grey Earl";
/// Holds the phrase.
const HELD: &str = "In the old house of my aunt there is always Earl Grey.";

struct Scene {
    app: App,
    clock: Arc<FakeClock>,
}

impl Scene {
    /// Somebody who stored these, the first of them first.
    async fn with(database: &TestDatabase, texts: &[&str]) -> Self {
        let clock = Arc::new(FakeClock::default());
        let entropy = Arc::new(SeededEntropy::new(47));
        let settings = Settings {
            database: database.url().to_owned().into(),
            keyring: Keyring::generate(&*entropy),
            embedder: Arc::new(HashEmbedder::default()),
            clock: clock.clone(),
            entropy,
            partition_bytes: usize::MAX,
        };
        let app = App::open(settings).await.expect("the server opens");
        let scene = Self { app, clock };
        for text in texts {
            scene.store(text).await;
        }
        scene
    }

    fn within(mut self, bounds: Bounds) -> Self {
        self.app.bounds = bounds;
        self
    }

    async fn caller(&self) -> Access {
        let handle = "ana".parse().expect("a handle");
        let access = self.app.local_access(None, &handle).await;
        access.expect("there is one account")
    }

    async fn store(&self, text: &str) {
        let next = self.app.now().micros() + 1_000_000;
        self.clock.set(Instant::from_micros(next));
        let new = NewMemory {
            text: MemoryText::new(Plaintext::new(text.to_owned())).expect("a text"),
            permission: Permission::Private,
            expiration_date: None,
        };
        let caller = self.caller().await.authorize::<Write>().expect("allowed");
        self.app.remember(&caller, new).await.expect("stored");
    }

    async fn recall(&self, query: &str, limit: usize) -> (Vec<Found>, Vec<Notice>) {
        let recall = Recall {
            query: ParsedQuery::parse(query).expect("a query"),
            limit: PageSize::new(limit).expect("a limit"),
            filter: MemoryFilter::default(),
        };
        let caller = self.caller().await.authorize::<Read>().expect("allowed");
        let recalled = self.app.recall(&caller, recall).await.expect("answered");
        (recalled.memories, recalled.notices)
    }

    async fn persona(&self, prompt: &str, limit: Option<usize>) -> Result<Persona, Error> {
        let question = AskPersona {
            of: UserRef::Handle("ana".parse().expect("a handle")),
            prompt: Some(ParsedQuery::parse(prompt).expect("a query")),
            limit: limit.and_then(PageSize::new),
        };
        let caller = self.caller().await.authorize::<Read>().expect("allowed");
        self.app.ask_persona(&caller, question).await
    }
}

fn texts(found: &[Found]) -> Vec<&str> {
    found
        .iter()
        .map(|found| found.memory.text.expose())
        .collect()
}

fn reason(answer: Result<Persona, Error>) -> String {
    match answer {
        Err(Error::OutOfRange { field, reason }) => format!("{field} {reason}"),
        Err(other) => panic!("{other}"),
        Ok(answer) => panic!("{} memories", answer.memories.len()),
    }
}

#[tokio::test]
async fn what_is_of_another_permission_since_it_was_chosen_is_not_shown() {
    databases(async |database| {
        let scene = Scene::with(database, &[HELD]).await;
        let owner = Owner::of(&scene.caller().await);
        let found = scene.recall("earl", 1).await.0;
        for (permission, shown) in [("private", 1), ("public", 0)] {
            let asked = ParsedQuery::parse(&format!("permission:{permission} earl"));
            let (text, conditions) = asked.expect("a query").into_parts();
            let question = Question {
                who: owner.id,
                text,
                vector: Arc::default(),
                earlier: None,
                filter: MemoryFilter::default(),
                conditions: Arc::new(conditions),
                now: scene.app.now(),
                choice: crate::partitions::Choice::Best,
                limit: 1,
            };
            let ids = [found[0].memory.id];
            let holding = scene.app.holding(&owner, &question, &ids).await;
            assert_eq!(holding.expect("read").memories.len(), shown, "{permission}");
        }
    })
    .await;
}

#[tokio::test]
async fn of_more_doubtful_memories_than_are_read_before_the_best_are_read_after_the_ranking() {
    databases(async |database| {
        let decoys = [DECOY; 4];
        let mut scene = Scene::with(database, &[&[HELD][..], &decoys].concat()).await;
        let asked = "\"earl grey\"";
        let bound = |before, after| Bounds {
            before,
            after,
            ..Bounds::PRODUCT
        };
        // One more doubtful memory than may be read is one too many.
        for (bounds, found, read) in [
            (bound(5, 0), true, None),
            (bound(4, 0), false, Some(0)),
            (bound(4, 4), false, Some(4)),
            // As many as may be read are all that there are.
            (bound(4, 5), true, None),
            (bound(0, 9), true, None),
        ] {
            for page in [1, 3, 250] {
                scene = scene.within(Bounds { page, ..bounds });
                for limit in [1, 2, 100] {
                    let (memories, notices) = scene.recall(asked, limit).await;
                    let expected: &[&str] = if found { &[HELD] } else { &[] };
                    assert_eq!(texts(&memories), expected, "{bounds:?}, {limit}");
                    let expected: Vec<_> = match read {
                        // The limit is reached before the end.
                        _ if found => Vec::new(),
                        read => read
                            .map(|read| Notice::NotAllRead { read })
                            .into_iter()
                            .collect(),
                    };
                    assert_eq!(notices, expected, "{bounds:?}, {limit}");
                }
            }
        }
        let (memories, notices) = scene.recall("-earl", 5).await;
        assert_eq!(
            (memories.len(), notices),
            (0, vec![Notice::NothingMeetsConditions])
        );
    })
    .await;
}

#[tokio::test]
async fn no_more_bytes_of_text_are_read_than_may_be() {
    databases(async |database| {
        let scene = Scene::with(database, &[HELD, DECOY, DECOY, DECOY]).await;
        let within = |bytes| Bounds {
            bytes,
            page: 1,
            ..Bounds::PRODUCT
        };
        // Before the ranking as after it: three decoys fit best.
        let scene = scene.within(within(3 * DECOY.len()));
        let (memories, notices) = scene.recall("\"earl grey\"", 4).await;
        assert_eq!(memories.len(), 0);
        assert_eq!(notices, [Notice::NotAllRead { read: 3 }]);
        let scene = scene.within(within(3 * DECOY.len() + 1));
        let (memories, notices) = scene.recall("\"earl grey\"", 4).await;
        assert_eq!((texts(&memories), notices), (vec![HELD], Vec::new()));
    })
    .await;
}

#[tokio::test]
async fn a_persona_repeats_no_text_however_its_conditions_are_checked() {
    databases(async |database| {
        let same = [
            "Earl Grey is good.",
            "earl  grey is GOOD",
            "Earl Grey is good!",
        ];
        let other = "Of all that I drink in winter, Earl Grey is what warms.";
        let mut scene = Scene::with(database, &[&[other][..], &same].concat()).await;
        for before in [1_000, 0] {
            let bounds = Bounds::PRODUCT;
            scene = scene.within(Bounds { before, ..bounds });
            let asked = "is \"earl grey\" good?";
            let found = scene.persona(asked, Some(2)).await.expect("answered");
            assert_eq!(texts(&found.memories), [same[2], other], "{before}");
            let found = scene.persona(asked, Some(9)).await.expect("answered");
            assert_eq!(
                texts(&found.memories),
                [same[2], same[1], same[0], other],
                "{before}"
            );
            // Without words nothing fits better: the newest first, no score.
            let found = scene.persona("-tea", Some(2)).await.expect("answered");
            assert_eq!(texts(&found.memories), [same[2], other], "{before}");
        }
    })
    .await;
}

#[tokio::test]
async fn conditions_without_words_list_the_newest_first_and_give_no_score() {
    databases(async |database| {
        let stored = [
            "I drink tea.",
            "Do I drink milk?",
            "Yes.",
            "Who drinks water?",
        ];
        let mut scene = Scene::with(database, &stored).await;
        for before in [1_000, 0] {
            let bounds = Bounds::PRODUCT;
            scene = scene.within(Bounds { before, ..bounds });
            for asked in ["-coffee", "permission:private", "after:1970-01-01"] {
                let (memories, _) = scene.recall(asked, 3).await;
                assert_eq!(
                    texts(&memories),
                    [stored[3], stored[2], stored[1]],
                    "{asked}"
                );
                assert!(
                    memories.iter().all(|found| found.score.is_none()),
                    "{asked}"
                );
            }
        }
        let (memories, _) = scene.recall("drink -coffee", 3).await;
        assert!(memories.iter().all(|found| found.score.is_some()));
    })
    .await;
}

#[tokio::test]
async fn an_answer_of_too_many_bytes_is_refused_before_anything_is_ranked() {
    databases(async |database| {
        let scene = Scene::with(database, &[HELD, HELD, HELD, DECOY]).await;
        let scene = scene.within(Bounds {
            answer: 2 * HELD.len(),
            ..Bounds::PRODUCT
        });
        let needed = "limit is needed: all memories are over 0 MiB of text";
        assert_eq!(reason(scene.persona("aunt", None).await), needed);
        let metrics = render(scene.app.observe());
        let mut lines = metrics.lines();
        let resident = lines.find(|line| line.starts_with("picard_partitions_resident"));
        assert!(
            resident.is_some_and(|line| line.ends_with(" 0")),
            "{resident:?}"
        );
        // What meets conditions may be little.
        let found = scene.persona("-aunt", None).await.expect("answered");
        assert_eq!(texts(&found.memories), [DECOY]);
        assert_eq!(reason(scene.persona("\"my aunt\"", None).await), needed);
        let too_high = "limit is too high: 4 memories are over 0 MiB of text";
        assert_eq!(reason(scene.persona("aunt", Some(4)).await), too_high);
        assert!(scene.persona("aunt", Some(2)).await.is_ok());
    })
    .await;
}
