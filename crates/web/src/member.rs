//! Who looks at a page, what they are connected to, and what that allows.
//!
//! [`identify`] runs before every page: one query finds the session, the
//! account and the connection. The extractors below take from what it found;
//! a handler that takes [`Granted<Write>`](Granted) cannot run without the scope.

use std::{convert::Infallible, marker::PhantomData, sync::Arc};

use axum::{
    extract::{FromRef, FromRequestParts, OptionalFromRequestParts, Request, State},
    http::{Method, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use picard_domain::{Handle, Instant, Scope, Scopes, Span, UserId};
use picard_ui::{Browser, LocalPath, Shell, see_other};

use crate::{
    Error, accounts,
    connections::Picard,
    pages::failure,
    service::Service,
    store::{AccountId, ConnectionId, SessionId, sessions},
};

/// A session's last use is noted at most this often.
const NOTED_EVERY: Span = Span::minutes(5);

/// Somebody who is logged in.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) browser: Browser,
    pub(crate) account_id: AccountId,
    pub(crate) session_id: SessionId,
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) is_superuser: bool,
    pub(crate) connection: Connection,
}

/// How an account stands with the server.
#[derive(Clone)]
pub(crate) enum Connection {
    /// Never connected, or disconnected on purpose.
    None,
    /// Connected, as far as we know.
    Live(Partner),
    /// The server stopped accepting the tokens.
    Lost(Partner, Instant),
}

/// Whom on the server an account is connected as.
#[derive(Clone)]
pub(crate) struct Partner {
    pub(crate) connection_id: ConnectionId,
    pub(crate) user_id: UserId,
    pub(crate) handle: Handle,
    pub(crate) name: String,
    pub(crate) scopes: Scopes,
    pub(crate) access_expires_at: Instant,
    pub(crate) since: Instant,
}

impl Connection {
    /// What may be done now.
    pub(crate) fn scopes(&self) -> Scopes {
        match self {
            Self::Live(partner) => partner.scopes,
            Self::None | Self::Lost(..) => Scopes::NONE,
        }
    }

    /// The partner, also of a lost connection.
    pub(crate) fn partner(&self) -> Option<&Partner> {
        match self {
            Self::Live(partner) | Self::Lost(partner, _) => Some(partner),
            Self::None => None,
        }
    }
}

impl Member {
    /// The frame of a page: navigation shows what the scopes allow.
    pub(crate) fn shell(&self) -> Shell {
        let mut shell = self.browser.shell_for(&self.name);
        let reads = self.connection.scopes().allows(Scope::Read);
        shell.nav.retain(|item| match item.link.href.as_str() {
            "/memories" | "/search" | "/personas" => reads,
            "/admin" => self.is_superuser,
            _ => true,
        });
        shell
    }

    fn of(browser: Browser, found: sessions::Found) -> Self {
        let connection = partner(&found).map_or(Connection::None, |partner| match found.lost_at {
            Some(at) => Connection::Lost(partner, at),
            None => Connection::Live(partner),
        });
        Self {
            browser,
            account_id: found.account_id,
            session_id: found.session_id,
            username: found.username,
            name: found.name,
            is_superuser: found.is_superuser,
            connection,
        }
    }
}

fn partner(found: &sessions::Found) -> Option<Partner> {
    Some(Partner {
        connection_id: found.connection_id?,
        user_id: found.remote_id?,
        handle: found.remote_handle()?,
        name: found.remote_name.clone()?,
        scopes: found.scopes?,
        access_expires_at: found.access_expires_at?,
        since: found.connected_at?,
    })
}

/// Finds out who asks, and turns a failed answer into a page for them.
pub(crate) async fn identify(
    State(service): State<Arc<Service>>,
    browser: Browser,
    mut request: Request,
    next: Next,
) -> Response {
    let member = match find(&service, &browser).await {
        Ok(member) => member,
        Err(error) => return failure::page(&service, &browser, None, &error),
    };
    if let Some(member) = &member {
        request.extensions_mut().insert(member.clone());
    }
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Arc<Error>>() {
        Some(error) => failure::page(&service, &browser, member.as_ref(), &error),
        None => response,
    }
}

async fn find(service: &Service, browser: &Browser) -> Result<Option<Member>, Error> {
    let Some(digest) = browser.session().and_then(accounts::session_digest) else {
        return Ok(None);
    };
    let now = service.now();
    let Some(found) = sessions::find(&service.db, digest, now).await? else {
        return Ok(None);
    };
    if found.last_seen_at + NOTED_EVERY <= now {
        sessions::touch(&service.db, digest, now).await?;
    }
    Ok(Some(Member::of(browser.clone(), found)))
}

/// Leaves the error for `identify`, which knows for whom to make the page.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Member {
    /// To the log-in page, and from there back here.
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        if let Some(member) = parts.extensions.get::<Self>() {
            return Ok(member.clone());
        }
        let here = parts.uri.path_and_query().map_or("/", |here| here.as_str());
        let back = LocalPath::parse(here).filter(|_| parts.method == Method::GET);
        Err(see_other(&back.map_or_else(
            || "/login".to_owned(),
            |here| here.after("/login"),
        )))
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Member {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

/// A superuser.
pub(crate) struct Superuser(pub(crate) Member);

impl<S: Send + Sync> FromRequestParts<S> for Superuser {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let member = <Member as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        // For everybody else there is no admin area.
        if member.is_superuser {
            Ok(Self(member))
        } else {
            Err(Error::NotFound.into_response())
        }
    }
}

/// A scope as a type, for [`Granted`].
pub(crate) trait Needs: Send {
    const SCOPE: Scope;
}

/// Reading and searching memories.
pub(crate) struct Read;

/// Storing, changing and deleting memories.
pub(crate) struct Write;

impl Needs for Read {
    const SCOPE: Scope = Scope::Read;
}

impl Needs for Write {
    const SCOPE: Scope = Scope::Write;
}

/// A member with a live connection whose scopes cover what the page does, and
/// the client that acts for them.
pub(crate) struct Granted<N> {
    pub(crate) member: Member,
    pub(crate) picard: Picard,
    needs: PhantomData<N>,
}

impl<N> Granted<N> {
    /// Whether buttons that change something are shown.
    pub(crate) fn may_write(&self) -> bool {
        self.member.connection.scopes().allows(Scope::Write)
    }
}

impl<N, S> FromRequestParts<S> for Granted<N>
where
    N: Needs,
    S: Send + Sync,
    Arc<Service>: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let member = <Member as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        let service = Arc::<Service>::from_ref(state);
        let connection = match &member.connection {
            Connection::None => return Err(Error::NotConnected.into_response()),
            Connection::Lost(..) => return Err(Error::ConnectionLost.into_response()),
            Connection::Live(partner) if partner.scopes.allows(N::SCOPE) => partner.connection_id,
            Connection::Live(_) => return Err(Error::NotGranted(N::SCOPE).into_response()),
        };
        let picard = service.connections.client(connection);
        Ok(Self {
            member,
            picard,
            needs: PhantomData,
        })
    }
}
