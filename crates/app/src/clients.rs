//! OAuth clients: registered by an operator, and found when they ask people.

use picard_crypto::Digest;
use picard_domain::{ClientId, DisplayName, Instant, Scopes};
use picard_metrics::RegisteredBy;
use picard_oauth::{
    ClientIdentifier,
    authorize::PageError,
    cimd::DocumentUrl,
    redirect::{InvalidRedirectUri, RedirectUri},
    registration::AuthMethod,
};
use picard_store::{
    audit::{Act, Surface},
    clients::{self, RedirectUris, Registered},
};

use crate::{App, Error, LogInError, NotAsked, Visit, client_auth::uses};

/// A registered application.
pub struct Client {
    /// Its id.
    pub id: ClientId,
    /// How it became known.
    pub origin: Origin,
    /// Its name, as it calls itself.
    pub name: String,
    /// Whether it always proves who it is, with a secret or a key.
    pub is_confidential: bool,
    /// Where it may be sent back to.
    pub redirect_uris: Vec<RedirectUri>,
    /// The most that it may ask for.
    pub scopes: Scopes,
}

/// How a client became known: who, if anybody, vouches for its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An administrator of this server registered it.
    Operator,
    /// It registered itself: nobody vouches for it.
    Dynamic,
    /// It is described by a document under a URL of this host.
    Document {
        /// The host.
        host: String,
    },
}

impl Origin {
    /// Reads it from what is stored. A document without a good URL cannot be, and
    /// would be as good as nobody's word.
    pub(crate) fn of(registered: Registered, metadata_url: Option<&str>) -> Self {
        let document = metadata_url.and_then(|url| url.parse::<DocumentUrl>().ok());
        match (registered, document) {
            (Registered::Operator, _) => Self::Operator,
            (Registered::Document, Some(url)) => Self::Document {
                host: url.host().to_owned(),
            },
            (Registered::Dynamic | Registered::Document, _) => Self::Dynamic,
        }
    }
}

/// An application that an operator makes known to the server.
pub struct ClientRegistration {
    /// Its id, chosen by the operator.
    pub id: ClientId,
    /// Its secret, 32 characters at least; `None` for one that cannot keep any.
    pub secret: Option<String>,
    /// What people see when they are asked for consent.
    pub name: String,
    /// Where it may be sent back to.
    pub redirect_uris: Vec<String>,
    /// The most that it may ask for.
    pub scopes: Scopes,
}

/// Why a client was not registered.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRegistration {
    /// A redirect URI that nobody may use.
    #[error("the redirect URI {uri:?} {reason}")]
    RedirectUri {
        /// As it was sent.
        uri: String,
        /// What is wrong with it.
        reason: InvalidRedirectUri,
    },
    /// Another field.
    #[error("{0}")]
    Field(String),
    /// The caller is no administrator of this server.
    #[error("this needs the handle and password of an administrator of this server")]
    NotAdmin,
    /// Everything that is not about the registration.
    #[error(transparent)]
    Other(#[from] Error),
}

impl App {
    /// Registers a client, or changes the one of the same id.
    pub async fn register_client(
        &self,
        new: ClientRegistration,
    ) -> Result<(), InvalidRegistration> {
        let row = row(new, self.now())?;
        clients::put(&self.db, &row).await.map_err(Error::from)?;
        self.metrics.registrations.one(RegisteredBy::Administrator);
        Ok(())
    }

