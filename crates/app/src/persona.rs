//! Asking a persona: one's own, or another person's public one.

use std::sync::Arc;

use picard_crypto::DataKey;
use picard_domain::{Instant, MemoryFilter, MemoryId, UserId};
use picard_store::{memories, users};

use crate::{
    Access, App, AskPersona, Authorized, Error, Found, Persona, PublicUser, Read, Recalled,
    UserRef, audit::Reading, memories::visible, partitions::Choice,
};

/// Rows read at once when all memories are wanted.
const PAGE: usize = 500;

/// The limit of a question that has none.
pub(crate) const ALL: usize = usize::MAX;

/// Whose memories are read, and with which key.
pub(crate) struct Owner {
    pub(crate) id: UserId,
    pub(crate) version: i64,
    pub(crate) key: Arc<DataKey>,
}

impl Owner {
    /// The caller's own.
    pub(crate) fn of(caller: &Access) -> Self {
        Self {
            id: caller.user_id,
            version: caller.version,
            key: caller.key.clone(),
        }
    }
}

impl App {
    /// Returns what a persona knows: all that the caller may see, the best answers to
    /// the prompt first; with a limit those that together tell most, about the prompt
    /// or about the person.
    pub async fn ask_persona(
        &self,
        caller: &Authorized<Read>,
        question: AskPersona,
    ) -> Result<Persona, Error> {
        let (owner, user) = self.person_behind(&question.of).await?;
        let now = self.now();
        let filter = visible(caller, owner.id, MemoryFilter::default()).unwrap_or_default();
        let limit = question.limit.map(picard_domain::PageSize::get);
        let wanted = match (&question.prompt, limit) {
            (None, None) => None,
            (None, Some(limit)) => Some((Choice::Telling, limit)),
            (Some(_), None) => Some((Choice::Best, ALL)),
            (Some(_), Some(limit)) => Some((Choice::Covering, limit)),
        };
        let prompt = question.prompt.as_ref();
        let is_whole = limit.is_none() && prompt.is_none_or(|prompt| !prompt.conditions().any());
        let Recalled { memories, notices } = match wanted {
            None => Recalled {
                memories: self.newest(caller, &owner, &filter, now).await?,
                notices: Vec::new(),
            },
            Some(wanted) => {
                if is_whole {
                    self.check_all(&owner, &filter, now).await?;
                }
                self.answer(caller, &owner, question.prompt, filter, wanted)
                    .await?
            }
        };
        let total = if is_whole {
            // Counting would also count what is written meanwhile.
            memories.len()
        } else {
            let count = memories::count(&self.db, owner.id, &filter, now).await?;
            usize::try_from(count).unwrap_or(0).max(memories.len())
        };
        let reading = Reading {
            of: owner.id,
            memories: memories.len(),
            memory: None,
        };
        self.noted_read(caller, &reading);
        Ok(Persona {
            user,
            memories,
            total,
            notices,
        })
    }

    /// Finds whose memories a list is about.
    pub(crate) async fn owner(
        &self,
        caller: &Access,
        of: Option<&UserRef>,
    ) -> Result<Owner, Error> {
        match of {
            None => Ok(Owner::of(caller)),
            Some(of) => Ok(self.person_behind(of).await?.0),
        }
    }

    async fn person_behind(&self, of: &UserRef) -> Result<(Owner, PublicUser), Error> {
        let user = match of {
            UserRef::Id(id) => users::find(&self.db, *id).await?,
            UserRef::Handle(handle) => users::find_by_handle(&self.db, handle).await?,
        };
        let user = user.filter(|user| user.disabled_at.is_none());
        let user = user.ok_or(Error::NotFound("user"))?;
        let key = self
            .keys
            .open_stored(user.id, &user.key_id, user.wrapped_key)
            .await?;
        let owner = Owner {
            id: user.id,
            version: user.version,
            key,
        };
        Ok((
            owner,
            PublicUser {
                id: user.id,
                handle: user.handle,
                name: user.name,
            },
        ))
    }

    /// Refuses to answer with all memories when they are too much, before they are
    /// ranked and decrypted.
    async fn check_all(
        &self,
        owner: &Owner,
        filter: &MemoryFilter,
        now: Instant,
    ) -> Result<(), Error> {
        // Fernet puts 57 bytes around a text, fills it up with 1 to 16, and writes
        // four characters for each three bytes.
        const AROUND: i64 = 75;
        let (memories, ciphertext) = memories::extent(&self.db, owner.id, filter, now).await?;
        let least = ciphertext / 4 * 3 - AROUND * memories;
        self.bounds.check(usize::try_from(least).unwrap_or(0), None)
    }

    /// All of them, the newest first.
    async fn newest(
        &self,
        caller: &Access,
        owner: &Owner,
        filter: &MemoryFilter,
        now: Instant,
    ) -> Result<Vec<Found>, Error> {
        let (mut found, mut bytes) = (Vec::new(), 0);
        let mut after: Option<(Instant, MemoryId)> = None;
        loop {
            let rows = memories::list(&self.db, owner.id, filter, now, after, PAGE).await?;
            let was_last = rows.len() < PAGE;
            after = rows.last().map(|row| (row.created_at, row.id)).or(after);
            for memory in self.open_all(caller, owner, rows).await? {
                bytes += memory.text.expose().len();
                self.bounds.check(bytes, None)?;
                found.push(Found {
                    memory,
                    score: None,
                });
            }
            if was_last {
                return Ok(found);
            }
        }
    }
}
