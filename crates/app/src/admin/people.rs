//! People as an administrator sees and changes them.

use picard_domain::{
    DisplayName, Expired, Handle, Instant, MemoryFilter, PageSize, Permission, UserId,
};
use picard_metrics::TokenEvent;
use picard_store::{
    audit::Act,
    grants, memories, people, sessions,
    users::{self, Removal},
};

use super::{Administration, Listed};
use crate::{ApplicationView, Error, SessionView};

/// Why an administrator's act was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nobody else could administer the server; nothing was changed.
    #[error("this is the last administrator of the server")]
    LastAdministrator,
    /// Everything else: `NotFound`, and what is not about the act.
    #[error(transparent)]
    Other(#[from] Error),
}

/// All that an administrator is shown of one person.
pub struct PersonDetails {
    /// Names the person for good.
    pub id: UserId,
    /// Their unique name.
    pub handle: Handle,
    /// Their name as shown.
    pub name: DisplayName,
    /// Whether they administer the server.
    pub is_admin: bool,
    /// Since when they are locked out.
    pub disabled_at: Option<Instant>,
    /// When the account was made.
    pub created_at: Instant,
    /// How many memories they keep, expired ones included.
    pub memories: i64,
    /// How many of those are public.
    pub public_memories: i64,
    /// Where they are logged in, the latest first.
    pub sessions: Vec<SessionView>,
    /// Which applications have access, the latest first.
    pub applications: Vec<ApplicationView>,
}

impl Administration {
    /// Lists people by handle: those whose handle begins with `prefix` and comes
    /// after `after`. The second is where the next page begins.
    pub async fn people(
        &self,
        prefix: &str,
        after: Option<&Handle>,
        limit: PageSize<500>,
    ) -> Result<(Vec<Listed>, Option<Handle>), Error> {
        let prefix = prefix.trim().trim_start_matches('@').to_ascii_lowercase();
        let mut listed =
            people::list(&self.db, &prefix, after, limit.get() + 1, self.now()).await?;
        let more = listed.len() > limit.get();
        listed.truncate(limit.get());
        let next = listed.last().filter(|_| more);
        let next = next.map(|person| person.handle.clone());
        Ok((listed, next))
    }

    /// Returns what there is to see of a person.
    pub async fn person(&self, handle: &Handle) -> Result<PersonDetails, Error> {
        let user = self.user(handle).await?;
        let now = self.now();
        let count = async |permission| {
            let filter = MemoryFilter {
                permission,
                expired: Expired::Include,
                ..MemoryFilter::default()
            };
            memories::count(&self.db, user.id, &filter, now).await
        };
        let sessions = sessions::list(&self.db, user.id, now).await?;
        let applications = grants::list(&self.db, user.id, now).await?;
        Ok(PersonDetails {
            memories: count(None).await?,
            public_memories: count(Some(Permission::Public)).await?,
            sessions: sessions
                .into_iter()
                .map(|session| SessionView::of(session, None))
                .collect(),
            applications: applications.into_iter().map(ApplicationView::of).collect(),
            id: user.id,
            handle: user.handle,
            name: user.name,
            is_admin: user.is_admin,
            disabled_at: user.disabled_at,
            created_at: user.created_at,
        })
    }

    /// Locks a person out: their sessions end, and every token is refused while
    /// it lasts. Memories, and what was granted to applications, stay.
    pub async fn disable(&self, handle: &Handle) -> Result<UserId, AdminError> {
        let user = self.user(handle).await?.id;
        let removal = users::disable(&self.db, user, self.now(), &self.note(Act::Disabled)).await;
        removed(user, removal)
    }

    /// Lets a person in again.
    pub async fn enable(&self, handle: &Handle) -> Result<(), Error> {
        let user = self.user(handle).await?.id;
        users::enable(&self.db, user, self.now(), &self.note(Act::Enabled)).await?;
        Ok(())
    }

    /// Logs a person out everywhere; returns how many sessions ended.
    pub async fn end_sessions(&self, handle: &Handle) -> Result<u64, Error> {
        let user = self.user(handle).await?.id;
        Ok(sessions::close_all(&self.db, user, &self.note(Act::SessionEnded)).await?)
    }

    /// Ends the access of every application to a person's memories; returns how
    /// many had any.
    pub async fn revoke_applications(&self, handle: &Handle) -> Result<u64, Error> {
        let user = self.user(handle).await?.id;
        let note = self.note(Act::AccessRevoked);
        let live = grants::revoke_all(&self.db, user, self.now(), &note).await?;
        self.metrics.tokens.add(TokenEvent::Revoked, live);
        Ok(live)
    }

    /// Makes a person an administrator.
    pub async fn make_admin(&self, handle: &Handle) -> Result<(), Error> {
        let user = self.user(handle).await?.id;
        users::make_admin(&self.db, user, self.now(), &self.note(Act::AdminGiven)).await?;
        Ok(())
    }

    /// Takes the right to administer away again.
    pub async fn unmake_admin(&self, handle: &Handle) -> Result<(), AdminError> {
        let user = self.user(handle).await?.id;
        let removal =
            users::unmake_admin(&self.db, user, self.now(), &self.note(Act::AdminTaken)).await;
        removed(user, removal).map(drop)
    }

    /// Deletes an account with everything in it, the data key included.
    pub async fn delete_person(&self, handle: &Handle) -> Result<UserId, AdminError> {
        let user = self.user(handle).await?.id;
        let note = self.note_of_deletion(user, handle);
        let removal = users::delete(&self.db, user, note.as_ref()).await;
        let user = removed(user, removal)?;
        tracing::info!(%user, by = self.by.for_log(), "an account was deleted");
        Ok(user)
    }
}

fn removed(
    user: UserId,
    removal: Result<Removal, picard_store::Error>,
) -> Result<UserId, AdminError> {
    match removal.map_err(Error::from)? {
        Removal::Done => Ok(user),
        Removal::LastAdministrator => Err(AdminError::LastAdministrator),
        Removal::NotFound => Err(Error::NotFound("account").into()),
    }
}
