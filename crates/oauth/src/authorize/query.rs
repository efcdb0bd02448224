//! The first stage: who asks, and where the answer would go.

use super::{AuthorizationError, AuthorizationRequest, MAX_STATE_BYTES, Policy, request};
use crate::{
    ClientIdentifier,
    cimd::{DocumentUrl, InvalidDocumentUrl},
    form::{Form, FormError, Repeated, invalid_request},
    redirect::RedirectUri,
};

/// The parameters of an authorization request, from a query or a form.
pub struct AuthorizationQuery {
    form: Form,
}

/// Why a request gets a page instead of a redirect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The request is too long, or not text.
    #[error("The request of the application cannot be read: {0}.")]
    Unreadable(String),
    /// There is no client id.
    #[error("The application did not say who it is: client_id is missing.")]
    NoClient,
    /// No such client is registered.
    #[error("The application that sent you here is not registered with this server.")]
    UnknownClient,
    /// The client's id is a URL at which no document is looked for.
    #[error("The application says that it is described at a URL, but that URL {0}.")]
    NoDocumentUrl(InvalidDocumentUrl),
    /// The document about the client is not one.
    #[error(
        "The application is described by a document at {host}, which cannot be used: it {why}."
    )]
    BadDocument {
        /// Whose document it is.
        host: String,
        /// What is wrong, to be read after "it".
        why: String,
    },
    /// The document about the client cannot be had now.
    #[error(
        "The application is described by a document at {host}, which cannot be fetched right \
         now: {why}. That is for {host} to mend; try again later."
    )]
    DocumentUnavailable {
        /// Whose fault it is.
        host: String,
        /// What happened.
        why: String,
    },
    /// This server fetches too many documents to fetch one more.
    #[error(
        "The application is described by a document that this server has to fetch, and it has \
         too many to fetch right now. Try again in a minute."
    )]
    Busy,
    /// No redirect URI, and not exactly one registered that could stand for it.
    #[error("The application did not say where to return to: redirect_uri is missing.")]
    NoRedirectUri,
    /// A redirect URI that the client did not register.
    #[error("The application asked to return to an address that is not registered for it.")]
    RedirectUriNotRegistered,
}

impl PageError {
    /// Returns the HTTP status of the page.
    pub const fn status(&self) -> u16 {
        match self {
            Self::DocumentUnavailable { .. } => 502,
            Self::Busy => 503,
            _ => 400,
        }
    }
}

impl From<FormError> for PageError {
    fn from(error: FormError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<Repeated> for PageError {
    fn from(error: Repeated) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl AuthorizationQuery {
    /// Reads the raw bytes of the query, or of the body of a form.
    pub fn parse(raw: &[u8]) -> Result<Self, PageError> {
        Ok(Self {
            form: Form::parse(raw)?,
        })
    }

    /// Returns who asks. An id that is neither a UUID nor the URL of a document is
    /// of no client of this server.
    pub fn client_id(&self) -> Result<ClientIdentifier, PageError> {
        let id = self.form.one("client_id")?.ok_or(PageError::NoClient)?;
        id.parse().map_err(|_| match id.parse::<DocumentUrl>() {
            Err(why) if DocumentUrl::is_meant(id) => PageError::NoDocumentUrl(why),
            _ => PageError::UnknownClient,
        })
    }

    /// Ends the first stage: matches the redirect URI with those that the client
    /// registered. It may be missing when exactly one is (RFC 6749 section 3.1.2.3).
    pub fn redirectable(self, registered: &[RedirectUri]) -> Result<Redirectable, PageError> {
        let client_id = self.client_id()?;
        let redirect_uri = match (self.form.one("redirect_uri")?, registered) {
            (Some(text), _) => text
                .parse()
                .ok()
                .filter(|uri| registered.iter().any(|known| known.admits(uri)))
                .ok_or(PageError::RedirectUriNotRegistered)?,
            (None, [only]) => only.clone(),
            (None, _) => return Err(PageError::NoRedirectUri),
        };
        Ok(Redirectable {
            form: self.form,
            client_id,
            redirect_uri,
        })
    }
}

/// A request of a known client with a good redirect URI: from here on, errors
/// are the client's to read.
pub struct Redirectable {
    pub(super) form: Form,
    client_id: ClientIdentifier,
    redirect_uri: RedirectUri,
}

impl Redirectable {
    /// Returns where the answer goes.
    pub fn redirect_uri(&self) -> &RedirectUri {
        &self.redirect_uri
    }

    /// Ends the second stage: checks everything else.
    pub fn validate(self, policy: &Policy<'_>) -> Result<AuthorizationRequest, AuthorizationError> {
        let state = match self.form.one("state") {
            Ok(Some(state)) if state.len() > MAX_STATE_BYTES => {
                let why = format!("state is longer than {MAX_STATE_BYTES} bytes");
                return Err(self.refused(None, invalid_request(why)));
            }
            Ok(state) => state.map(str::to_owned),
            // Which of the two to echo would be a guess.
            Err(repeated) => return Err(self.refused(None, repeated.into())),
        };
        match request::validate(&self.form, policy) {
            Ok(terms) => Ok(AuthorizationRequest {
                client_id: self.client_id,
                redirect_uri: self.redirect_uri,
                state,
                scopes: terms.scopes,
                resource: terms.resource,
                code_challenge: terms.code_challenge,
                prompt: terms.prompt,
            }),
            Err(error) => Err(self.refused(state, error)),
        }
    }

    fn refused(self, state: Option<String>, error: crate::OAuthError) -> AuthorizationError {
        AuthorizationError {
            redirect_uri: self.redirect_uri,
            state,
            error,
        }
    }
}
