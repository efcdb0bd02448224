//! Reading texts for what a partition cannot know: whether words stand next to
//! each other, and whether a word is there in just this form.
//!
//! Normally the few memories that may hold a phrase or an excluded word are read
//! before anything is ranked, so that those which are left out take no part. When
//! there are very many, the ranking comes first and the best ones are read until the
//! answer is full.

use std::{collections::HashMap, sync::Arc};

use picard_domain::{Memory, MemoryId};
use picard_search::Conditions;
use picard_store::memories::{self, StoredMemory};
use tokio::task::spawn_blocking;

use crate::{
    App, Error,
    memories::open,
    partitions::{Question, Target},
    persona::Owner,
};

/// Memories read before the ranking at most.
const MOST_BEFORE: usize = 1_000;

/// Memories read after the ranking at most.
pub(crate) const MOST_READ: usize = 10_000;

/// Memories read at once.
pub(crate) const PAGE: usize = 250;

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
            .doubtful(db, embedding, target, question.clone(), MOST_BEFORE)
            .await?;
        let Some(doubtful) = doubtful else {
            return Ok(None);
        };
        let mut conditions = Conditions::clone(&question.conditions);
        for ids in doubtful.chunks(PAGE) {
            let holding = self.holding(owner, question, ids).await?;
            let others = ids.iter().filter(|id| !holding.contains_key(id));
            others.for_each(|id| conditions.refuse(*id));
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
    ) -> Result<HashMap<MemoryId, Memory>, Error> {
        let rows = memories::get_many(&self.db, owner.id, ids).await?;
        let (filter, now) = (question.filter, question.now);
        let admits = |row: &StoredMemory| filter.admits(row.permission, row.expiration_date, now);
        let rows: Vec<StoredMemory> = rows.into_iter().filter(admits).collect();
        let (user, key) = (owner.id, owner.key.clone());
        let conditions = question.conditions.clone();
        let work = move || {
            let mut holding = HashMap::with_capacity(rows.len());
            for row in rows {
                let memory = open(row, user, &key)?;
                if conditions.hold_in(memory.text.expose()) {
                    holding.insert(memory.id, memory);
                }
            }
            Ok(holding)
        };
        // Cutting texts into words takes longer than an async thread may.
        if question.conditions.need_texts() {
            spawn_blocking(work).await?
        } else {
            work()
        }
    }
}
