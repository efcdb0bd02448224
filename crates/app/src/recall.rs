//! Finding one's own memories by meaning.

use std::collections::HashMap;

use picard_domain::{Expired, MemoryFilter, MemoryId};
use picard_search::Hit;
use picard_store::memories::{self, StoredMemory};

use crate::{
    App, Authorized, Error, Found, Read, Recall, Recalled,
    audit::Reading,
    memories::open,
    partitions::{Question, Target},
    persona::{Owner, check_bytes},
};

impl App {
    /// Returns the caller's memories that fit the query best, the best first.
    pub async fn recall(
        &self,
        caller: &Authorized<Read>,
        recall: Recall,
    ) -> Result<Recalled, Error> {
        let asked = self
            .embedding
            .query(caller.user_id, recall.query.expose())
            .await?;
        let question = Question {
            text: recall.query,
            vector: asked.vector,
            filter: MemoryFilter {
                expired: Expired::Exclude,
                ..recall.filter
            },
            now: self.now(),
            limit: recall.limit.get(),
        };
        let memories = self.find(&Owner::of(caller), question).await?;
        let reading = Reading {
            of: caller.user_id,
            memories: memories.len(),
            memory: None,
        };
        self.noted_read(caller, &reading);
        Ok(Recalled {
            memories,
            notices: asked.notice.into_iter().collect(),
        })
    }

    /// Ranks an owner's memories and decrypts those that were found.
    pub(crate) async fn find(
        &self,
        owner: &Owner,
        question: Question,
    ) -> Result<Vec<Found>, Error> {
        let (filter, now) = (question.filter, question.now);
        let target = Target {
            user: owner.id,
            version: owner.version,
            key: &owner.key,
        };
        let hits = self
            .partitions
            .query(&self.db, &self.embedding, target, question)
            .await?;
        let ids: Vec<_> = hits.iter().map(|hit| hit.id).collect();
        let rows = memories::get_many(&self.db, owner.id, &ids).await?;
        let mut rows: HashMap<MemoryId, StoredMemory> =
            rows.into_iter().map(|row| (row.id, row)).collect();
        let (mut found, mut bytes) = (Vec::with_capacity(hits.len()), 0);
        for Hit { id, score, .. } in hits {
            // A memory that was changed since the partition was asked must not
            // slip through as what it was.
            let row = rows.remove(&id);
            let Some(row) =
                row.filter(|row| filter.admits(row.permission, row.expiration_date, now))
            else {
                continue;
            };
            let memory = open(row, owner.id, &owner.key)?;
            bytes += memory.text.expose().len();
            check_bytes(bytes)?;
            found.push(Found {
                memory,
                score: Some(score),
            });
        }
        Ok(found)
    }
}
