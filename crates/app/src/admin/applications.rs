//! Applications as an administrator sees and changes them.

use picard_crypto::{Token, TokenKind};
use picard_domain::{ClientId, Instant, PageSize, Scopes};
use picard_metrics::{RegisteredBy, TokenEvent};
use picard_oauth::registration::AuthMethod;
use picard_store::{
    audit::Act,
    clients::{self, Client, Registered},
};

use super::Administration;
use crate::{ClientRegistration, Error, InvalidRegistration, Origin, clients::row};

/// A registered application, with how much it is used.
pub struct Application {
    /// Names it inside the server.
    pub id: ClientId,
    /// How it became known.
    pub origin: Origin,
    /// Its name, as it calls itself.
    pub name: String,
    /// Its own page, as it says.
    pub client_uri: Option<String>,
    /// The URL of the document that it is known by.
    pub metadata_url: Option<String>,
    /// When that was last fetched.
    pub document_fetched_at: Option<Instant>,
    /// Where it may send people back to.
    pub redirect_uris: Vec<String>,
    /// The most that it may ask for.
    pub scopes: Scopes,
    /// How it proves who it is.
    pub auth_method: String,
    /// When it was registered, the last time.
    pub created_at: Instant,
    /// When a person last allowed it something, or it got a token.
    pub last_used_at: Option<Instant>,
    /// How many grants of people it holds.
    pub grants: i64,
}

impl Application {
    /// Tells whether it always proves who it is.
    pub fn is_confidential(&self) -> bool {
        self.auth_method != AuthMethod::None.as_str()
    }
}

/// Whether an application can keep a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// On a server of its own.
    Secret,
    /// On people's machines: everybody could read it.
    Nothing,
}

/// An application that an administrator makes known, under an id of the server's choice.
pub struct NewApplication {
    /// What people see when they are asked for consent.
    pub name: String,
    /// Where it may send people back to.
    pub redirect_uris: Vec<String>,
    /// The most that it may ask for.
    pub scopes: Scopes,
    /// Whether it gets a secret.
    pub kept: Kept,
}

impl Administration {
    /// Lists applications, the last registered first, of all kinds or of one.
    /// The second is where the next page begins.
    pub async fn applications(
        &self,
        kind: Option<Registered>,
        after: Option<(Instant, ClientId)>,
        limit: PageSize<500>,
    ) -> Result<(Vec<Application>, Option<(Instant, ClientId)>), Error> {
        let mut listed = clients::list(&self.db, kind, after, limit.get() + 1).await?;
        let more = listed.len() > limit.get();
        listed.truncate(limit.get());
        let next = listed.last().filter(|_| more);
        let next = next.map(|client| (client.created_at, client.id));
        let mut applications = Vec::with_capacity(listed.len());
        for client in listed {
            applications.push(self.with_grants(client).await?);
        }
        Ok((applications, next))
    }

    /// Returns what there is to see of an application.
    pub async fn application(&self, id: ClientId) -> Result<Application, Error> {
        let client = clients::find(&self.db, id).await?;
        let client = client.ok_or(Error::NotFound("application"))?;
        self.with_grants(client).await
    }

    /// Forgets an application: all grants and tokens of it end at once. Returns
    /// how many grants there were.
    pub async fn delete_application(&self, id: ClientId) -> Result<u64, Error> {
        let note = self.own_note(Act::ClientDeleted);
        let deleted = clients::delete(&self.db, id, self.now(), note.as_ref()).await?;
        let revoked = deleted.ok_or(Error::NotFound("application"))?;
        self.metrics.tokens.add(TokenEvent::Revoked, revoked);
        Ok(revoked)
    }

    /// Registers an application under a new id; its secret, when it has one, is
    /// known to nobody but whoever gets this answer.
    pub async fn register(
        &self,
        new: NewApplication,
    ) -> Result<(ClientId, Option<Token>), InvalidRegistration> {
        let id = ClientId::random(&*self.entropy);
        let secret = match new.kept {
            Kept::Secret => Some(Token::mint(TokenKind::ClientSecret, &*self.entropy)),
            Kept::Nothing => None,
        };
        let registration = ClientRegistration {
            id,
            secret: secret.as_ref().map(|secret| secret.expose().to_owned()),
            name: new.name,
            redirect_uris: new.redirect_uris,
            scopes: new.scopes,
        };
        let row = row(registration, self.now())?;
        let put = match self.own_note(Act::ClientRegistered) {
            Some((administrator, note)) => {
                clients::put_by(&self.db, &row, administrator, &note).await
            }
            None => clients::put(&self.db, &row).await,
        };
        put.map_err(Error::from)?;
        self.metrics.registrations.one(RegisteredBy::Administrator);
        Ok((id, secret))
    }

    async fn with_grants(&self, client: Client) -> Result<Application, Error> {
        Ok(Application {
            id: client.id,
            origin: Origin::of(client.registered, client.metadata_url.as_deref()),
            grants: clients::grants(&self.db, client.id, self.now()).await?,
            name: client.name,
            client_uri: client.client_uri,
            metadata_url: client.metadata_url,
            document_fetched_at: client.document_fetched_at,
            redirect_uris: client.redirect_uris.as_slice().to_vec(),
            scopes: client.scopes,
            auth_method: client.auth_method,
            created_at: client.created_at,
            last_used_at: client.last_used_at,
        })
    }
}
