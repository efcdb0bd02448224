//! The memories that take part in the answer to a query, by slot.

/// The slots that pass a filter.
pub(crate) struct Candidates {
    /// By slot; nothing when all of them pass, which is nearly always so: then nothing
    /// has to be looked up.
    admitted: Option<Vec<bool>>,
    slots: usize,
    count: usize,
}

impl Candidates {
    pub(crate) fn new(slots: usize, admits: impl Fn(usize) -> bool) -> Self {
        if (0..slots).all(&admits) {
            return Self::all(slots);
        }
        let admitted: Vec<bool> = (0..slots).map(admits).collect();
        Self {
            count: admitted.iter().filter(|admitted| **admitted).count(),
            admitted: Some(admitted),
            slots,
        }
    }

    pub(crate) fn all(slots: usize) -> Self {
        Self {
            admitted: None,
            slots,
            count: slots,
        }
    }

    pub(crate) fn admits(&self, slot: u32) -> bool {
        let admitted = self.admitted.as_ref();
        admitted.is_none_or(|admitted| admitted[slot as usize])
    }

    /// The number of candidates.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The number of slots, candidates or not.
    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        let admitted = self.admitted.as_deref();
        (0..self.slots).filter(move |slot| admitted.is_none_or(|admitted| admitted[*slot]))
    }
}
