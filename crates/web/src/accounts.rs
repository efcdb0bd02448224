//! Use cases around an account of the web client: register, log in, log out,
//! change the name or the password, delete.

use picard_crypto::{Digest, Token, TokenKind, sha256};
use picard_domain::{DisplayName, Handle, Span};

use crate::{
    Error,
    passwords::Passwords,
    service::{Service, name_of},
    store::{AccountId, SessionId, accounts, attempts, sessions},
};

/// How long a log-in lasts.
pub(crate) const SESSION_LIFE: Span = Span::days(14);
/// How often a password may be wrong within [`WINDOW`].
const MOST_FAILURES: i64 = 10;
const WINDOW: Span = Span::minutes(15);

/// An account that somebody wants.
pub(crate) struct Wanted<'a> {
    pub(crate) username: &'a str,
    pub(crate) password: &'a str,
    pub(crate) is_superuser: bool,
}

/// An account whose password was proven, or chosen, just now.
pub(crate) struct Proven {
    id: AccountId,
    password_hash: String,
}

/// Adds an account.
pub(crate) async fn register(service: &Service, wanted: &Wanted<'_>) -> Result<Proven, Error> {
    let username: Handle = wanted
        .username
        .parse()
        .map_err(|error| Error::refused("username", error))?;
    Passwords::check("password", wanted.password, username.as_str())?;
    let hash = service.passwords.hash(wanted.password).await?;
    let id = AccountId::random(&*service.entropy);
    let new = accounts::New {
        id,
        username: &username,
        name: &name_of(&username),
        password_hash: &hash,
        is_superuser: wanted.is_superuser,
    };
    match accounts::insert(&service.db, new, service.now()).await {
        Err(picard_sql::Error::Conflict(_)) => Err(Error::UsernameTaken),
        done => Ok(done.map(|()| Proven {
            id,
            password_hash: hash,
        })?),
    }
}

/// Checks a username and password. `None`: they do not fit, or there is no
/// such account; both take the same time.
pub(crate) async fn authenticate(
    service: &Service,
    username: &str,
    password: &str,
) -> Result<Option<Proven>, Error> {
    let subject = subject("login", &username.trim().to_ascii_lowercase());
    let failures = limit(service, &subject).await?;
    let found = match username.parse::<Handle>() {
        Ok(username) => accounts::credentials(&service.db, &username).await?,
        Err(_) => None,
    };
    let hash = found.as_ref().map(|found| found.password_hash.clone());
    if service.passwords.fits(password, hash).await? {
        failures.forgive().await?;
        Ok(found.map(|found| Proven {
            id: found.id,
            password_hash: found.password_hash,
        }))
    } else {
        Ok(None)
    }
}

/// Opens a session for a browser. Its token goes into the cookie, its digest
/// into the database. `None`: the password was changed meanwhile.
pub(crate) async fn open_session(
    service: &Service,
    proven: &Proven,
    user_agent: &str,
) -> Result<Option<Token>, Error> {
    let token = Token::mint(TokenKind::WebSession, &*service.entropy);
    let now = service.now();
    let user_agent: String = user_agent
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect();
    let new = sessions::New {
        digest: token.digest(),
        id: SessionId::random(&*service.entropy),
        account_id: proven.id,
        password_hash: &proven.password_hash,
        user_agent: &user_agent,
        expires_at: now + SESSION_LIFE,
    };
    Ok(sessions::insert(&service.db, new, now)
        .await?
        .then_some(token))
}

/// Ends the session of a cookie, if there is one.
pub(crate) async fn close_session(service: &Service, cookie: Option<&str>) -> Result<(), Error> {
    if let Some(token) = cookie.and_then(|text| Token::parse(TokenKind::WebSession, text).ok()) {
        sessions::delete_by_digest(&service.db, token.digest()).await?;
    }
    Ok(())
}

/// Changes the name that is shown.
pub(crate) async fn rename(service: &Service, id: AccountId, name: &str) -> Result<(), Error> {
    let name: DisplayName = name
        .parse()
        .map_err(|error| Error::refused("name", error))?;
    Ok(accounts::rename(&service.db, id, &name).await?)
}

/// Changes the password, and logs all other browsers out.
pub(crate) async fn change_password(
    service: &Service,
    (id, username, session): (AccountId, &str, SessionId),
    current: &str,
    new: &str,
) -> Result<(), Error> {
    prove_password(service, id, current).await?;
    Passwords::check("new_password", new, username)?;
    let hash = service.passwords.hash(new).await?;
    Ok(accounts::set_password(&service.db, id, &hash, session).await?)
}

/// Deletes an account with everything that the web client knows of it.
pub(crate) async fn delete(service: &Service, id: AccountId) -> Result<(), Error> {
    Ok(accounts::delete(&service.db, id).await?)
}

/// Checks the password of somebody who is logged in, before what cannot be undone.
pub(crate) async fn prove_password(
    service: &Service,
    id: AccountId,
    password: &str,
) -> Result<(), Error> {
    let failures = limit(service, &subject("prove", &id.to_string())).await?;
    let hash = accounts::password_hash(&service.db, id).await?;
    if service.passwords.fits(password, hash).await? {
        failures.forgive().await
    } else {
        Err(Error::refused("password", "is not your password"))
    }
}

/// Counts an attempt at guessing, and refuses it when there were too many.
async fn limit<'a>(service: &'a Service, subject: &str) -> Result<Failures<'a>, Error> {
    let now = service.now();
    if let Some((failures, start)) = attempts::failures(&service.db, subject, WINDOW, now).await?
        && failures >= MOST_FAILURES
    {
        let left = (start + WINDOW - now).as_seconds().max(0);
        return Err(Error::TooManyAttempts {
            retry_after: left as u64 + 1,
        });
    }
    attempts::count(&service.db, subject, WINDOW, now).await?;
    Ok(Failures {
        service,
        subject: subject.to_owned(),
    })
}

/// The failures counted for a subject.
struct Failures<'a> {
    service: &'a Service,
    subject: String,
}

impl Failures<'_> {
    async fn forgive(self) -> Result<(), Error> {
        Ok(attempts::clear(&self.service.db, &self.subject).await?)
    }
}

/// The name of a counter. A digest, since people type passwords into the
/// field for the username.
fn subject(what: &str, who: &str) -> String {
    let digest = sha256(format!("{what} {who}").as_bytes());
    digest
        .iter()
        .take(16)
        .fold(format!("{what}:"), |hex, byte| format!("{hex}{byte:02x}"))
}

/// The digest that the session of a cookie is found by.
pub(crate) fn session_digest(cookie: &str) -> Option<Digest> {
    Token::parse(TokenKind::WebSession, cookie)
        .ok()
        .map(|token| token.digest())
}
