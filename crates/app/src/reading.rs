//! Reading texts for what a partition cannot know: whether words stand next to
//! each other, and whether a word is there in just this form.
//!
//! Normally the few memories that may hold a phrase or an excluded word are read
//! before anything is ranked, so that those which are left out take no part. When
//! there are very many, the ranking comes first and the best ones are read until the
//! answer is full. Then, and only then, memories that do not meet the conditions
//! count in the means and idf of the ranking; and those of a persona differ in their
//! texts, but are not compared with each other.

use std::{collections::HashMap, sync::Arc};

use picard_domain::{Memory, MemoryId};
use picard_search::Conditions;
use picard_store::memories::{self, StoredMemory};

use crate::{
    App, Error,
    memories::{is_long, open},
    partitions::{Question, Target},
    persona::Owner,
};

/// How much is read for one answer at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Memories before the ranking.
    pub(crate) before: usize,
    /// Memories after the ranking.
    pub(crate) after: usize,
    /// Bytes of text, before the ranking and after it: each is cut into words.
    pub(crate) bytes: usize,
    /// Memories at once.
    pub(crate) page: usize,
    /// Bytes of text in the answer: all of them are in memory at once.
    pub(crate) answer: usize,
}

impl Bounds {
    /// Those of the product.
    pub(crate) const PRODUCT: Self = Self {
        before: 1_000,
        after: 10_000,
        bytes: 32 * 1024 * 1024,
        page: 100,
        answer: 32 * 1024 * 1024,
    };

    /// Refuses an answer that would take too much memory.
    pub(crate) fn check(&self, bytes: usize, limit: Option<usize>) -> Result<(), Error> {
        if bytes <= self.answer {
            return Ok(());
        }
        let mib = self.answer / 1024 / 1024;
        Err(match limit {
            None => Error::out_of_range(
                "limit",
                format!("is needed: all memories are over {mib} MiB of text"),
            ),
            Some(limit) => Error::out_of_range(
                "limit",
                format!("is too high: {limit} memories are over {mib} MiB of text"),
            ),
        })
    }
}

/// Memories that were read and may be shown.
pub(crate) struct Holding {
    pub(crate) memories: HashMap<MemoryId, Memory>,
    /// The bytes of all texts that were read for it.
    pub(crate) read: usize,
}

impl App {
    /// Reads the memories of which only the text tells whether they meet the
    /// question's conditions, and leaves those out that do not; `None` when there are
    /// too many of them.
    pub(crate) async fn settled(
        &self,
        owner: &Owner,
        question: &Question,
    ) -> Result<Option<Question>, Error> {
        if !question.conditions.need_texts() {
            return Ok(Some(question.clone()));
        }
        let (db, embedding, target) = (&self.db, &self.embedding, Target::of(owner));
        let doubtful = self
            .partitions
            .doubtful(db, embedding, target, question.clone(), self.bounds.before)
            .await?;
        let Some(doubtful) = doubtful else {
            return Ok(None);
        };
        let mut conditions = Conditions::clone(&question.conditions);
        let mut read = 0;
        for ids in doubtful.chunks(self.bounds.page) {
            if read >= self.bounds.bytes {
                return Ok(None);
            }
            let holding = self.holding(owner, question, ids).await?;
            let others = ids.iter().filter(|id| !holding.memories.contains_key(id));
            others.for_each(|id| conditions.refuse(*id));
            read += holding.read;
        }
        Ok(Some(Question {
            conditions: Arc::new(conditions),
            ..question.clone()
        }))
    }

    /// Decrypts those of the memories that are still there, still pass the filter,
    /// and whose text meets the conditions: one that was changed since the partition
    /// was asked must not slip through as what it was.
    pub(crate) async fn holding(
        &self,
        owner: &Owner,
        question: &Question,
        ids: &[MemoryId],
    ) -> Result<Holding, Error> {
        let rows = memories::get_many(&self.db, owner.id, ids).await?;
        let (filter, now) = (question.filter, question.now);
        let admits = |row: &StoredMemory| {
            let conditions = &question.conditions;
            filter.admits(row.permission, row.expiration_date, now)
                && conditions.admit(row.id, row.permission, row.created_at)
        };
        let rows: Vec<StoredMemory> = rows.into_iter().filter(admits).collect();
        // Cutting texts into words takes longer than an async thread may.
        let is_long = question.conditions.need_texts() || is_long(&rows);
        let (user, key) = (owner.id, owner.key.clone());
        let conditions = question.conditions.clone();
        let work = move || {
            let mut holding = Holding {
                memories: HashMap::with_capacity(rows.len()),
                read: 0,
            };
            for row in rows {
                let memory = open(row, user, &key)?;
                holding.read += memory.text.expose().len();
                if conditions.hold_in(memory.text.expose()) {
                    holding.memories.insert(memory.id, memory);
                }
            }
            Ok(holding)
        };
        if is_long {
            let seat = self.partitions.seats.take(question.who).await?;
            seat.work(work).await?
        } else {
            work()
        }
    }
}

#[cfg(test)]
mod tests;
