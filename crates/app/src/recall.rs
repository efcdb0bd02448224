//! Finding one's own memories by meaning.

use std::{collections::HashSet, sync::Arc};

use picard_domain::{Expired, MemoryFilter, MemoryId};
use picard_search::{Hit, ParsedQuery};

use crate::{
    Access, App, Authorized, Error, Found, Notice, Read, Recall, Recalled,
    audit::Reading,
    embedding::Asked,
    partitions::{Question, Target},
    persona::{Owner, check_bytes},
    reading::{MOST_READ, PAGE},
};

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
        let owner = Owner::of(caller);
        let limit = recall.limit.get();
        let recalled = self
            .answer(caller, &owner, recall.query, filter, limit)
            .await?;
        let reading = Reading {
            of: caller.user_id,
            memories: recalled.memories.len(),
            memory: None,
        };
        self.noted_read(caller, &reading);
        Ok(recalled)
    }

    /// Answers a question from an owner's memories.
    pub(crate) async fn answer(
        &self,
        caller: &Access,
        owner: &Owner,
        query: ParsedQuery,
        filter: MemoryFilter,
        limit: usize,
    ) -> Result<Recalled, Error> {
        let (text, conditions) = query.into_parts();
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
            limit,
        };
        let has_conditions = question.conditions.any();
        let (memories, unread) = self.find(owner, question).await?;
        let none = has_conditions && memories.is_empty() && unread.is_none();
        let none = none.then_some(Notice::NothingMeetsConditions);
        Ok(Recalled {
            memories,
            notices: [asked.notice, unread, none].into_iter().flatten().collect(),
        })
    }

    /// Ranks an owner's memories and decrypts those that were found.
    async fn find(
        &self,
        owner: &Owner,
        question: Question,
    ) -> Result<(Vec<Found>, Option<Notice>), Error> {
        let settled = self.settled(owner, &question).await?;
        let unsettled = settled.is_none();
        let question = settled.unwrap_or(question);
        let (mut found, mut bytes) = (Vec::new(), 0);
        let mut seen: HashSet<MemoryId> = HashSet::new();
        let most = if unsettled { MOST_READ } else { usize::MAX };
        let mut wanted = question.limit.min(most);
        loop {
            let asked = Question {
                limit: wanted,
                ..question.clone()
            };
            let hits = self.hits(owner, asked).await?;
            let was_last = hits.len() < wanted;
            let hits = hits.into_iter();
            let new: Vec<Hit> = hits.filter(|hit| seen.insert(hit.id)).collect();
            for page in new.chunks(PAGE) {
                let ids: Vec<MemoryId> = page.iter().map(|hit| hit.id).collect();
                let mut opened = self.holding(owner, &question, &ids).await?;
                for hit in page {
                    let Some(memory) = opened.remove(&hit.id) else {
                        continue;
                    };
                    bytes += memory.text.expose().len();
                    check_bytes(bytes)?;
                    let score = Some(hit.score);
                    found.push(Found { memory, score });
                    if found.len() == question.limit {
                        return Ok((found, None));
                    }
                }
            }
            if was_last || !unsettled {
                return Ok((found, None));
            }
            if seen.len() >= MOST_READ {
                let read = seen.len();
                return Ok((found, Some(Notice::NotAllRead { read })));
            }
            wanted = wanted.saturating_mul(4).min(MOST_READ);
        }
    }

    async fn hits(&self, owner: &Owner, question: Question) -> Result<Vec<Hit>, Error> {
        let (db, embedding) = (&self.db, &self.embedding);
        self.partitions
            .query(db, embedding, Target::of(owner), question)
            .await
    }
}
