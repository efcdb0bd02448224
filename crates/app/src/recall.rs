//! Finding one's own memories by meaning.

use std::{collections::HashSet, sync::Arc};

use picard_crypto::sha256;
use picard_domain::{Expired, Memory, MemoryFilter, MemoryId};
use picard_search::{Conditions, ParsedQuery, unadorned};

use crate::{
    Access, App, Authorized, Error, Found, Notice, Read, Recall, Recalled,
    audit::Reading,
    embedding::Asked,
    partitions::{Choice, Chosen, Question, Target},
    persona::{Owner, check_bytes},
    reading::{MOST_READ, PAGE},
};

/// How often others are chosen in the place of those that say the same.
const ROUNDS: usize = 4;

/// Memories in the order in which they are shown.
#[derive(Default)]
struct Shown {
    memories: Vec<Found>,
    bytes: usize,
    /// Digests of the texts, where none is to be shown twice.
    texts: Option<HashSet<[u8; 32]>>,
    repeated: Vec<Found>,
}

impl App {
    /// Returns the caller's memories that fit the query best, the best first.
    pub async fn recall(
        &self,
        caller: &Authorized<Read>,
        recall: Recall,
    ) -> Result<Recalled, Error> {
        let filter = MemoryFilter {
            expired: Expired::Exclude,
            ..recall.filter
        };
        let (owner, limit) = (Owner::of(caller), recall.limit.get());
        let query = Some(recall.query);
        let recalled = self
            .answer(caller, &owner, query, filter, (Choice::Best, limit))
            .await?;
        let reading = Reading {
            of: caller.user_id,
            memories: recalled.memories.len(),
            memory: None,
        };
        self.noted_read(caller, &reading);
        Ok(recalled)
    }

    /// Answers a question, if there is one, from an owner's memories.
    pub(crate) async fn answer(
        &self,
        caller: &Access,
        owner: &Owner,
        query: Option<ParsedQuery>,
        filter: MemoryFilter,
        (choice, limit): (Choice, usize),
    ) -> Result<Recalled, Error> {
        let (text, conditions) = query.map(ParsedQuery::into_parts).unwrap_or_default();
        // Operators without words: the newest of those that meet them.
        let asked = if text.expose().is_empty() {
            Asked::default()
        } else {
            self.embedding.query(caller.user_id, text.expose()).await?
        };
        let question = Question {
            text,
            vector: asked.vector,
            filter,
            conditions: Arc::new(conditions),
            now: self.now(),
            choice,
            limit,
        };
        let has_conditions = question.conditions.any();
        let (memories, unread) = match self.settled(owner, &question).await? {
            Some(question) => (self.chosen(owner, question).await?, None),
            None => self.read_in_order(owner, question).await?,
        };
        let none = has_conditions && memories.is_empty() && unread.is_none();
        let none = none.then_some(Notice::NothingMeetsConditions);
        Ok(Recalled {
            memories,
            notices: [asked.notice, unread, none].into_iter().flatten().collect(),
        })
    }

    /// Chooses memories and decrypts them. Where a few are to say much, the same text
    /// is not shown twice as long as there are others to choose in its place.
    async fn chosen(&self, owner: &Owner, mut question: Question) -> Result<Vec<Found>, Error> {
        let mut repeated = Vec::new();
        for round in 1.. {
            let mut shown = Shown {
                texts: (question.choice != Choice::Best).then(HashSet::new),
                ..Shown::default()
            };
            let chosen = self.choose(owner, question.clone()).await?;
            self.show(owner, &question, &chosen, &mut shown).await?;
            let has_more = chosen.len() == question.limit && round < ROUNDS;
            if shown.repeated.is_empty() || !has_more {
                repeated.append(&mut shown.repeated);
                return shown.filled_up(repeated, question.limit);
            }
            let mut conditions = Conditions::clone(&question.conditions);
            let ids = shown.repeated.iter().map(|found| found.memory.id);
            ids.for_each(|id| conditions.refuse(id));
            repeated.append(&mut shown.repeated);
            question.conditions = Arc::new(conditions);
        }
        unreachable!("the last round returns")
    }

    /// Reads memories in the order of the ranking until enough of them meet the
    /// conditions.
    async fn read_in_order(
        &self,
        owner: &Owner,
        question: Question,
    ) -> Result<(Vec<Found>, Option<Notice>), Error> {
        let (mut shown, mut seen) = (Shown::default(), HashSet::new());
        let mut wanted = question.limit.min(MOST_READ);
        loop {
            let asked = Question {
                choice: Choice::Best,
                limit: wanted,
                ..question.clone()
            };
            let mut chosen = self.choose(owner, asked).await?;
            let was_last = chosen.len() < wanted;
            chosen.retain(|chosen| seen.insert(chosen.id));
            self.show(owner, &question, &chosen, &mut shown).await?;
            if was_last || shown.memories.len() == question.limit {
                return Ok((shown.memories, None));
            }
            if seen.len() >= MOST_READ {
                let notice = Notice::NotAllRead { read: seen.len() };
                return Ok((shown.memories, Some(notice)));
            }
            wanted = wanted.saturating_mul(4).min(MOST_READ);
        }
    }

    /// Decrypts what was chosen, up to the limit.
    async fn show(
        &self,
        owner: &Owner,
        question: &Question,
        chosen: &[Chosen],
        shown: &mut Shown,
    ) -> Result<(), Error> {
        for page in chosen.chunks(PAGE) {
            let ids: Vec<MemoryId> = page.iter().map(|chosen| chosen.id).collect();
            let mut memories = self.holding(owner, question, &ids).await?;
            for Chosen { id, score } in page {
                if shown.memories.len() == question.limit {
                    return Ok(());
                }
                if let Some(memory) = memories.remove(id) {
                    shown.add(memory, *score)?;
                }
            }
        }
        Ok(())
    }

    async fn choose(&self, owner: &Owner, question: Question) -> Result<Vec<Chosen>, Error> {
        let (db, embedding) = (&self.db, &self.embedding);
        self.partitions
            .query(db, embedding, Target::of(owner), question)
            .await
    }
}

impl Shown {
    fn add(&mut self, memory: Memory, score: Option<f32>) -> Result<(), Error> {
        if let Some(texts) = &mut self.texts {
            let text = unadorned(memory.text.expose());
            if !texts.insert(sha256(text.expose().as_bytes())) {
                self.repeated.push(Found { memory, score });
                return Ok(());
            }
        }
        self.push(Found { memory, score })
    }

    fn push(&mut self, found: Found) -> Result<(), Error> {
        self.bytes += found.memory.text.expose().len();
        check_bytes(self.bytes)?;
        self.memories.push(found);
        Ok(())
    }

    /// Takes repeated ones in after all, when there are too few others.
    fn filled_up(mut self, repeated: Vec<Found>, limit: usize) -> Result<Vec<Found>, Error> {
        let missing = limit.saturating_sub(self.memories.len());
        for found in repeated.into_iter().take(missing) {
            self.push(found)?;
        }
        // Those without a score stay where they are.
        let score = |found: &Found| found.score.unwrap_or_default();
        self.memories.sort_by(|a, b| score(b).total_cmp(&score(a)));
        Ok(self.memories)
    }
}
