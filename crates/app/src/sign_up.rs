//! New accounts: by the form, by the command line, by an operator's settings.

use picard_crypto::check_strength;
use picard_domain::{DisplayName, Handle, UserId};
use picard_store::{
    audit::{Act, Surface},
    users::{self, Creation, NewUser, WrappedKey},
};

use crate::{App, Error, NewAccount, SignUpError, SignedIn, Visit, attempts::Limit, keys::NewKey};

impl App {
    /// Makes an account and logs the person in.
    pub async fn sign_up(
        &self,
        new: NewAccount<'_>,
        visit: Visit,
    ) -> Result<SignedIn, SignUpError> {
        let checked = Checked::new(&new)?;
        self.count_attempt(&Limit::sign_up(&visit)).await?;
        let (id, hash) = self
            .make_user(&checked, new.password, false, Surface::Page)
            .await?;
        let opened = self.open_session(id, &hash, &visit).await?;
        Ok(opened.ok_or(Error::NotFound("account"))?)
    }

    /// Makes an account without logging in (the command line).
    pub async fn add_user(
        &self,
        new: NewAccount<'_>,
        is_admin: bool,
    ) -> Result<UserId, SignUpError> {
        let checked = Checked::new(&new)?;
        Ok(self
            .make_user(&checked, new.password, is_admin, Surface::Command)
            .await?
            .0)
    }

    /// Makes an administrator unless the handle is taken already.
    pub async fn ensure_admin(&self, new: NewAccount<'_>) -> Result<(), SignUpError> {
        let handle: Handle = new.handle.parse()?;
        if users::find_by_handle(&self.db, &handle)
            .await
            .map_err(Error::from)?
            .is_some()
        {
            return Ok(());
        }
        let name = new.name.parse()?;
        match self
            .make_user(
                &Checked { handle, name },
                new.password,
                true,
                Surface::Command,
            )
            .await
        {
            // Another node was first.
            Ok(_) | Err(SignUpError::HandleTaken) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn make_user(
        &self,
        checked: &Checked,
        password: &str,
        is_admin: bool,
        surface: Surface,
    ) -> Result<(UserId, String), SignUpError> {
        let id = UserId::random(self.entropy());
        let password_hash = self.passwords.hash(password).await?;
        let key = self.keys.make(id, self.entropy()).await;
        let new = NewUser {
            id,
            handle: &checked.handle,
            name: &checked.name,
            password_hash: &password_hash,
            key_id: &key.wrapped.key_id.to_string(),
            wrapped_key: &key.wrapped.bytes,
            is_admin,
            now: self.now(),
        };
        match self.store_user(&new, &key, surface).await? {
            Creation::Created => Ok((id, password_hash)),
            Creation::HandleTaken => Err(SignUpError::HandleTaken),
        }
    }

    /// Stores a new account. When the master key of its data key was retired in
    /// this moment, the data key is wrapped by the one that took its place.
    pub(crate) async fn store_user(
        &self,
        new: &NewUser<'_>,
        key: &NewKey,
        surface: Surface,
    ) -> Result<Creation, Error> {
        let creation = users::create(&self.db, new, &self.note(Act::SignedUp, surface)).await?;
        if creation == Creation::Created
            && let Some(anew) = self.keys.anew(new.id, key, self.entropy()).await
        {
            let old = WrappedKey {
                id: new.id,
                key_id: new.key_id.to_owned(),
                wrapped_key: new.wrapped_key.to_owned(),
            };
            // False: `picard key` has done it.
            users::rewrap(&self.db, &old, &anew.key_id.to_string(), &anew.bytes).await?;
        }
        Ok(creation)
    }
}

struct Checked {
    handle: Handle,
    name: DisplayName,
}

impl Checked {
    fn new(new: &NewAccount<'_>) -> Result<Self, SignUpError> {
        let handle: Handle = new.handle.parse()?;
        let name = new.name.parse()?;
        check_strength(new.password, handle.as_str()).map_err(SignUpError::WeakPassword)?;
        Ok(Self { handle, name })
    }
}
