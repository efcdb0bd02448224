//! A resource that a program calls in a person's name, knowing nothing but its
//! address: an MCP server, of whatever make.
//!
//! A call that is turned away (401, or 403 for want of scopes) leads to the
//! resource's metadata, to its authorization server, to the person's consent,
//! and back. What was learned on the way is bound to its issuer: when the
//! resource moves to another authorization server, the program becomes known
//! there anew, and no credential or token of the old one goes along.

use std::{future::Future, sync::Arc};

use picard_domain::{Clock, Entropy};
use picard_oauth::{
    ErrorCode, Secret, challenge::BearerChallenge, metadata::AuthorizationServerMetadata,
};
use reqwest::{StatusCode, header};
use serde::Serialize;
use tokio::sync::{Mutex, MutexGuard};
use url::Url;

use super::{
    Application, Authorization, Credentials, Discovered, Grant, ScopeSet,
    authorization::Wanted,
    discovery::{address, http_to},
    endpoint::{Endpoints, is_invalid_client, is_invalid_grant},
};
use crate::{
    BoxError, Disconnected, Error, Limits,
    http::{Answer, Http, Repeat},
};

/// A call is answered after at most so many trips to the authorization server:
/// a resource that is never satisfied must not send a person round in circles.
const TRIPS: u32 = 2;

/// Takes a person to the consent page of an authorization server.
pub trait Consent: Send + Sync {
    /// Shows the address in a browser, waits for the person to come back to
    /// the application's redirect URI, and returns the query they bring.
    fn ask(&self, url: Url) -> impl Future<Output = Result<String, BoxError>> + Send;
}

impl<C: Consent> Consent for Arc<C> {
    fn ask(&self, url: Url) -> impl Future<Output = Result<String, BoxError>> + Send {
        C::ask(self, url)
    }
}

/// A protected resource, called in the name of one person.
///
/// Parallel calls share what it holds: while one of them gets a token, the
/// others wait for it.
pub struct Resource<C> {
    url: Url,
    application: Application,
    consent: C,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    http: Http,
    held: Mutex<Held>,
}

/// What was learned. Grant and credentials each name their issuer.
#[derive(Default)]
struct Held {
    discovered: Option<Discovered>,
    learned: Vec<Credentials>,
    grant: Option<Grant>,
    /// All scopes that the person was ever asked for.
    asked: ScopeSet,
}

