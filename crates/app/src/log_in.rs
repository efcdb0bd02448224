//! Logging in and out, and who a cookie belongs to.

use picard_crypto::{Token, TokenKind};
use picard_domain::{Handle, SessionId, Span, UserId};
use picard_metrics::LogIn;
use picard_store::{
    audit::{Act, Surface},
    sessions::{self, LiveSession, NewSession},
    users,
};

use crate::{App, Error, LogInError, Person, SignedIn, Visit, attempts::Limit, browser_name};

impl App {
    /// How long a session lasts.
    pub const SESSION: Span = Span::days(30);

    /// Lets a person in. An unknown handle costs as much as a wrong password.
    pub async fn log_in(
        &self,
        handle: &str,
        password: &str,
        visit: Visit,
    ) -> Result<SignedIn, LogInError> {
        let outcome = self.try_log_in(handle, password, visit).await;
        let ended = match &outcome {
            Ok(_) => Some(LogIn::Ok),
            Err(LogInError::WrongCredentials) => Some(LogIn::Wrong),
            Err(LogInError::Other(Error::TooManyAttempts { .. })) => Some(LogIn::Limited),
            Err(LogInError::Other(_)) => None,
        };
        if let Some(ended) = ended {
            self.metrics.log_ins.one(ended);
        }
        outcome
    }

    async fn try_log_in(
        &self,
        handle: &str,
        password: &str,
        visit: Visit,
    ) -> Result<SignedIn, LogInError> {
        let handle: Option<Handle> = handle.parse().ok();
        let counted = handle.as_ref().map_or("", Handle::as_str);
        let (account, address) = (Limit::log_in(counted, &visit), Limit::address(&visit));
        self.count_attempt(std::slice::from_ref(&address)).await?;
        self.count_attempt(&account).await?;
        let user = match &handle {
            Some(handle) => users::find_by_handle(&self.db, handle)
                .await
                .map_err(Error::from)?,
            None => None,
        };
        let user = user.filter(|user| user.disabled_at.is_none());
        let hash = user.as_ref().map(|user| user.password_hash.as_str());
        let fits = self.passwords.verify(password, hash).await?;
        let user = match user {
            Some(user) if fits => user,
            Some(user) => {
                self.note_failure(user.id, browser_name(&visit.user_agent));
                return Err(LogInError::WrongCredentials);
            }
            None => return Err(LogInError::WrongCredentials),
        };
        self.clear_attempts(&account).await?;
        self.forgive_attempt(&address).await?;
        // The password may have been changed while this one was checked.
        let opened = self
            .open_session(user.id, &user.password_hash, &visit)
            .await?;
        opened.ok_or(LogInError::WrongCredentials)
    }

    /// Finds who a session cookie belongs to, and notes that they were here.
    pub async fn person(&self, cookie: &str) -> Result<Option<Person>, Error> {
        let Some(session) = self.session(cookie).await? else {
            return Ok(None);
        };
        sessions::touch(&self.db, &session, self.now()).await?;
        Ok(Some(person(session)))
    }

    /// Ends the session of a cookie; an unknown one is as good as ended.
    pub async fn log_out(&self, cookie: &str) -> Result<(), Error> {
        if let Some(session) = self.session(cookie).await? {
            let note = self.note(Act::LoggedOut, Surface::Page);
            sessions::close(&self.db, session.user_id, session.id, &note).await?;
        }
        Ok(())
    }

    async fn session(&self, cookie: &str) -> Result<Option<LiveSession>, Error> {
        let Ok(token) = Token::parse(TokenKind::Session, cookie) else {
            return Ok(None);
        };
        Ok(sessions::find(&self.db, *token.digest().as_bytes(), self.now()).await?)
    }

    /// Opens a session for whoever has proven the password of this hash; `None`
    /// when it is not the account's any more.
    pub(crate) async fn open_session(
        &self,
        user: UserId,
        password_hash: &str,
        visit: &Visit,
    ) -> Result<Option<SignedIn>, Error> {
        let token = Token::mint(TokenKind::Session, self.entropy());
        let now = self.now();
        let user_agent: String = visit
            .user_agent
            .chars()
            .filter(|c| !c.is_control())
            .take(200)
            .collect();
        let new = NewSession {
            digest: *token.digest().as_bytes(),
            id: SessionId::ordered(now, self.entropy()),
            user_id: user,
            password_hash,
            user_agent: &user_agent,
            now,
            expires_at: now + Self::SESSION,
        };
        let note = self
            .note(Act::LoggedIn, Surface::Page)
            .in_browser(browser_name(&visit.user_agent));
        if !sessions::open(&self.db, &new, &note).await? {
            return Ok(None);
        }
        let opened = sessions::find(&self.db, new.digest, now).await?;
        Ok(opened.map(|session| SignedIn {
            session: token,
            person: person(session),
        }))
    }
}

fn person(session: LiveSession) -> Person {
    Person {
        id: session.user_id,
        handle: session.handle,
        name: session.name,
        is_admin: session.is_admin,
        session_id: session.id,
        logged_in_at: session.created_at,
    }
}
