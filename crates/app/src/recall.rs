//! Finding one's own memories by meaning.

use std::{collections::HashSet, sync::Arc};

use picard_domain::{Expired, MemoryFilter, MemoryId, Permission, Plaintext};
use picard_search::ParsedQuery;

use crate::{
    Access, App, Authorized, Error, Found, Notice, Read, Recall, Recalled,
    audit::Reading,
    embedding::Asked,
    partitions::{Choice, Chosen, Question, Target},
    persona::{ALL, Owner},
};

/// Memories in the order in which they are shown.
#[derive(Default)]
struct Shown {
    memories: Vec<Found>,
    /// The bytes of their texts.
    bytes: usize,
    /// The bytes of all texts that were read for them.
    read: usize,
}

/// A question as another model than the present one sees it, if it was asked.
#[derive(Default)]
struct AskedEarlier {
    vector: Option<(String, Arc<[f32]>)>,
    notice: Option<Notice>,
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
        let permission = filter.permission;
        let earlier = self
            .asked_earlier(caller, owner, permission, &text, &asked)
            .await?;
        let question = Question {
            who: caller.user_id,
            text,
            vector: asked.vector,
            earlier: earlier.vector,
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
            notices: [asked.notice, earlier.notice, unread, none]
                .into_iter()
                .flatten()
                .collect(),
        })
    }

    /// Asks the other model, too, when memories have its vectors; says when there are
    /// some with vectors that the question cannot be compared with.
    async fn asked_earlier(
        &self,
        caller: &Access,
        owner: &Owner,
        permission: Option<Permission>,
        text: &Plaintext,
        asked: &Asked,
    ) -> Result<AskedEarlier, Error> {
        // Where words alone decide, all are alike.
        if asked.vector.is_empty() {
            return Ok(AskedEarlier::default());
        }
        let (db, embedding, target) = (&self.db, &self.embedding, Target::of(owner));
        let mixture = self
            .partitions
            .mixture(db, embedding, target, permission)
            .await?;
        let mut vector = None;
        if let Some(model) = &mixture.earlier
            && let Some(earlier) = self.partitions.previous.get(model).await?
        {
            let asked = match earlier.query(caller.user_id, text.expose()).await {
                // The present model has answered: what that one embedded is found by words.
                Err(Error::TooMuchAtOnce { .. } | Error::Overloaded { .. }) => Asked::default(),
                asked => asked?,
            };
            vector = (!asked.vector.is_empty()).then(|| (model.clone(), asked.vector));
        }
        let by_words = mixture.by_words || (mixture.earlier.is_some() && vector.is_none());
        Ok(AskedEarlier {
            vector,
            notice: by_words.then_some(Notice::Reembedding),
        })
    }

    /// Chooses memories and decrypts them.
    async fn chosen(&self, owner: &Owner, question: Question) -> Result<Vec<Found>, Error> {
        let chosen = self.choose(owner, question.clone()).await?;
        let mut shown = Shown::default();
        for page in chosen.chunks(self.bounds.page) {
            self.show(owner, &question, page, &mut shown).await?;
        }
        Ok(shown.memories)
    }

    /// Reads memories in the order of the ranking until enough of them meet the
    /// conditions. The same text comes behind all others where few are to say much.
    async fn read_in_order(
        &self,
        owner: &Owner,
        question: Question,
    ) -> Result<(Vec<Found>, Option<Notice>), Error> {
        let most = self.bounds.after;
        let choice = match question.choice {
            Choice::Best => Choice::Best,
            Choice::Different | Choice::Covering | Choice::Telling => Choice::Different,
        };
        let (mut shown, mut seen) = (Shown::default(), HashSet::new());
        let mut wanted = question.limit;
        loop {
            // One more than may be read tells whether there are more.
            wanted = wanted.min(most.saturating_add(1));
            let asked = Question {
                choice,
                limit: wanted,
                ..question.clone()
            };
            let mut chosen = self.choose(owner, asked).await?;
            let was_last = chosen.len() < wanted;
            chosen.retain(|chosen| !seen.contains(&chosen.id));
            for page in chosen.chunks(self.bounds.page) {
                let may_be_read = if shown.read < self.bounds.bytes {
                    page.len().min(most - seen.len())
                } else {
                    0
                };
                let (page, left) = page.split_at(may_be_read);
                seen.extend(page.iter().map(|chosen| chosen.id));
                self.show(owner, &question, page, &mut shown).await?;
                if shown.memories.len() == question.limit {
                    return Ok((shown.in_order(), None));
                }
                if !left.is_empty() {
                    let notice = Notice::NotAllRead { read: seen.len() };
                    return Ok((shown.in_order(), Some(notice)));
                }
            }
            if was_last {
                return Ok((shown.in_order(), None));
            }
            wanted = wanted.saturating_mul(4);
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
        let limit = (question.limit != ALL).then_some(question.limit);
        let ids: Vec<MemoryId> = chosen.iter().map(|chosen| chosen.id).collect();
        let mut holding = self.holding(owner, question, &ids).await?;
        shown.read += holding.read;
        for Chosen { id, score } in chosen {
            if shown.memories.len() == question.limit {
                return Ok(());
            }
            if let Some(memory) = holding.memories.remove(id) {
                shown.bytes += memory.text.expose().len();
                self.bounds.check(shown.bytes, limit)?;
                let score = *score;
                shown.memories.push(Found { memory, score });
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
    /// Puts the same texts, which were read last, where they belong: by their scores,
    /// or the newest first where nothing was asked.
    fn in_order(mut self) -> Vec<Found> {
        let place = |found: &Found| (found.memory.created_at, found.memory.id);
        self.memories.sort_by(|a, b| match (a.score, b.score) {
            (Some(a), Some(b)) => b.total_cmp(&a),
            _ => place(b).cmp(&place(a)),
        });
        self.memories
    }
}
