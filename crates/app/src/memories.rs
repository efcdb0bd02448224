//! Remembering, listing, changing and forgetting.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use picard_crypto::DataKey;
use picard_domain::{
    Expired, Instant, Memory, MemoryFilter, MemoryId, MemoryText, Permission, Plaintext, UserId,
};
use picard_search::{Analysis, Stored};
use picard_store::memories::{
    self, MemoryUpdate, NewMemory as NewRow, SealedVectors, StoredMemory, Written,
};
use tokio::task::spawn_blocking;

use crate::{
    Access, App, Authorized, Error, ListMemories, MemoryChange, MemoryPage, NewMemory, Read, Write,
    audit::Reading, embedding::Whose, loading::bound_to, persona::Owner,
};

/// Binds a sealed cursor to its purpose, so that nothing else passes for one.
const CURSOR: &[u8] = b"picard cursor of get_memories";

/// Bytes of ciphertext that are decrypted on an async thread: in less than a millisecond.
const INLINE: usize = 256 * 1024;

/// A text as it is stored: encrypted, with what it is found by, sealed.
pub(crate) struct Sealed {
    pub(crate) ciphertext: String,
    model: String,
    vectors: Vec<u8>,
}

impl Sealed {
    pub(crate) fn vectors(&self) -> SealedVectors<'_> {
        SealedVectors {
            model: &self.model,
            sealed: &self.vectors,
        }
    }
}

impl App {
    /// Stores a memory.
    pub async fn remember(
        &self,
        caller: &Authorized<Write>,
        new: NewMemory,
    ) -> Result<Memory, Error> {
        let now = self.now();
        if new.expiration_date.is_some_and(|end| end <= now) {
            return Err(Error::out_of_range("expiration_date", "is in the past"));
        }
        let id = MemoryId::ordered(now, self.entropy());
        let sealed = self.seal(caller, id, now, &new.text).await?;
        let row = NewRow {
            user_id: caller.user_id,
            id,
            permission: new.permission,
            expiration_date: new.expiration_date,
            ciphertext: &sealed.ciphertext,
            vectors: sealed.vectors(),
            now,
        };
        match memories::submit(&self.db, &row, &self.note_change(caller, id)).await? {
            Written::At(_) => self.watches.ring(caller.user_id),
            Written::Stale | Written::Gone => return Err(Error::NotFound("account")),
        }
        Ok(Memory {
            id,
            user_id: caller.user_id,
            text: new.text.into_plaintext(),
            permission: new.permission,
            expiration_date: new.expiration_date,
            created_at: now,
            updated_at: now,
        })
    }

    /// Returns one of the caller's own memories.
    pub async fn memory(&self, caller: &Authorized<Read>, id: MemoryId) -> Result<Memory, Error> {
        let row = memories::get(&self.db, caller.user_id, id).await?;
        let row = row.ok_or(Error::NotFound("memory"))?;
        let memory = open(row, caller.user_id, &caller.key)?;
        let reading = Reading {
            of: caller.user_id,
            memories: 1,
            memory: Some(id),
        };
        self.noted_read(caller, &reading);
        Ok(memory)
    }

    /// Lists memories, the newest first, a page at a time.
    pub async fn memories(
        &self,
        caller: &Authorized<Read>,
        list: ListMemories,
    ) -> Result<MemoryPage, Error> {
        let owner = self.owner(caller, list.of.as_ref()).await?;
        let Some(filter) = visible(caller, owner.id, list.filter) else {
            return Ok(MemoryPage {
                memories: Vec::new(),
                next_cursor: None,
            });
        };
        let bound = cursor_bound(owner.id, &list.filter);
        let after = match &list.cursor {
            Some(cursor) => Some(open_cursor(&caller.key, &bound, cursor)?),
            None => None,
        };
        // One more than wanted tells whether there is another page.
        let wanted = list.limit.get();
        let mut rows =
            memories::list(&self.db, owner.id, &filter, self.now(), after, wanted + 1).await?;
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        let next_cursor = rows
            .last()
            .filter(|_| more)
            .map(|last| self.seal_cursor(&caller.key, &bound, last.created_at, last.id));
        let memories = self.open_all(caller, &owner, rows).await?;
        let reading = Reading {
            of: owner.id,
            memories: memories.len(),
            memory: None,
        };
        self.noted_read(caller, &reading);
        Ok(MemoryPage {
            memories,
            next_cursor,
        })
    }

