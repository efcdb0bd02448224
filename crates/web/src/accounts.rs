//! Use cases around an account of the web client: register, log in, log out,
//! change the name or the password, delete.

use picard_crypto::{Digest, Token, TokenKind};
use picard_domain::{DisplayName, Handle, Span};
use picard_metrics::LogIn;

use crate::{
    Error,
    guesses::{Limit, Whence},
    passwords::Passwords,
    service::{Service, name_of},
    store::{AccountId, SessionId, accounts, sessions},
};

/// How long a log-in lasts.
pub(crate) const SESSION_LIFE: Span = Span::days(14);

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

/// Adds an account for a visitor, as often as one address may.
pub(crate) async fn sign_up(
    service: &Service,
    whence: &Whence,
    wanted: &Wanted<'_>,
) -> Result<Proven, Error> {
    service
        .count_attempt(&[Limit::registration(whence)])
        .await?;
    register(service, wanted).await
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
    whence: &Whence,
    username: &str,
    password: &str,
) -> Result<Option<Proven>, Error> {
    let outcome = try_authenticate(service, whence, username, password).await;
    let ended = match &outcome {
        Ok(Some(_)) => Some(LogIn::Ok),
        Ok(None) => Some(LogIn::Wrong),
        Err(Error::TooManyAttempts { .. }) => Some(LogIn::Limited),
        Err(_) => None,
    };
    if let Some(ended) = ended {
        service.metrics.log_ins.one(ended);
    }
    outcome
}

async fn try_authenticate(
    service: &Service,
    whence: &Whence,
    username: &str,
    password: &str,
) -> Result<Option<Proven>, Error> {
    let account = Limit::log_in(&username.trim().to_ascii_lowercase(), whence);
    let address = Limit::address(whence);
    service
        .count_attempt(std::slice::from_ref(&address))
        .await?;
    service.count_attempt(&account).await?;
    let found = match username.parse::<Handle>() {
        Ok(username) => accounts::credentials(&service.db, &username).await?,
        Err(_) => None,
    };
    let hash = found.as_ref().map(|found| found.password_hash.clone());
    if service.passwords.fits(password, hash).await? {
        service.clear_attempts(&account).await?;
        service.forgive_attempt(&address).await?;
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
    Ok(accounts::set_password(&service.db, id, &hash, Some(session)).await?)
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
    let limit = [Limit::password(id)];
    service.count_attempt(&limit).await?;
    let hash = accounts::password_hash(&service.db, id).await?;
    if service.passwords.fits(password, hash).await? {
        service.clear_attempts(&limit).await
    } else {
        Err(Error::refused("password", "is not your password"))
    }
}

/// The digest that the session of a cookie is found by.
pub(crate) fn session_digest(cookie: &str) -> Option<Digest> {
    Token::parse(TokenKind::WebSession, cookie)
        .ok()
        .map(|token| token.digest())
}
