//! The authorization endpoint: what an application asks, and what the person answers.

use picard_crypto::{Digest, Token, TokenKind};
use picard_domain::{GrantId, Scopes, Span, UserId};
use picard_metrics::TokenEvent;
use picard_oauth::{
    ErrorCode, Resources,
    authorize::{AuthorizationError, AuthorizationQuery, AuthorizationRequest, PageError, Policy},
    lifetimes,
};
use picard_store::{
    audit::{Act, Surface},
    codes::{self, Consent},
    tickets::{self, NewTicket},
    users,
};

use crate::{App, Client, Error, Person, Visit};

/// How long a consent page can be answered.
const TICKET: Span = Span::minutes(10);

/// A good request, and who sent it.
pub struct Asked {
    /// The application.
    pub client: Client,
    /// What it wants.
    pub request: AuthorizationRequest,
}

/// Why a request is not put before a person.
#[derive(Debug, thiserror::Error)]
pub enum NotAsked {
    /// The client or its redirect cannot be trusted: a page, never a redirect.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The client is told by redirect.
    #[error(transparent)]
    Redirect(#[from] AuthorizationError),
    /// Something else failed.
    #[error(transparent)]
    Other(#[from] Error),
}

/// What a consent page shows and carries.
pub struct ConsentPage {
    /// The form's proof that this page was shown to this person; good once.
    pub ticket: Token,
    /// What was asked.
    pub asked: Asked,
}

/// What a person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Let it in.
    Allow,
    /// Do not.
    Deny,
}

impl App {
    /// Checks an authorization request, given as the raw query. Who sent it counts
    /// for how many documents are fetched on the way.
    pub async fn authorization_request(
        &self,
        query: &[u8],
        resources: &Resources,
        visit: &Visit,
    ) -> Result<Asked, NotAsked> {
        let query = AuthorizationQuery::parse(query)?;
        let client = self.client(&query.client_id()?, visit).await?;
        let policy = Policy {
            resources,
            client_scopes: client.scopes,
            default_scopes: Scopes::read_write(),
        };
        let request = query
            .redirectable(&client.redirect_uris)?
            .validate(&policy)?;
        Ok(Asked { client, request })
    }

    /// Prepares a consent page: every request is shown, none is answered silently.
    pub async fn ask_consent(&self, person: &Person, asked: Asked) -> Result<ConsentPage, Error> {
        let ticket = Token::mint(TokenKind::ConsentTicket, self.entropy());
        let key = self.key_of(person.id).await?;
        let request = serde_json::to_string(&asked.request).map_err(Error::internal)?;
        let now = self.now();
        let new = NewTicket {
            digest: *ticket.digest().as_bytes(),
            user_id: person.id,
            request: &key.fernet_encrypt(&request),
            now,
            expires_at: now + TICKET,
        };
        tickets::open(&self.db, &new).await?;
        Ok(ConsentPage { ticket, asked })
    }

    /// Takes the person's answer and returns where to send them. A ticket that
    /// was answered, has ended or is another person's gives `NotFound`.
    pub async fn answer_consent(
        &self,
        person: &Person,
        ticket: &str,
        answer: Answer,
        issuer: &str,
    ) -> Result<String, Error> {
        let gone = || Error::NotFound("open request for consent");
        let ticket = Token::parse(TokenKind::ConsentTicket, ticket).map_err(|_| gone())?;
        let digest = *ticket.digest().as_bytes();
        let sealed = tickets::answer(&self.db, person.id, digest, self.now()).await?;
        let key = self.key_of(person.id).await?;
        let request = key.fernet_decrypt(&sealed.ok_or_else(gone)?)?;
        let request: AuthorizationRequest =
            serde_json::from_str(request.expose()).map_err(Error::internal)?;
        if answer == Answer::Deny {
            let note = self.note(Act::ConsentDenied, Surface::Page);
            let note = note.through(request.client_id.client_id());
            self.record(person.id, note).await?;
            let denied = request.refused(ErrorCode::AccessDenied, "the person did not consent");
            return Ok(denied.location(issuer));
        }
        let code = self.issue_code(person.id, &request).await?;
        Ok(request.granted(code.expose(), issuer))
    }

    async fn issue_code(
        &self,
        user: UserId,
        request: &AuthorizationRequest,
    ) -> Result<Token, Error> {
        let code = Token::mint(TokenKind::Code, self.entropy());
        let now = self.now();
        let consent = Consent {
            user_id: user,
            grant_id: GrantId::ordered(now, self.entropy()),
            client_id: request.client_id.client_id(),
            scopes: request.scopes,
            resource: &request.resource,
            code: *Digest::of(code.expose()).as_bytes(),
            redirect_uri: request.redirect_uri.as_str(),
            code_challenge: &request.code_challenge.to_string(),
            now,
            code_expires_at: now + lifetimes::CODE,
        };
        let note = self.note(Act::ConsentGiven, Surface::Page);
        let note = note.through(consent.client_id);
        if codes::issue(&self.db, &consent, &note).await? {
            self.metrics.tokens.one(TokenEvent::CodeIssued);
            Ok(code)
        } else {
            // The account, or the application: deleted since the page was shown.
            Err(Error::NotFound("account or application"))
        }
    }

    /// Opens a person's data key.
    pub(crate) async fn key_of(
        &self,
        user: UserId,
    ) -> Result<std::sync::Arc<picard_crypto::DataKey>, Error> {
        let row = users::find(&self.db, user)
            .await?
            .ok_or(Error::NotFound("account"))?;
        self.keys
            .open_stored(user, &row.key_id, row.wrapped_key)
            .await
    }
}