    /// Changes a memory. Of two changes made at once one is done, and the
    /// other is told of the conflict.
    pub async fn update(
        &self,
        caller: &Authorized<Write>,
        change: MemoryChange,
    ) -> Result<Memory, Error> {
        let row = memories::get(&self.db, caller.user_id, change.memory_id).await?;
        let row = row.ok_or(Error::NotFound("memory"))?;
        if change
            .expected_updated_at
            .is_some_and(|expected| expected != row.updated_at)
        {
            return Err(Error::Conflict);
        }
        let sealed = match &change.text {
            Some(text) => Some(self.seal(caller, row.id, row.created_at, text).await?),
            None => None,
        };
        // An instant that is taken twice would make two states look like one.
        let now = self
            .now()
            .max(row.updated_at + picard_domain::Span::micros(1));
        let mut update = MemoryUpdate {
            user_id: caller.user_id,
            id: row.id,
            revision: row.revision,
            permission: change.permission.unwrap_or(row.permission),
            expiration_date: change.expiration_date.applied_to(row.expiration_date),
            text: sealed
                .as_ref()
                .map(|sealed| (sealed.ciphertext.as_str(), sealed.vectors())),
            now,
        };
        let note = self.note_change(caller, row.id);
        let mut written = memories::update(&self.db, &update, &note).await?;
        if matches!(written, Written::Stale)
            && let Some(there) = memories::get(&self.db, caller.user_id, row.id).await?
            && there.updated_at == row.updated_at
        {
            // Nobody changed it: the server embedded it for another model.
            update.revision = there.revision;
            written = memories::update(&self.db, &update, &note).await?;
        }
        match written {
            Written::At(_) => self.watches.ring(caller.user_id),
            Written::Stale => return Err(Error::Conflict),
            Written::Gone => return Err(Error::NotFound("memory")),
        }
        let text = match change.text {
            Some(text) => text.into_plaintext(),
            None => caller.key.fernet_decrypt(&row.ciphertext)?,
        };
        Ok(Memory {
            id: row.id,
            user_id: caller.user_id,
            text,
            permission: update.permission,
            expiration_date: update.expiration_date,
            created_at: row.created_at,
            updated_at: now,
        })
    }

    /// Deletes a memory for good.
    pub async fn forget(&self, caller: &Authorized<Write>, id: MemoryId) -> Result<(), Error> {
        match memories::delete(&self.db, caller.user_id, id, &self.note_change(caller, id)).await? {
            Written::At(_) => {
                self.watches.ring(caller.user_id);
                Ok(())
            }
            Written::Stale | Written::Gone => Err(Error::NotFound("memory")),
        }
    }

    /// Decrypts rows; very many bytes of them not on the async thread.
    pub(crate) async fn open_all(
        &self,
        caller: &Access,
        owner: &Owner,
        rows: Vec<StoredMemory>,
    ) -> Result<Vec<Memory>, Error> {
        let is_long = is_long(&rows);
        let (user, key) = (owner.id, owner.key.clone());
        let work = move || rows.into_iter().map(|row| open(row, user, &key)).collect();
        if is_long {
            let seat = self.partitions.seats.take(caller.user_id).await?;
            seat.work(work).await?
        } else {
            work()
        }
    }

    pub(crate) async fn seal(
        &self,
        caller: &Access,
        id: MemoryId,
        created_at: Instant,
        text: &MemoryText,
    ) -> Result<Sealed, Error> {
        let mut sealed = self.seal_all(caller, &[(id, created_at, text)]).await?;
        Ok(sealed.remove(0))
    }