impl<C: Consent> Resource<C> {
    /// Prepares calls of the resource at an address. Nothing is sent yet.
    pub fn new(
        url: &str,
        application: Application,
        consent: C,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, Error> {
        let url = address(url)?;
        Ok(Self {
            http: http_to(&url, Limits::default())?,
            url,
            application,
            consent,
            clock,
            entropy,
            held: Mutex::default(),
        })
    }

    /// Goes on with tokens that were kept.
    pub async fn resume(&self, grant: Grant) {
        let mut held = self.held.lock().await;
        held.asked = grant.scopes.clone();
        held.grant = Some(grant);
    }

    /// Returns the tokens in use, for a program that keeps them.
    pub async fn grant(&self) -> Option<Grant> {
        self.held.lock().await.grant.clone()
    }

    /// Returns what servers know the program by, for it to keep.
    pub async fn credentials(&self) -> Vec<Credentials> {
        let learned = self.held.lock().await.learned.clone();
        [self.application.credentials.clone(), learned].concat()
    }

    /// Posts JSON, asking the person for access if that is missing. Any answer
    /// is returned that is not about access.
    pub async fn post(
        &self,
        body: &(impl Serialize + Sync),
        headers: &[(&str, &str)],
    ) -> Result<Answer, Error> {
        let mut trips = 0;
        loop {
            let token = self.token().await?;
            let answer = self.send(token.as_ref(), body, headers).await?;
            let challenge = BearerChallenge::find(answer.headers(header::WWW_AUTHENTICATE));
            let challenge = challenge.unwrap_or_default();
            match answer.status {
                StatusCode::UNAUTHORIZED if trips < TRIPS => {
                    self.log_in(token.as_ref(), &challenge).await?;
                }
                StatusCode::UNAUTHORIZED => {
                    return Err(Error::Disconnected(Disconnected::TokenRejected));
                }
                StatusCode::FORBIDDEN if wants_more(&challenge) => {
                    self.step_up(token.as_ref(), &challenge, trips).await?;
                }
                _ => return Ok(answer),
            }
            trips += 1;
        }
    }

    async fn send(
        &self,
        token: Option<&Secret>,
        body: &(impl Serialize + Sync),
        headers: &[(&str, &str)],
    ) -> Result<Answer, Error> {
        let request = |http: &Http| {
            let request = http.post(self.url.as_str()).json(body);
            let request = headers.iter().fold(request, |request, (name, value)| {
                request.header(*name, *value)
            });
            match token {
                Some(token) => request.bearer_auth(token.expose()),
                None => request,
            }
        };
        self.http.send(Repeat::Never, request).await
    }

    /// Returns the token to send, renewed if it has ended.
    async fn token(&self) -> Result<Option<Secret>, Error> {
        let mut held = self.held.lock().await;
        match &held.grant {
            Some(grant) if !grant.is_fresh(self.clock.now()) && grant.refresh.is_some() => {
                if held.discovered.is_none() {
                    held.discovered = Some(Discovered::look_up(&self.http, &self.url, None).await?);
                }
                self.renew(&mut held).await?;
            }
            _ => {}
        }
        Ok(held.grant.as_ref().map(|grant| grant.access.clone()))
    }

    /// Gets a token in place of none or of one that was rejected: by the refresh
    /// token, or by asking the person.
    async fn log_in(
        &self,
        rejected: Option<&Secret>,
        challenge: &BearerChallenge,
    ) -> Result<(), Error> {
        let mut held = self.held.lock().await;
        if is_newer(&held, rejected) {
            return Ok(());
        }
        // Asked anew each time: the authorization server may be another one now.
        let discovered = Discovered::look_up(&self.http, &self.url, Some(challenge)).await?;
        held.discovered = Some(discovered);
        if held
            .grant
            .as_ref()
            .is_some_and(|grant| grant.refresh.is_some())
        {
            self.renew(&mut held).await?;
            if held.grant.is_some() {
                return Ok(());
            }
        }
        self.ask(held, challenge).await
    }

    /// Asks the person for more: for all that they were asked before and what
    /// the resource names now.
    async fn step_up(
        &self,
        insufficient: Option<&Secret>,
        challenge: &BearerChallenge,
        trips: u32,
    ) -> Result<(), Error> {
        let mut held = self.held.lock().await;
        if is_newer(&held, insufficient) && trips < TRIPS {
            return Ok(());
        }
        let needed = scopes_of(challenge);
        let granted = held.grant.as_ref().map(|grant| &grant.scopes);
        // Who has it already, by the server's own word, gains nothing by asking again.
        if trips >= TRIPS || granted.is_some_and(|granted| granted.covers(&needed)) {
            return Err(Error::StillRefused { needed });
        }
        let discovered = Discovered::look_up(&self.http, &self.url, Some(challenge)).await?;
        held.discovered = Some(discovered);
        self.ask(held, challenge).await
    }

    /// Renews the held grant; forgets it when its issuer no longer issues for
    /// this resource, or no longer knows it.
    async fn renew(&self, held: &mut Held) -> Result<(), Error> {
        let (Some(discovered), Some(old)) = (&held.discovered, &held.grant) else {
            return Ok(());
        };
        let issuer = &discovered.server.issuer;
        let known = self.known(held, issuer);
        let (true, Some(credentials)) = (old.issuer == *issuer, known) else {
            held.grant = None;
            return Ok(());
        };
        let endpoints = Endpoints::new(&self.http, &discovered.server, &credentials)?;
        let (url, now) = (&discovered.server.token_endpoint, self.clock.now());
        match endpoints.refresh(url, old, &discovered.resource, now).await {
            Ok(new) => held.grant = Some(new),
            Err(error) if is_invalid_grant(&error) => held.grant = None,
            Err(error) if is_invalid_client(&error) => {
                // It has deleted a client that registered itself.
                held.learned.retain(|known| *known != credentials);
                held.grant = None;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Sends the person to the consent page and takes the tokens they bring.
    async fn ask(
        &self,
        mut held: MutexGuard<'_, Held>,
        challenge: &BearerChallenge,
    ) -> Result<(), Error> {
        let discovered = held.discovered.clone();
        let discovered = discovered.expect("looked up before anybody is asked");
        let server = &discovered.server;
        let credentials = self.introduced(&mut held, server).await?;
        let wanted = match scopes_of(challenge) {
            none if none.is_empty() => discovered.scopes.clone(),
            named => named,
        };
        held.asked = std::mem::take(&mut held.asked)
            .union(&wanted)
            .with_refresh(&server.scopes_supported);
        let wanted = Wanted {
            client_id: &credentials.client_id,
            redirect_uri: &self.application.redirect_uri,
            resource: &discovered.resource,
            scopes: held.asked.clone(),
        };
        let begun = Authorization::begin(server, wanted, &*self.entropy)?;
        let query = self.consent.ask(begun.url).await.map_err(Error::Consent)?;
        let endpoints = Endpoints::new(&self.http, server, &credentials)?;
        let now = self.clock.now();
        let granted = endpoints.exchange(&server.token_endpoint, &begun.pending, &query, now);
        held.grant = Some(granted.await?);
        Ok(())
    }

    /// What the server knows the program by; makes it known if it is not.
    async fn introduced(
        &self,
        held: &mut Held,
        server: &AuthorizationServerMetadata,
    ) -> Result<Credentials, Error> {
        if let Some(known) = self.known(held, &server.issuer) {
            return Ok(known);
        }
        let new = self.application.introduce(&self.http, server).await?;
        held.learned.push(new.clone());
        Ok(new)
    }

    /// What an issuer knows the program by.
    fn known(&self, held: &Held, issuer: &str) -> Option<Credentials> {
        let mut known = self.application.credentials.iter().chain(&held.learned);
        known.find(|known| known.issuer == issuer).cloned()
    }
}

/// Tells whether another call got a token meanwhile.
fn is_newer(held: &Held, sent: Option<&Secret>) -> bool {
    let access = held.grant.as_ref().map(|grant| &grant.access);
    access.is_some() && access != sent
}

fn wants_more(challenge: &BearerChallenge) -> bool {
    challenge.error.as_deref() == Some(ErrorCode::InsufficientScope.as_str())
}

fn scopes_of(challenge: &BearerChallenge) -> ScopeSet {
    let named = challenge.scope.as_deref().unwrap_or_default();
    named.split_ascii_whitespace().collect()
}

impl<C> std::fmt::Debug for Resource<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resource")
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}
