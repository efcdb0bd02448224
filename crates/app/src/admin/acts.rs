//! What administrators did, and the notes of it.
//!
//! What is done to a person is noted in their trail and in that of the
//! administrator; what is done to an application in the latter. The operator
//! has no account, so no trail: what they do to a person is in that person's.

use picard_domain::{EventId, Handle, PageSize, UserId};
use picard_store::{
    audit::{self, Act, By, Entry, Note, Surface},
    people,
};

use super::{Actor, Administration};
use crate::Error;

/// Something that an administrator did.
pub struct AdminAct {
    /// Who.
    pub by: Handle,
    /// What, to whom.
    pub entry: Entry,
}

impl Administration {
    /// Makes a note of something that is done now.
    pub(super) fn note(&self, act: Act) -> Note {
        let now = self.now();
        let (surface, by) = match &self.by {
            Actor::Administrator { id, handle } => {
                (Surface::Page, Some(By::Administrator(*id, handle.clone())))
            }
            Actor::Operator => (Surface::Command, None),
        };
        let note = Note::new(EventId::ordered(now, &*self.entropy), act, surface, now);
        Note {
            kept: self.notes,
            ..note.by(by)
        }
    }

    /// Makes a note for the administrator's own trail alone; none for the operator.
    pub(super) fn own_note(&self, act: Act) -> Option<(UserId, Note)> {
        match self.by {
            Actor::Administrator { id, .. } => Some((id, self.note(act))),
            Actor::Operator => None,
        }
    }

    /// Makes a note that an account is deleted: its own trail goes with it.
    pub(super) fn note_of_deletion(&self, user: UserId, handle: &Handle) -> Option<(UserId, Note)> {
        let (administrator, note) = self.own_note(Act::AccountDeleted)?;
        let note = note.by(None).of(user, handle.clone());
        (administrator != user).then_some((administrator, note))
    }

    /// Lists what the present administrators did, the newest first. The second
    /// is where the next page begins.
    pub async fn acts(
        &self,
        before: Option<EventId>,
        limit: PageSize<500>,
    ) -> Result<(Vec<AdminAct>, Option<EventId>), Error> {
        let limit = limit.get();
        let mut acts = Vec::new();
        for (id, handle) in people::administrators(&self.db).await? {
            let own = audit::acts(&self.db, id, before, limit + 1).await?;
            acts.extend(own.into_iter().map(|entry| AdminAct {
                by: handle.clone(),
                entry,
            }));
        }
        acts.sort_unstable_by_key(|act| std::cmp::Reverse(act.entry.id));
        let more = acts.len() > limit;
        acts.truncate(limit);
        let next = acts.last().filter(|_| more).map(|act| act.entry.id);
        Ok((acts, next))
    }
}
