//! The memories of one person, ready to be searched.
//!
//! A memory occupies a slot: a small number that `vectors` and `keywords` know it
//! by. Slots have no gaps: when a memory goes, the last one takes its number.

use std::{
    collections::HashMap,
    fmt,
    mem::size_of,
    sync::{Arc, LazyLock},
};

use picard_domain::{Expired, Instant, MemoryFilter, MemoryId, Permission};

use crate::{
    Analysis, Query, Stored,
    analysis::Analysed,
    asking::Asking,
    candidates::Candidates,
    centre::Sum,
    common::common_of_e5,
    dates::When,
    keywords::{Keywords, Listing, Words},
    query::Closeness,
    signs::{Bounds, Signs},
    slots::{Described, Slots},
    timeline::Timeline,
    vectors::{Codes, Rows, Vectors},
};

/// A memory as a partition takes it in.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// The decrypted text. Only keyed hashes of its words and the days that it names
    /// are kept.
    pub text: &'a str,
    /// One vector per chunk of the text; those that are not of the partition's
    /// dimensions are left out, and a memory without any is found by its words.
    pub vectors: &'a [Vec<f32>],
    /// Who may read it.
    pub permission: Permission,
    /// From when on it is never found.
    pub expires: Option<Instant>,
    /// Decides the order of equals, newest first.
    pub created_at: Instant,
}

/// A memory as it was stored.
pub struct StoredEntry<'a> {
    /// What it is found by.
    pub stored: Stored<'a>,
    /// Who may read it.
    pub permission: Permission,
    /// From when on it is never found.
    pub expires: Option<Instant>,
    /// Decides the order of equals, newest first.
    pub created_at: Instant,
}

/// Makes memories ready for the partitions that come of it: what costs most of
/// taking one in, and may be done on any thread.
#[derive(Clone)]
pub struct Preparer {
    dimensions: usize,
    words: Words,
    /// What all texts of the model have in common, and from when on it is of use.
    signs: Option<(Arc<[f32]>, Bounds)>,
    /// What questions of a language have in common, if that is known of the model.
    pub(crate) asking: Option<Arc<Asking>>,
}

/// A memory that only has to be put into its place.
pub struct Prepared {
    codes: Codes,
    listing: Listing,
    when: When,
    permission: Permission,
    expires: Option<Instant>,
    created_at: Instant,
}

impl Preparer {
    /// Prepares for vectors of so many dimensions, and draws a key for the hashes of words.
    pub fn new(dimensions: usize) -> Self {
        Self {
            dimensions,
            words: Words::new(),
            signs: None,
            asking: None,
        }
    }

    /// Prepares for vectors of multilingual-e5-small.
    pub fn of_e5() -> Self {
        static COMMON: LazyLock<Arc<[f32]>> = LazyLock::new(|| common_of_e5().collect());
        Self {
            asking: Some(Asking::e5()),
            ..Self::new(COMMON.len()).with_common(COMMON.clone())
        }
    }

    /// Says what all vectors of the model have in common, their mean: then very many
    /// are compared by a bit for each dimension first, and in full where it matters.
    #[must_use]
    pub fn with_common(self, common: impl Into<Arc<[f32]>>) -> Self {
        let common = common.into();
        let fits = common.len() == self.dimensions;
        let signs = fits.then_some((common, Bounds::MEASURED));
        Self { signs, ..self }
    }

    #[cfg(test)]
    pub(crate) fn with_asking(self, means: &[Vec<f32>]) -> Self {
        let asking = Some(Arc::new(Asking::new(means.to_vec())));
        Self { asking, ..self }
    }

    #[cfg(test)]
    pub(crate) fn with_bounds(mut self, bounds: Bounds) -> Self {
        if let Some((_, own)) = &mut self.signs {
            *own = bounds;
        }
        self
    }

    /// Analyses a text and rounds its vectors.
    pub fn prepare(&self, entry: &Entry<'_>) -> Prepared {
        let (listing, when) = self.analyse(entry.text, entry.created_at);
        Prepared {
            codes: Codes::of(entry.vectors, self.dimensions),
            listing,
            when,
            permission: entry.permission,
            expires: entry.expires,
            created_at: entry.created_at,
        }
    }