    /// Registers a client in the name of an administrator who gives handle
    /// and password (the reference's `register_oauth_client`).
    pub async fn register_client_as(
        &self,
        handle: &str,
        password: &str,
        visit: Visit,
        new: ClientRegistration,
    ) -> Result<(), InvalidRegistration> {
        let signed_in = match self.log_in(handle, password, visit).await {
            Ok(signed_in) => signed_in,
            Err(LogInError::WrongCredentials) => return Err(InvalidRegistration::NotAdmin),
            Err(LogInError::Other(error)) => return Err(error.into()),
        };
        self.log_out(signed_in.session.expose()).await?;
        if !signed_in.person.is_admin {
            return Err(InvalidRegistration::NotAdmin);
        }
        let row = row(new, self.now())?;
        let note = self.note(Act::ClientRegistered, Surface::Rest);
        clients::put_by(&self.db, &row, signed_in.person.id, &note)
            .await
            .map_err(Error::from)?;
        self.metrics.registrations.one(RegisteredBy::Administrator);
        Ok(())
    }

    /// Finds the row of a client by what it calls itself. The id that a document's
    /// client has inside the server is no name for it.
    pub(crate) async fn find_client(
        &self,
        id: &ClientIdentifier,
    ) -> Result<Option<clients::Client>, Error> {
        let url = match id {
            ClientIdentifier::Registered(_) => None,
            ClientIdentifier::Document(url) => Some(url.as_str()),
        };
        let found = clients::find(&self.db, id.client_id()).await?;
        Ok(found.filter(|row| row.metadata_url.as_deref() == url))
    }

    /// Finds a client that asks people. The document of one that is known by it
    /// may have to be fetched first.
    pub(crate) async fn client(
        &self,
        id: &ClientIdentifier,
        visit: &Visit,
    ) -> Result<Client, NotAsked> {
        let known = self.find_client(id).await?;
        let row = match id {
            ClientIdentifier::Document(url) => self.document_client_for(visit, url, known).await?,
            ClientIdentifier::Registered(_) => known.ok_or(PageError::UnknownClient)?,
        };
        let parse = |uri: &String| uri.parse().map_err(Error::internal);
        let redirect_uris: Result<_, _> = row.redirect_uris.as_slice().iter().map(parse).collect();
        Ok(Client {
            id: row.id,
            origin: Origin::of(row.registered, row.metadata_url.as_deref()),
            is_confidential: !uses(&row, AuthMethod::None),
            name: row.name,
            redirect_uris: redirect_uris?,
            scopes: row.scopes,
        })
    }
}

/// Checks what an operator says of an application.
pub(crate) fn row(
    new: ClientRegistration,
    now: Instant,
) -> Result<clients::Client, InvalidRegistration> {
    let name: DisplayName = new
        .name
        .parse()
        .map_err(|error| InvalidRegistration::Field(format!("the name {error}")))?;
    let short = new.secret.as_ref().is_some_and(|secret| secret.len() < 32);
    if short {
        let why = "the secret must have 32 characters at least";
        return Err(InvalidRegistration::Field(why.to_owned()));
    }
    if new.redirect_uris.is_empty() {
        let why = "at least one redirect URI is needed";
        return Err(InvalidRegistration::Field(why.to_owned()));
    }
    for uri in &new.redirect_uris {
        uri.parse::<RedirectUri>()
            .map_err(|reason| InvalidRegistration::RedirectUri {
                uri: uri.clone(),
                reason,
            })?;
    }
    let redirect_uris = RedirectUris::new(new.redirect_uris)
        .ok_or_else(|| InvalidRegistration::Field("a redirect URI has a space".to_owned()))?;
    let method = if new.secret.is_some() {
        AuthMethod::ClientSecretBasic
    } else {
        AuthMethod::None
    };
    Ok(clients::Client {
        id: new.id,
        registered: Registered::Operator,
        secret_digest: new.secret.map(|secret| *Digest::of(&secret).as_bytes()),
        name: name.to_string(),
        redirect_uris,
        scopes: new.scopes,
        auth_method: method.as_str().to_owned(),
        application_type: "web".to_owned(),
        client_uri: None,
        jwks: None,
        jwks_uri: None,
        jwks_fetched_at: None,
        metadata_digest: None,
        metadata_url: None,
        document_fetched_at: None,
        document_fresh_until: None,
        created_at: now,
        last_used_at: None,
    })
}
