//! What a person does with their own account.

use picard_crypto::check_strength;
use picard_domain::{Expired, GrantId, MemoryFilter, SessionId, UserId};
use picard_metrics::TokenEvent;
use picard_store::{
    audit::{Act, Surface},
    grants, memories, sessions,
    users::{self, Removal},
};

use crate::{
    Account, App, ApplicationView, DeletionError, Error, PasswordError, Person, SessionView,
    attempts::Limit,
};

impl App {
    /// Returns what the account page shows.
    pub async fn account(&self, person: &Person) -> Result<Account, Error> {
        let now = self.now();
        let user = users::find(&self.db, person.id)
            .await?
            .ok_or(Error::NotFound("account"))?;
        let all = MemoryFilter {
            expired: Expired::Include,
            ..MemoryFilter::default()
        };
        let sessions = sessions::list(&self.db, person.id, now).await?;
        let applications = grants::list(&self.db, person.id, now).await?;
        Ok(Account {
            created_at: user.created_at,
            memories: memories::count(&self.db, person.id, &all, now).await?,
            sessions: sessions
                .into_iter()
                .map(|session| SessionView::of(session, Some(person.session_id)))
                .collect(),
            applications: applications.into_iter().map(ApplicationView::of).collect(),
        })
    }

    /// Changes the name that is shown.
    pub async fn rename(&self, person: &Person, name: &str) -> Result<(), Error> {
        let name = name
            .parse()
            .map_err(|error| Error::invalid("name", error))?;
        let note = self.note(Act::Renamed, Surface::Page);
        users::set_name(&self.db, person.id, &name, self.now(), &note).await?;
        Ok(())
    }

    /// Changes the password; every other session and every application's
    /// access end with it.
    pub async fn change_password(
        &self,
        person: &Person,
        current: &str,
        new: &str,
    ) -> Result<(), PasswordError> {
        if !self.is_password(person, current).await? {
            return Err(PasswordError::WrongPassword);
        }
        check_strength(new, person.handle.as_str()).map_err(PasswordError::WeakPassword)?;
        let hash = self.passwords.hash(new).await?;
        let keep = Some(person.session_id);
        let note = self.note(Act::PasswordChanged, Surface::Page);
        let live = users::change_password(&self.db, person.id, &hash, keep, self.now(), &note)
            .await
            .map_err(Error::from)?;
        self.metrics
            .tokens
            .add(TokenEvent::Revoked, live.unwrap_or(0));
        Ok(())
    }

    /// Ends one session of the person.
    pub async fn end_session(&self, person: &Person, session: SessionId) -> Result<(), Error> {
        let note = self.note(Act::SessionEnded, Surface::Page);
        sessions::close(&self.db, person.id, session, &note).await?;
        Ok(())
    }

    /// Takes an application's access away, at once.
    pub async fn revoke_application(&self, person: &Person, grant: GrantId) -> Result<(), Error> {
        let note = self.note(Act::AccessRevoked, Surface::Page);
        self.end_grant(person.id, grant, &note).await
    }

    /// Deletes the account with everything in it, the data key included: what
    /// the disk may still hold of the old pages cannot be read any more. The last
    /// administrator stays as long as there is anybody else.
    pub async fn delete_account(
        &self,
        person: &Person,
        password: &str,
    ) -> Result<(), DeletionError> {
        if !self.is_password(person, password).await? {
            return Err(DeletionError::WrongPassword);
        }
        let removal = users::delete(&self.db, person.id, None)
            .await
            .map_err(Error::from)?;
        if removal == Removal::LastAdministrator {
            return Err(DeletionError::LastAdministrator);
        }
        tracing::info!(user = %person.id, "an account was deleted");
        self.clear_up_after(person.id).await;
        Ok(())
    }

    /// Clears what may be left of an account that was just deleted.
    pub async fn clear_up_after(&self, user: UserId) {
        // First what waits for nothing: whoever asked may hang up.
        self.let_go_of(user);
        self.end_trail(user).await;
    }

    /// Lets go of what this process has in its memory of a person who is gone or
    /// locked out, and ends their open streams at once. Other nodes come upon it.
    pub fn let_go_of(&self, user: UserId) {
        self.partitions.drop_user(user);
        self.shelf.forget(user);
        self.keys.forget_all();
        self.watches.ring(user);
    }

    /// Tells whether this is the person's password. Guesses are counted.
    async fn is_password(&self, person: &Person, password: &str) -> Result<bool, Error> {
        let limits = Limit::password(person.id);
        self.count_attempt(&limits).await?;
        let user = users::find(&self.db, person.id).await?;
        let hash = user.as_ref().map(|user| user.password_hash.as_str());
        let fits = self.passwords.verify(password, hash).await?;
        if fits {
            self.clear_attempts(&limits).await?;
        }
        Ok(fits)
    }
}