    /// Takes what was stored of a memory so that it is found; `None` when its text was
    /// not analysed, or by another version, and is not given either.
    pub fn prepare_stored(&self, entry: StoredEntry<'_>, text: Option<&str>) -> Option<Prepared> {
        let read = |analysis| self.read(analysis, entry.created_at);
        let (listing, when) = match entry.stored.analysis.and_then(read) {
            Some(read) => read,
            None => self.analyse(text?, entry.created_at),
        };
        Some(Prepared {
            codes: entry.stored.codes.unwrap_or_default(),
            listing,
            when,
            permission: entry.permission,
            expires: entry.expires,
            created_at: entry.created_at,
        })
    }

    fn analyse(&self, text: &str, created_at: Instant) -> (Listing, When) {
        let analysis = Analysis::of(text, created_at);
        self.read(analysis.as_bytes(), created_at)
            .expect("an analysis is read as it was written")
    }

    fn read(&self, analysis: &[u8], created_at: Instant) -> Option<(Listing, When)> {
        let mut text = Analysed::read(analysis)?;
        let when = When::new(created_at, std::mem::take(&mut text.named));
        Some((self.words.listing(text)?, when))
    }
}

impl Prepared {
    fn described(self, id: MemoryId, rows: Rows) -> (Described, Listing) {
        let described = Described {
            id,
            created_at: self.created_at,
            permission: self.permission,
            expires: self.expires,
            cues: self.listing.cues,
            when: self.when,
            rows,
            text: self.listing.text,
        };
        (described, self.listing)
    }
}

/// The searchable memories of one person.
pub struct Partition {
    pub(crate) preparer: Preparer,
    pub(crate) slots: Slots,
    pub(crate) by_id: HashMap<MemoryId, u32>,
    pub(crate) vectors: Vectors,
    pub(crate) keywords: Keywords,
    pub(crate) timeline: Timeline,
    pub(crate) closeness: Closeness,
    /// The bytes that slots own outside of themselves.
    named_days: usize,
    /// So many memories are taken in.
    pub(crate) most: usize,
}

impl Partition {
    /// The most memories in one partition (2²⁴ - 1), about 12 GB of them.
    pub const MAX_LEN: usize = (1 << 24) - 1;

    /// Makes an empty partition for vectors of so many dimensions.
    pub fn new(dimensions: usize) -> Self {
        Self::of(Preparer::new(dimensions))
    }

    /// Makes an empty partition that takes in what this preparer, or a clone of it,
    /// made ready.
    pub fn of(preparer: Preparer) -> Self {
        let signs = preparer.signs.as_ref();
        let signs = signs.map(|(common, bounds)| Signs::new(common.clone(), *bounds));
        Self {
            slots: Slots::default(),
            by_id: HashMap::new(),
            vectors: Vectors::new(preparer.dimensions, signs),
            keywords: Keywords::new(preparer.words.clone()),
            timeline: Timeline::default(),
            closeness: Closeness::default(),
            named_days: 0,
            most: Self::MAX_LEN,
            preparer,
        }
    }

    /// Returns what makes memories ready for this partition.
    pub fn preparer(&self) -> &Preparer {
        &self.preparer
    }

    /// Adds a memory, or replaces the one of this id: nothing of the old one
    /// remains. A new one that would be more than [`Self::MAX_LEN`] is left out.
    pub fn upsert(&mut self, id: MemoryId, entry: Entry<'_>) {
        self.put(id, self.preparer.prepare(&entry));
    }

    /// Does what [`Self::upsert`] does with a memory that [`Self::preparer`] made ready.
    pub fn put(&mut self, id: MemoryId, memory: Prepared) {
        if let Some(&slot) = self.by_id.get(&id) {
            let at = slot as usize;
            let (rows, permission) = (self.slots[at].rows, self.slots.outline(at).permission);
            self.named_days -= self.slots[at].when.owned();
            self.vectors.free(rows, permission);
            let rows = self.vectors.push(slot, memory.permission, &memory.codes);
            let (new, listing) = memory.described(id, rows);
            self.keywords.replace(slot, listing);
            self.named_days += new.when.owned();
            self.timeline.remove(slot, &self.slots);
            self.slots.replace(at, new);
            self.timeline.insert(slot, &self.slots);
            self.close_gaps();
        } else if self.slots.len() < self.most {
            let slot = self.slots.len() as u32;
            let rows = self.vectors.push(slot, memory.permission, &memory.codes);
            let (new, listing) = memory.described(id, rows);
            self.keywords.push(listing);
            self.named_days += new.when.owned();
            self.slots.push(new);
            self.timeline.insert(slot, &self.slots);
            self.by_id.insert(id, slot);
        }
    }

    /// Gives back what was reserved for memories to come: after a load, when few are
    /// to be expected.
    pub fn shrink(&mut self) {
        self.slots.shrink();
        self.by_id.shrink_to_fit();
        self.vectors.shrink();
        self.keywords.shrink();
    }

