//! Memories brought in from elsewhere: stored, or found to be here already.
//!
//! Importing the same lines twice changes nothing. A line with an id is the
//! memory of that id; whatever became of it here stays. A line without one gets
//! an id that follows from its text and dates, under the person's own key: so it
//! is the same at the next import, and it tells nobody what it names. And it
//! counts as here when any memory has this text, this expiration date and, if
//! the line says one, this date of creation.

use std::mem;

use picard_crypto::DataKey;
use picard_domain::{Instant, MemoryId};
use picard_store::import::{self, Import};

use crate::{
    App, Authorized, Error, Incoming, Write,
    known::{Content, Known},
};

/// What names a memory without an id is made for.
const LABEL: &str = "import";

/// Whether an import is to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImportMode {
    /// Memories are stored.
    #[default]
    Store,
    /// It is only told what would become of each.
    DryRun,
}

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is a memory now.
    Stored,
    /// It is here already.
    Known,
    /// A memory of its id is here with another text, permission or expiration
    /// date. That one stays.
    Differs,
}

/// An import under way. It keeps some 200 bytes for each memory of the person, and of
/// the lines only those that it is given at once.
pub struct Importer<'a> {
    app: &'a App,
    caller: &'a Authorized<Write>,
    mode: ImportMode,
    known: Known,
    /// Whether something counts as known that is not stored.
    ahead: bool,
}

impl Incoming {
    fn content(&self) -> Content<'_> {
        Content {
            text: self.text.expose(),
            permission: self.permission,
            expires: self.expiration_date,
        }
    }

    /// Its id, or the one that follows from its text and dates: the same for ever, so
    /// that whoever imports again has nothing twice.
    fn name(&self, key: &DataKey) -> MemoryId {
        self.id.unwrap_or_else(|| {
            let name = key.name(LABEL, &self.content().dated(self.created_at));
            let bytes = std::array::from_fn(|at| name[at]);
            MemoryId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
        })
    }
}

impl App {
    /// Begins an import: looks at what the person has, or at what changed since their
    /// last one.
    pub async fn importer<'a>(
        &'a self,
        caller: &'a Authorized<Write>,
        mode: ImportMode,
    ) -> Result<Importer<'a>, Error> {
        let user = caller.user_id;
        let mut importer = Importer {
            app: self,
            caller,
            mode,
            known: self.shelf.take(user, self.now()),
            ahead: false,
        };
        // Who breaks it off drops the importer, and so keeps what was read.
        let known = &mut importer.known;
        known.catch_up(&self.db, user, &caller.key).await?;
        Ok(importer)
    }
}

impl Drop for Importer<'_> {
    fn drop(&mut self) {
        if !self.ahead {
            let (user, now) = (self.caller.user_id, self.app.now());
            self.app.shelf.put(user, now, mem::take(&mut self.known));
        }
    }
}

impl Importer<'_> {
    pub(crate) fn now(&self) -> Instant {
        self.app.now()
    }

    /// Tells whether a line would become a memory.
    pub(crate) fn is_new(&self, line: &Incoming) -> bool {
        self.here(line.name(&self.caller.key), line).is_none()
    }

    /// Tells what is here already of a line.
    fn here(&self, id: MemoryId, line: &Incoming) -> Option<Fate> {
        let (key, content) = (&*self.caller.key, line.content());
        match self.known.has(id, &content, key) {
            Some(true) => Some(Fate::Known),
            Some(false) => Some(Fate::Differs),
            None => {
                let alike =
                    line.id.is_none() && self.known.has_alike(&content, line.created_at, key);
                alike.then_some(Fate::Known)
            }
        }
    }

    /// Takes some lines, all in one transaction, and tells of each what became
    /// of it, in their order. On an error none of them is stored.
    pub async fn take(&mut self, lines: &[Incoming]) -> Result<Vec<Fate>, Error> {
        let now = self.app.now();
        let mut fates = Vec::with_capacity(lines.len());
        let mut new = Vec::new();
        for line in lines {
            let id = line.name(&self.caller.key);
            let fate = self.here(id, line).unwrap_or(Fate::Stored);
            if fate == Fate::Stored {
                let created_at = line.created_at.or(line.updated_at).unwrap_or(now);
                let marks = line.content().marks(&self.caller.key, created_at);
                self.known.put(id, marks);
                self.ahead = true;
                new.push((fates.len(), id, created_at, line));
            }
            fates.push(fate);
        }
        if self.mode == ImportMode::Store && !new.is_empty() {
            self.store(&new, &mut fates).await?;
            self.ahead = false;
        }
        Ok(fates)
    }

    async fn store(
        &self,
        new: &[(usize, MemoryId, Instant, &Incoming)],
        fates: &mut [Fate],
    ) -> Result<(), Error> {
        let (app, caller) = (self.app, self.caller);
        let texts = new.iter();
        let texts = texts.map(|(_, id, created_at, line)| (*id, *created_at, &line.text));
        let sealed = app.seal_all(caller, &texts.collect::<Vec<_>>()).await?;
        let rows: Vec<_> = new
            .iter()
            .zip(&sealed)
            .map(|((_, id, created_at, line), sealed)| Import {
                id: *id,
                permission: line.permission,
                expiration_date: line.expiration_date,
                created_at: *created_at,
                updated_at: line.updated_at.unwrap_or(*created_at),
                ciphertext: &sealed.ciphertext,
                vectors: sealed.vectors(),
            })
            .collect();
        let stored = import::store(&app.db, caller.user_id, &rows, &app.note_import(caller))
            .await?
            .ok_or(Error::NotFound("account"))?;
        for ((at, ..), is_new) in new.iter().zip(stored) {
            if !is_new {
                // Somebody else brought it in meanwhile.
                fates[*at] = Fate::Known;
            }
        }
        app.watches.ring(caller.user_id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use picard_domain::{MemoryText, Permission, Plaintext};
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn the_id_of_a_line_without_one_is_the_same_in_every_version_of_this_program() {
        let key = DataKey::from_bytes(Zeroizing::new([7; 32]));
        let line = |expires: Option<i64>, created: Option<i64>| Incoming {
            text: MemoryText::new(Plaintext::new("Tea. Earl Grey.".to_owned())).expect("a text"),
            permission: Permission::Private,
            expiration_date: expires.map(Instant::from_micros),
            created_at: created.map(Instant::from_micros),
            updated_at: None,
            id: None,
        };
        let name = |line: &Incoming| line.name(&key).to_string();
        let (soon, before) = (Some(1_800_000_000_000_000), Some(1_700_000_000_000_001));
        let lines = [
            line(None, None),
            line(soon, None),
            line(None, before),
            line(soon, before),
        ];
        assert_eq!(
            lines.each_ref().map(name),
            [
                "d2d76068-22b0-835d-8941-ba4446d30f13",
                "44d37089-0da5-8537-8d5e-34f0d20b782a",
                "5049da27-1575-847c-976f-789d5c2ee813",
                "d9e6ce33-f45f-8e04-abcb-24f9fff44b66",
            ]
        );
        // Who may read it takes no part.
        let public = Incoming {
            permission: Permission::Public,
            ..line(None, None)
        };
        assert_eq!(name(&public), name(&line(None, None)));
    }
}
