//! What the people's use cases take and give: accounts, sessions, visits.

use std::net::IpAddr;

use picard_crypto::Token;
use picard_domain::{
    ClientId, DisplayName, GrantId, Handle, Instant, InvalidHandle, InvalidName, Scopes, SessionId,
    UserId,
};
use picard_store::{grants::Connection, sessions::SessionEntry};

use crate::{Error, Origin};

/// Where a form was sent from: what guessing is counted by, and what the list
/// of sessions shows.
#[derive(Debug, Clone, Default)]
pub struct Visit {
    /// The peer's address, when there is one.
    pub ip: Option<IpAddr>,
    /// The browser's name for itself, cut to a sane length when stored.
    pub user_agent: String,
}

/// A sign-up form.
pub struct NewAccount<'a> {
    /// The unique name wanted.
    pub handle: &'a str,
    /// The name to show.
    pub name: &'a str,
    /// The password, 8 to 1,024 bytes.
    pub password: &'a str,
}

/// A person with a live session.
#[derive(Debug, Clone)]
pub struct Person {
    /// Who it is.
    pub id: UserId,
    /// Their unique name.
    pub handle: Handle,
    /// Their name as shown.
    pub name: DisplayName,
    /// Whether they administer this server.
    pub is_admin: bool,
    /// The session that they were recognised by.
    pub session_id: SessionId,
    /// When they gave their password for it.
    pub logged_in_at: Instant,
}

/// A session that was just opened.
pub struct SignedIn {
    /// The cookie's value: shown once, stored as its digest.
    pub session: Token,
    /// Whose it is.
    pub person: Person,
}

/// Why an account was not made.
#[derive(Debug, thiserror::Error)]
pub enum SignUpError {
    /// The handle has the wrong form.
    #[error("the handle {0}")]
    Handle(#[from] InvalidHandle),
    /// Somebody has it already.
    #[error("this handle is taken")]
    HandleTaken,
    /// The name has the wrong form.
    #[error("the name {0}")]
    Name(#[from] InvalidName),
    /// The password is too easy or too long.
    #[error("the password {0}")]
    WeakPassword(&'static str),
    /// Everything that is not about the form.
    #[error(transparent)]
    Other(#[from] Error),
}

/// Why a person was not let in.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// Unknown handle or wrong password: which of them is not told.
    #[error("handle or password is wrong")]
    WrongCredentials,
    /// Everything that is not about the form, `TooManyAttempts` among it.
    #[error(transparent)]
    Other(#[from] Error),
}

/// Why something that asks for the password again was not done.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The current password is wrong.
    #[error("the password is wrong")]
    WrongPassword,
    /// The new password is too easy or too long.
    #[error("the new password {0}")]
    WeakPassword(&'static str),
    /// Everything that is not about the form, `TooManyAttempts` among it.
    #[error(transparent)]
    Other(#[from] Error),
}

/// Why an account was not deleted by its owner.
#[derive(Debug, thiserror::Error)]
pub enum DeletionError {
    /// The password is wrong.
    #[error("the password is wrong")]
    WrongPassword,
    /// Nobody else could administer the server.
    #[error("this is the last administrator of the server")]
    LastAdministrator,
    /// Everything that is not about who asks, `TooManyAttempts` among it.
    #[error(transparent)]
    Other(#[from] Error),
}

/// What the account page shows.
#[derive(Debug, Clone)]
pub struct Account {
    /// When it was made.
    pub created_at: Instant,
    /// How many memories it holds, expired ones included.
    pub memories: i64,
    /// Where the person is logged in, the latest first.
    pub sessions: Vec<SessionView>,
    /// Which applications have access, the latest first.
    pub applications: Vec<ApplicationView>,
}

/// A live session of a person.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// Names it.
    pub id: SessionId,
    /// The browser's name for itself.
    pub user_agent: String,
    /// When the person logged in.
    pub created_at: Instant,
    /// When it was last used, to the minute or so.
    pub last_seen_at: Instant,
    /// Whether this is the session that asks.
    pub current: bool,
}

/// An application that a person granted access to.
#[derive(Debug, Clone)]
pub struct ApplicationView {
    /// Names the grant.
    pub grant_id: GrantId,
    /// Names the application.
    pub client_id: ClientId,
    /// How it became known.
    pub origin: Origin,
    /// The application's name.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// When access was granted.
    pub created_at: Instant,
    /// When it last used its access.
    pub last_used_at: Option<Instant>,
}

impl SessionView {
    /// As it is shown to somebody in the session `own`, if they are in any.
    pub(crate) fn of(entry: SessionEntry, own: Option<SessionId>) -> Self {
        Self {
            current: own == Some(entry.id),
            id: entry.id,
            user_agent: entry.user_agent,
            created_at: entry.created_at,
            last_seen_at: entry.last_seen_at,
        }
    }
}

impl ApplicationView {
    pub(crate) fn of(grant: Connection) -> Self {
        Self {
            grant_id: grant.id,
            client_id: grant.client_id,
            origin: Origin::of(grant.registered, grant.metadata_url.as_deref()),
            name: grant.client_name,
            scopes: grant.scopes,
            created_at: grant.created_at,
            last_used_at: grant.last_used_at,
        }
    }
}
