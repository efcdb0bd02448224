//! Use cases of the connection with the server: begin, finish, end.

use picard_client::{CallbackError, Pending, Tokens};
use picard_crypto::Digest;
use picard_domain::{Scopes, Span};
use url::{Url, form_urlencoded};

use crate::{
    Error,
    member::Connection,
    service::Service,
    store::{AccountId, ConnectionId, SessionId, connections, flows},
};

/// How long somebody may take to log in at the server and consent.
const FLOW_LIFE: Span = Span::minutes(30);

/// How disconnecting went.
pub(crate) enum Ended {
    /// The server has revoked the tokens.
    Everywhere,
    /// The server could not be told.
    HereOnly,
}

/// Returns what to ask for: what the configuration says, what was granted
/// before, so that connecting again never loses a scope, and what is missing.
pub(crate) fn wanted(service: &Service, connection: &Connection, missing: Scopes) -> Scopes {
    let granted = connection
        .partner()
        .map(|partner| partner.scopes)
        .unwrap_or_default();
    [service.scopes, granted, missing]
        .into_iter()
        .flat_map(Scopes::iter)
        .collect()
}

/// Begins a flow for a session: returns where to send the browser.
pub(crate) async fn begin(
    service: &Service,
    session: SessionId,
    wanted: Scopes,
) -> Result<Url, Error> {
    let begun = service.oauth.authorize(wanted, &*service.entropy).await?;
    let plain = serde_json::to_vec(&begun.pending).expect("plain data");
    let sealed = service
        .flows
        .seal(&*service.entropy, session.as_ref(), &plain);
    let now = service.now();
    let state = Digest::of(begun.pending.state());
    flows::insert(&service.db, state, session, &sealed, (now, now + FLOW_LIFE)).await?;
    Ok(begun.url)
}

/// Finishes the flow that the query of a callback belongs to: exchanges the
/// code, asks who it is for, and keeps the sealed tokens in place of the
/// account's `former` connection, whose access ends.
pub(crate) async fn finish(
    service: &Service,
    (account_id, session): (AccountId, SessionId),
    former: Option<ConnectionId>,
    query: &str,
) -> Result<(), Error> {
    let pending = take_flow(service, session, query).await?;
    let tokens = match service.oauth.exchange(pending, query, service.now()).await {
        Err(picard_client::Error::Callback(error)) => return Err(error.into()),
        exchanged => exchanged?,
    };
    let kept = keep(service, account_id, former, &tokens).await;
    if kept.is_err() {
        // Nobody holds these tokens: no access must be left behind.
        revoke(service, &tokens).await;
    }
    kept
}

/// Asks whom the tokens are for, and puts them in the place of the former ones.
async fn keep(
    service: &Service,
    account_id: AccountId,
    former: Option<ConnectionId>,
    tokens: &Tokens,
) -> Result<(), Error> {
    let identity = service.oauth.introspect(tokens).await?;
    let identity = identity.ok_or(Error::ConnectionLost)?;
    let former_tokens = match former {
        Some(former) => service.connections.vault().open(former).await?,
        None => None,
    };
    let id = ConnectionId::random(&*service.entropy);
    let sealed = service.connections.vault().seal(id, tokens);
    let new = connections::New {
        id,
        account_id,
        identity: &identity,
        sealed_tokens: &sealed,
        scopes: tokens.scopes,
        access_expires_at: tokens.expires_at,
    };
    connections::replace(&service.db, new, service.now()).await?;
    former.inspect(|former| service.connections.forget(*former));
    if let Some((tokens, _)) = former_tokens {
        revoke(service, &tokens).await;
    }
    Ok(())
}

/// Ends a connection: revokes its tokens at the server, and forgets them here
/// in any case.
pub(crate) async fn end(service: &Service, connection: ConnectionId) -> Result<Ended, Error> {
    let tokens = service.connections.vault().open(connection).await?;
    let row = connections::tokens(&service.db, connection).await?;
    connections::delete(&service.db, connection).await?;
    service.connections.forget(connection);
    match tokens {
        Some((tokens, _)) => Ok(revoke(service, &tokens).await),
        // Lost: the server knows that this access has ended.
        None if row.is_none_or(|row| row.sealed_tokens.is_none()) => Ok(Ended::Everywhere),
        // Sealed with another SECRET_KEY: the server was not told.
        None => Ok(Ended::HereOnly),
    }
}

/// Asks the server to end the grant that these tokens belong to.
async fn revoke(service: &Service, tokens: &Tokens) -> Ended {
    match service.oauth.revoke(tokens).await {
        Ok(()) => Ended::Everywhere,
        Err(error) => {
            tracing::warn!(%error, "the server could not be told that a connection has ended");
            Ended::HereOnly
        }
    }
}

/// A flow can be taken once, and only by the session that began it.
async fn take_flow(service: &Service, session: SessionId, query: &str) -> Result<Pending, Error> {
    let mut states = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state");
    let (_, state) = states.next().ok_or(CallbackError::State)?;
    let sealed = flows::take(&service.db, Digest::of(&state), session, service.now()).await?;
    let plain = sealed.and_then(|sealed| service.flows.open(session.as_ref(), &sealed).ok());
    plain
        .and_then(|plain| serde_json::from_slice(&plain).ok())
        .ok_or_else(|| CallbackError::State.into())
}
