//! The person who works on their own machine, without a log-in.
//!
//! `picard mcp` runs as the owner of the data directory. Whoever can open it can
//! read the database and the keyring beside it (both of mode 0600), and with
//! these two every memory in it: a password would protect nothing that is not
//! in their hands already. So being able to open an [`App`] on the directory
//! is the proof, and the access that it gives is as wide as the owner's own.
//! Nothing that comes over a network leads here.

use picard_crypto::{check_strength, dummy_hash};
use picard_domain::{ClientId, DisplayName, GrantId, Handle, Instant, Scopes, UserId};
use picard_store::{
    audit::{Act, Surface},
    users::{self, Creation, NewUser, User},
};
use uuid::Uuid;

use crate::{Access, App, Error, PasswordError, access::Proof, audit::Via};

/// Handles that are named when it is not clear who is meant.
const NAMED: usize = 5;

/// Why it is not clear who works here.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// There are accounts, and none of this handle.
    #[error("there is no account {0} here")]
    Unknown(Handle),
    /// Nobody was named, and there are several to choose from.
    #[error("there are several accounts here ({})", listed(.0))]
    Several(Vec<Handle>),
    /// The account is locked.
    #[error("the account {0} is locked")]
    Locked(Handle),
    /// Everything that is not about who.
    #[error(transparent)]
    Other(#[from] Error),
}

fn listed(handles: &[Handle]) -> String {
    let mut names: Vec<_> = handles.iter().take(NAMED).map(Handle::as_str).collect();
    if handles.len() > NAMED {
        names.push("…");
    }
    names.join(", ")
}

impl App {
    /// Gives access to whoever works on the machine of the data directory: the
    /// person named, or the only one there is. On an empty database an account
    /// is made, of that handle or of `first`, with no password that would let
    /// anybody log in.
    pub async fn local_access(
        &self,
        named: Option<&Handle>,
        first: &Handle,
    ) -> Result<Access, LocalError> {
        // Two processes may make the first account at once: who comes second finds it.
        for _ in 0..2 {
            if let Some(user) = self.local_user(named).await? {
                if user.disabled_at.is_some() {
                    return Err(LocalError::Locked(user.handle));
                }
                return Ok(self.owner_access(user).await?.over(Surface::Stdio));
            }
            self.make_local(named.unwrap_or(first)).await?;
        }
        Err(Error::NotFound("account").into())
    }

    /// Gives access to the memories of one person, for who holds the data
    /// directory. A locked account keeps its memories, so it has an owner, too.
    pub async fn owner_of(&self, handle: &Handle) -> Result<Access, LocalError> {
        let user = users::find_by_handle(&self.db, handle)
            .await
            .map_err(Error::from)?
            .ok_or_else(|| LocalError::Unknown(handle.clone()))?;
        Ok(self.owner_access(user).await?)
    }

    /// Gives a person a new password, without asking for the old one: for who
    /// holds the data directory. Sessions and granted access end with it.
    pub async fn set_password(&self, handle: &str, new: &str) -> Result<(), PasswordError> {
        let known: Option<Handle> = handle.parse().ok();
        let user = match &known {
            Some(handle) => users::find_by_handle(&self.db, handle)
                .await
                .map_err(Error::from)?,
            None => None,
        };
        let user = user.ok_or(Error::NotFound("account"))?;
        check_strength(new, user.handle.as_str()).map_err(PasswordError::WeakPassword)?;
        let hash = self.passwords.hash(new).await?;
        let note = self.note(Act::PasswordSet, Surface::Command);
        users::change_password(&self.db, user.id, &hash, None, self.now(), &note)
            .await
            .map_err(Error::from)?;
        Ok(())
    }

    /// The same access as of this moment, with the version to be seen now;
    /// `None` when the account is gone or locked.
    pub(crate) async fn recheck_owner(&self, user: UserId) -> Result<Option<Access>, Error> {
        let user = users::find(&self.db, user).await?;
        match user.filter(|user| user.disabled_at.is_none()) {
            Some(user) => self.owner_access(user).await.map(Some),
            None => Ok(None),
        }
    }

    /// Finds who is meant; `None` when there is no account at all.
    async fn local_user(&self, named: Option<&Handle>) -> Result<Option<User>, LocalError> {
        let here = users::first_handles(&self.db, NAMED + 1)
            .await
            .map_err(Error::from)?;
        let meant = match (named, here.as_slice()) {
            (_, []) => return Ok(None),
            (Some(named), _) => named,
            (None, [only]) => only,
            (None, _) => return Err(LocalError::Several(here)),
        };
        let user = users::find_by_handle(&self.db, meant)
            .await
            .map_err(Error::from)?;
        match user {
            Some(user) => Ok(Some(user)),
            None => Err(LocalError::Unknown(meant.clone())),
        }
    }

    async fn make_local(&self, handle: &Handle) -> Result<(), Error> {
        let id = UserId::random(self.entropy());
        let key = self.keys.make(id, self.entropy()).await;
        let name: DisplayName = handle.as_str().parse().map_err(Error::internal)?;
        let new = NewUser {
            id,
            handle,
            name: &name,
            // No password fits it, and a guess takes as long as at any other account.
            password_hash: dummy_hash(),
            key_id: &key.wrapped.key_id.to_string(),
            wrapped_key: &key.wrapped.bytes,
            is_admin: false,
            now: self.now(),
        };
        match self.store_user(&new, &key, Surface::Command).await? {
            Creation::Created | Creation::HandleTaken => Ok(()),
        }
    }

    async fn owner_access(&self, user: User) -> Result<Access, Error> {
        let key = self
            .keys
            .open_stored(user.id, &user.key_id, user.wrapped_key)
            .await?;
        Ok(Access {
            user_id: user.id,
            handle: user.handle,
            client_id: ClientId::from_uuid(Uuid::nil()),
            grant_id: GrantId::from_uuid(Uuid::nil()),
            scopes: Scopes::all(),
            expires_at: Instant::from_micros(i64::MAX),
            proof: Proof::DataDirectory,
            version: user.version,
            key,
            via: Via {
                surface: Surface::Command,
                tool: "unnamed",
            },
        })
    }
}
