//! Memories brought in from elsewhere: stored, or found to be here already.
//!
//! Importing the same lines twice changes nothing. A line with an id is the
//! memory of that id; whatever became of it here stays. A line without one gets
//! an id that follows from its text and dates, under the person's own key: so it
//! is the same at the next import, and it tells nobody what it names. And it
//! counts as here when any memory has this text, this expiration date and, if
//! the line says one, this date of creation.

use std::collections::{HashMap, HashSet};

use picard_crypto::{DataKey, sha256};
use picard_domain::{Expired, Instant, MemoryFilter, MemoryId, Permission};
use picard_store::{
    import::{self, Import},
    memories,
};

use crate::{App, Authorized, Error, Incoming, Write};

/// Rows read and decrypted at once.
const AT_ONCE: usize = 200;

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

/// An import under way. It keeps about 100 bytes for each memory of the
/// person, and of the lines only those that it is given at once.
pub struct Importer<'a> {
    app: &'a App,
    caller: &'a Authorized<Write>,
    mode: ImportMode,
    known: Known,
}

/// A digest that stays in this process.
type Mark = [u8; 16];

/// What the person has, as digests.
#[derive(Default)]
struct Known {
    contents: HashMap<MemoryId, Mark>,
    /// By text and expiration date.
    undated: HashSet<Mark>,
    /// By text, expiration date and date of creation.
    dated: HashSet<Mark>,
}

/// What tells one memory from another.
struct Content<'a> {
    text: &'a str,
    permission: Permission,
    expires: Option<Instant>,
}

impl Content<'_> {
    fn mark(&self) -> Mark {
        let named = format!("{:?} {:?} {}", self.permission, self.expires, self.text);
        mark(named.as_bytes())
    }

    /// The text with its dates, in a form that no other text and dates have.
    fn dated(&self, created_at: Option<Instant>) -> Vec<u8> {
        format!("{:?} {created_at:?} {}", self.expires, self.text).into_bytes()
    }
}

fn mark(bytes: &[u8]) -> Mark {
    let digest = sha256(bytes);
    std::array::from_fn(|at| digest[at])
}

impl Known {
    fn add(&mut self, id: MemoryId, content: &Content<'_>, created_at: Instant) {
        self.contents.insert(id, content.mark());
        self.undated.insert(mark(&content.dated(None)));
        self.dated.insert(mark(&content.dated(Some(created_at))));
    }

    fn holds(&self, id: MemoryId, line: &Incoming) -> Option<Fate> {
        let content = line.content();
        if let Some(known) = self.contents.get(&id) {
            let same = *known == content.mark();
            return Some(if same { Fate::Known } else { Fate::Differs });
        }
        let alike = line.id.is_none()
            && match line.created_at {
                Some(_) => self.dated.contains(&mark(&content.dated(line.created_at))),
                None => self.undated.contains(&mark(&content.dated(None))),
            };
        alike.then_some(Fate::Known)
    }
}

impl Incoming {
    fn content(&self) -> Content<'_> {
        Content {
            text: self.text.expose(),
            permission: self.permission,
            expires: self.expiration_date,
        }
    }

    /// Its id, or the one that follows from its text and dates.
    fn name(&self, key: &DataKey) -> MemoryId {
        self.id.unwrap_or_else(|| {
            let name = key.name(LABEL, &self.content().dated(self.created_at));
            let bytes = std::array::from_fn(|at| name[at]);
            MemoryId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
        })
    }
}

impl App {
    /// Begins an import: looks at what the person has.
    pub async fn importer<'a>(
        &'a self,
        caller: &'a Authorized<Write>,
        mode: ImportMode,
    ) -> Result<Importer<'a>, Error> {
        let everything = MemoryFilter {
            expired: Expired::Include,
            ..MemoryFilter::default()
        };
        let (mut known, mut after) = (Known::default(), None);
        loop {
            let user = caller.user_id;
            let rows =
                memories::list(&self.db, user, &everything, self.now(), after, AT_ONCE).await?;
            after = rows.last().map(|last| (last.created_at, last.id));
            for row in &rows {
                let text = caller.key.fernet_decrypt(&row.ciphertext)?;
                let content = Content {
                    text: text.expose(),
                    permission: row.permission,
                    expires: row.expiration_date,
                };
                known.add(row.id, &content, row.created_at);
            }
            if rows.len() < AT_ONCE {
                break;
            }
        }
        Ok(Importer {
            app: self,
            caller,
            mode,
            known,
        })
    }
}

impl Importer<'_> {
    pub(crate) fn now(&self) -> Instant {
        self.app.now()
    }

    /// Tells whether a line would become a memory.
    pub(crate) fn is_new(&self, line: &Incoming) -> bool {
        let id = line.name(&self.caller.key);
        self.known.holds(id, line).is_none()
    }

    /// Takes some lines, all in one transaction, and tells of each what became
    /// of it, in their order. On an error none of them is stored.
    pub async fn take(&mut self, lines: &[Incoming]) -> Result<Vec<Fate>, Error> {
        let now = self.app.now();
        let mut fates = Vec::with_capacity(lines.len());
        let mut new = Vec::new();
        for line in lines {
            let id = line.name(&self.caller.key);
            let fate = self.known.holds(id, line).unwrap_or(Fate::Stored);
            if fate == Fate::Stored {
                let created_at = line.created_at.or(line.updated_at).unwrap_or(now);
                self.known.add(id, &line.content(), created_at);
                new.push((fates.len(), id, created_at, line));
            }
            fates.push(fate);
        }
        if self.mode == ImportMode::Store && !new.is_empty() {
            self.store(&new, &mut fates).await?;
        }
        Ok(fates)
    }

    async fn store(
        &self,
        new: &[(usize, MemoryId, Instant, &Incoming)],
        fates: &mut [Fate],
    ) -> Result<(), Error> {
        let (app, caller) = (self.app, self.caller);
        let texts = new.iter().map(|(_, id, _, line)| (*id, &line.text));
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