    /// Seals many texts, each for the id and the instant at which it is first stored: their
    /// embedding takes all cores that others leave.
    pub(crate) async fn seal_all(
        &self,
        caller: &Access,
        texts: &[(MemoryId, Instant, &MemoryText)],
    ) -> Result<Vec<Sealed>, Error> {
        let plain = texts.iter().map(|(_, _, text)| text.expose().to_owned());
        let plain = plain.map(Plaintext::new).collect();
        let whose = Whose::Person(caller.user_id);
        let (model, embedded) = self.embedding.passages_or_none(whose, plain).await?;
        let plain = texts.iter();
        let plain = plain.map(|(_, at, text)| (Plaintext::new(text.expose().to_owned()), *at));
        let analysed = analysed(plain.collect()).await?;
        let sealed = texts.iter().zip(&embedded).zip(&analysed);
        let sealed = sealed.map(|(((id, _, text), chunks), analysis)| {
            let stored = Stored::write(chunks, analysis);
            let bound = bound_to(caller.user_id, *id);
            Sealed {
                ciphertext: caller.key.fernet_encrypt(text.expose()),
                model: model.clone(),
                vectors: caller.key.seal(self.entropy(), &bound, &stored),
            }
        });
        Ok(sealed.collect())
    }

    /// A cursor is sealed with the caller's own key: nobody can read it, make
    /// one up, or use another person's.
    fn seal_cursor(&self, key: &DataKey, bound: &[u8], at: Instant, id: MemoryId) -> String {
        let mut plain = at.micros().to_be_bytes().to_vec();
        plain.extend_from_slice(id.uuid().as_bytes());
        URL_SAFE_NO_PAD.encode(key.seal(self.entropy(), bound, &plain))
    }
}

/// Analyses texts, each with the instant at which it was first stored. A long one takes
/// some milliseconds: too long for an async thread.
pub(crate) async fn analysed(texts: Vec<(Plaintext, Instant)>) -> Result<Vec<Analysis>, Error> {
    let analyse = |(text, at): &(Plaintext, Instant)| Analysis::of(text.expose(), *at);
    Ok(spawn_blocking(move || texts.iter().map(analyse).collect()).await?)
}

/// Tells whether decrypting rows takes longer than an async thread should be kept.
pub(crate) fn is_long(rows: &[StoredMemory]) -> bool {
    let bytes = rows.iter().map(|row| row.ciphertext.len());
    bytes.sum::<usize>() > INLINE
}

/// Decrypts a row.
pub(crate) fn open(row: StoredMemory, user: UserId, key: &DataKey) -> Result<Memory, Error> {
    Ok(Memory {
        id: row.id,
        user_id: user,
        text: key.fernet_decrypt(&row.ciphertext)?,
        permission: row.permission,
        expiration_date: row.expiration_date,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// Narrows a filter to what the caller may see of the owner (of another person
/// what is public and valid); `None` when that is nothing.
pub(crate) fn visible(
    caller: &Access,
    owner: UserId,
    filter: MemoryFilter,
) -> Option<MemoryFilter> {
    if owner == caller.user_id {
        return Some(filter);
    }
    if filter.permission == Some(Permission::Private) || filter.expired == Expired::Only {
        return None;
    }
    Some(MemoryFilter {
        permission: Some(Permission::Public),
        expired: Expired::Exclude,
        ..filter
    })
}

/// What a cursor is good for: the same list with the same filters.
fn cursor_bound(owner: UserId, filter: &MemoryFilter) -> Vec<u8> {
    let mut bound = CURSOR.to_vec();
    bound.extend_from_slice(owner.uuid().as_bytes());
    bound.extend_from_slice(format!("{filter:?}").as_bytes());
    bound
}

fn open_cursor(key: &DataKey, bound: &[u8], cursor: &str) -> Result<(Instant, MemoryId), Error> {
    let refused = || Error::invalid("cursor", "does not belong to this list; start without one");
    let sealed = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refused())?;
    let plain = key.open(bound, &sealed).map_err(|_| refused())?;
    let (at, id) = plain.split_at_checked(8).ok_or_else(refused)?;
    let at = i64::from_be_bytes(at.try_into().map_err(|_| refused())?);
    let id = uuid::Uuid::from_slice(id).map_err(|_| refused())?;
    Ok((Instant::from_micros(at), MemoryId::from_uuid(id)))
}

#[cfg(test)]
mod tests;
