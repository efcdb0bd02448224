//! What the operator does to accounts of the web client, from the command line.
//! Never a token, never a text.

use picard_domain::{Handle, Instant};

use crate::{
    Error, Web,
    connect::{self, Ended},
    passwords::Passwords,
    store::{AccountId, accounts},
};

/// Accounts read at once.
const AT_ONCE: i64 = 500;

/// An account as its operator sees it.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its unique name.
    pub username: String,
    /// Its name as shown.
    pub name: String,
    /// Whether it may see the admin page.
    pub is_superuser: bool,
    /// When it was made.
    pub created_at: Instant,
    /// When a browser was last here; `None` when none is logged in.
    pub last_seen_at: Option<Instant>,
    /// As whom it is, or was last, connected with the server.
    pub connected_as: Option<String>,
    /// Since when that connection is lost.
    pub lost_at: Option<Instant>,
}

/// How an account ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// The server ended what it had granted.
    Everywhere,
    /// The server could not be told.
    HereOnly,
}

impl Web {
    /// Returns all accounts, the newest first.
    pub async fn accounts(&self) -> Result<Vec<Account>, Error> {
        let (mut all, mut after) = (Vec::new(), accounts::newest());
        loop {
            let page = accounts::list(&self.service.db, after, AT_ONCE).await?;
            let Some(last) = page.last() else {
                return Ok(all);
            };
            after = (last.created_at, last.id);
            all.extend(page.into_iter().map(account));
        }
    }

    /// Returns one account; [`Error::NotFound`] when there is none of this name.
    pub async fn account(&self, username: &Handle) -> Result<Account, Error> {
        let found = accounts::find(&self.service.db, username).await?;
        found.map(account).ok_or(Error::NotFound)
    }

    /// Deletes an account, and asks the server to end what it granted to it.
    pub async fn delete_account(&self, username: &Handle) -> Result<Deleted, Error> {
        let id = self.id_of(username).await?;
        let connection = accounts::connection(&self.service.db, id).await?;
        let ended = match connection {
            Some(connection) => connect::end(&self.service, connection).await?,
            None => Ended::Everywhere,
        };
        accounts::delete(&self.service.db, id).await?;
        Ok(match ended {
            Ended::Everywhere => Deleted::Everywhere,
            Ended::HereOnly => Deleted::HereOnly,
        })
    }

    /// Lets an account see the admin page.
    pub async fn make_superuser(&self, username: &Handle) -> Result<(), Error> {
        let id = self.id_of(username).await?;
        Ok(accounts::set_superuser(&self.service.db, id, true).await?)
    }

    /// Takes that away again.
    pub async fn unmake_superuser(&self, username: &Handle) -> Result<(), Error> {
        let id = self.id_of(username).await?;
        Ok(accounts::set_superuser(&self.service.db, id, false).await?)
    }

    /// Gives an account a new password; all its browsers are logged out.
    pub async fn set_password(&self, username: &Handle, password: &str) -> Result<(), Error> {
        let id = self.id_of(username).await?;
        Passwords::check("password", password, username.as_str())?;
        let hash = self.service.passwords.hash(password).await?;
        Ok(accounts::set_password(&self.service.db, id, &hash, None).await?)
    }

    async fn id_of(&self, username: &Handle) -> Result<AccountId, Error> {
        let found = accounts::credentials(&self.service.db, username).await?;
        found.map(|found| found.id).ok_or(Error::NotFound)
    }
}

fn account(listed: accounts::Listed) -> Account {
    Account {
        username: listed.username,
        name: listed.name,
        is_superuser: listed.is_superuser,
        created_at: listed.created_at,
        last_seen_at: listed.last_seen_at,
        connected_as: listed.remote_handle,
        lost_at: listed.lost_at,
    }
}