    /// Removes a memory; tells whether there was one.
    pub fn remove(&mut self, id: MemoryId) -> bool {
        let Some(slot) = self.by_id.remove(&id) else {
            return false;
        };
        self.timeline.remove(slot, &self.slots);
        let last = self.slots.len() as u32 - 1;
        if slot != last {
            self.timeline.renumber(last, slot, &self.slots);
        }
        let (outline, gone) = self.slots.swap_remove(slot as usize);
        self.named_days -= gone.when.owned();
        self.vectors.free(gone.rows, outline.permission);
        self.keywords.swap_remove(slot);
        if slot != last {
            let moved = &self.slots[slot as usize];
            self.vectors.hand_over(moved.rows, slot);
            self.by_id.insert(moved.id, slot);
        }
        self.close_gaps();
        if self.by_id.capacity() > 4 * self.by_id.len().max(16) {
            self.by_id.shrink_to_fit();
        }
        true
    }

    /// Returns the number of memories, expired ones included.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Tells whether there is no memory at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns when a memory was first stored, if it is here.
    pub fn created_at(&self, id: MemoryId) -> Option<Instant> {
        let slot = *self.by_id.get(&id)?;
        Some(self.slots.outline(slot as usize).created_at)
    }

    /// Returns who may read a memory, if it is here.
    pub fn permission(&self, id: MemoryId) -> Option<Permission> {
        let slot = *self.by_id.get(&id)?;
        Some(self.slots.outline(slot as usize).permission)
    }

    /// Estimates the resident memory that dropping the partition would free, in
    /// bytes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.slots.bytes()
            + table_bytes::<(MemoryId, u32)>(self.by_id.capacity())
            + self.named_days
            + Timeline::bytes(self.slots.capacity())
            + self.vectors.bytes()
            + self.keywords.bytes()
    }

    /// The memories that take part in the answer to a query.
    pub(crate) fn candidates(&self, query: &Query<'_>) -> Candidates {
        // Asking for expired ones is for lists: a search never returns them.
        let filter = MemoryFilter {
            expired: Expired::Exclude,
            ..query.filter
        };
        let conditions = query.conditions.any();
        if !conditions && self.slots.admits_all(filter, query.now) {
            return Candidates::all(self.len());
        }
        let admitted = self.slots.admitted(filter, query.now);
        if !conditions {
            return Candidates::new(self.len(), admitted);
        }
        let needs = query.conditions.needs(&self.keywords);
        Candidates::new(self.len(), |slot| {
            let outline = self.slots.outline(slot);
            let (permission, created_at) = (outline.permission, outline.created_at);
            let id = self.slots[slot].id;
            admitted(slot)
                && query.conditions.admit(id, permission, created_at)
                && needs
                    .iter()
                    .all(|phrase| self.keywords.may_hold(slot, phrase))
        })
    }

    /// Sums the vectors of the candidates, which are all of `permission` if there is
    /// one: by what is known of all of those, or by the candidates, if they are fewer
    /// than the others.
    pub(crate) fn sum(&self, candidates: &Candidates, permission: Option<Permission>) -> Sum {
        let others = || {
            (0..self.len()).filter(|slot| {
                let own = self.slots.outline(*slot).permission;
                permission.is_none_or(|permission| permission == own)
                    && !candidates.admits(*slot as u32)
            })
        };
        if candidates.count() == self.slots.len() {
            return self.vectors.sum(None);
        }
        let rows = |slot: usize| self.vectors.each(self.slots[slot].rows);
        if others().count() < candidates.count() {
            let mut sum = self.vectors.sum(permission);
            others().for_each(|slot| sum.subtract(rows(slot)));
            return sum;
        }
        let mut sum = Sum::default();
        candidates.iter().for_each(|slot| sum.add(rows(slot)));
        sum
    }

    fn close_gaps(&mut self) {
        let slots = &mut self.slots;
        self.vectors
            .compact(|slot, rows| slots[slot as usize].rows = rows);
    }
}

/// Counts only: what the memories say is nobody's business.
impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Partition({} memories, {} bytes)",
            self.len(),
            self.bytes()
        )
    }
}

/// The bytes of a hash table that holds `capacity` entries without growing: one
/// control byte per bucket, and an eighth of the buckets stays empty.
pub(crate) fn table_bytes<T>(capacity: usize) -> usize {
    capacity * 8 / 7 * (size_of::<T>() + 1)
}
