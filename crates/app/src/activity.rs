//! The audit trail as it is read: by its person, an administrator, the operator.

use std::collections::{HashMap, hash_map::Entry as Place};

use picard_domain::{ClientId, Handle, Instant, UserId};
use picard_store::{
    audit::{self, Bookmark, Entry, Wanted},
    users,
};

use crate::{App, Error};

/// Which entries of a trail are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct ActivityQuery {
    /// Only what was done through this application.
    pub client: Option<ClientId>,
    /// Only what lasted to this instant or later.
    pub since: Option<Instant>,
    /// Where the last page ended.
    pub before: Option<Bookmark>,
}

/// A page of a trail, the newest entries first: those of which the last time is the
/// latest.
#[derive(Debug, Clone)]
pub struct Activity {
    /// The entries. Names of people who are still here are filled in.
    pub entries: Vec<Entry>,
    /// Gives the next page; `None` on the last one.
    pub next: Option<Bookmark>,
}

impl App {
    /// Returns up to `limit` entries of a person's trail. What this process has
    /// only counted so far is in it; what another one counted follows within a
    /// second.
    pub async fn activity(
        &self,
        user: UserId,
        query: ActivityQuery,
        limit: usize,
    ) -> Result<Activity, Error> {
        self.trail.write_of(user).await;
        let wanted = Wanted {
            client: query.client,
            since: query.since,
            before: query.before,
        };
        // One more than wanted tells whether there is another page.
        let mut entries = audit::list(&self.db, user, wanted, limit + 1).await?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(Entry::bookmark);
        self.fill_in(&mut entries).await?;
        Ok(Activity { entries, next })
    }

    /// Returns a person's trail by their handle: for the operator.
    pub async fn find_user(&self, handle: &Handle) -> Result<Option<UserId>, Error> {
        let user = users::find_by_handle(&self.db, handle).await?;
        Ok(user.map(|user| user.id))
    }

    /// Names the people whom entries know by their ids only: one who deleted
    /// their account has no name any more.
    async fn fill_in(&self, entries: &mut [Entry]) -> Result<(), Error> {
        let mut names: HashMap<UserId, Option<String>> = HashMap::new();
        for entry in entries {
            for (id, name) in [
                (entry.actor_id, &mut entry.actor_name),
                (entry.subject_id, &mut entry.subject_name),
            ] {
                let (Some(id), None) = (id, &name) else {
                    continue;
                };
                let known = match names.entry(id) {
                    Place::Occupied(known) => known.into_mut(),
                    Place::Vacant(place) => {
                        let user = users::find(&self.db, id).await?;
                        place.insert(user.map(|user| user.handle.to_string()))
                    }
                };
                name.clone_from(known);
            }
        }
        Ok(())
    }
}
