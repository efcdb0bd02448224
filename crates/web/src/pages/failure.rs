//! What went wrong, as a person reads it: each cause has its own words and its
//! own way on.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use picard_client::{CallbackError, Disconnected, Error as ServerError, ErrorCode};
use picard_domain::{Scope, Scopes};
use picard_ui::{Browser, ErrorPage};

use crate::{Error, connect, member::Member, service::Service};

/// An error in words.
pub(crate) struct Explained {
    pub(crate) status: StatusCode,
    title: &'static str,
    sentence: String,
    links: &'static [(&'static str, &'static str)],
    /// What the person could allow, and has not.
    missing: Scopes,
    reference: Option<String>,
    retry_after: Option<u64>,
}

/// When a page may be asked for again that could not be given, in seconds.
const SOON: u64 = 5;

const START: (&str, &str) = ("Go to the start page", "/");
const DASHBOARD: (&str, &str) = ("Go to the dashboard", "/dashboard");
const CONNECT: (&str, &str) = ("Connect again", "/dashboard");
const MEMORIES: (&str, &str) = ("See your memories", "/memories");

/// Makes the page for an error, and logs what an operator should know.
pub(crate) fn page(
    service: &Service,
    browser: &Browser,
    member: Option<&Member>,
    error: &Error,
) -> Response {
    let explained = explain(service, error);
    if explained.status.is_server_error() {
        tracing::warn!(
            status = explained.status.as_u16(),
            error = error.chain(),
            "a page failed"
        );
    }
    let shell = member.map_or_else(|| browser.shell(), Member::shell);
    let page = ErrorPage::new(
        shell,
        explained.status,
        explained.title,
        &explained.sentence,
    );
    let page = explained
        .links
        .iter()
        .fold(page, |page, (label, href)| page.link(label, href));
    let page = match (member, explained.missing.is_empty()) {
        (Some(member), false) => {
            let all = connect::wanted(service, &member.connection, explained.missing);
            let label = format!("Connect again with the scopes {all}");
            page.act(&label, "/oauth/connect", ("scope", all.to_string()))
        }
        _ => page,
    };
    let page = match explained.reference {
        Some(id) => page.reference(id),
        None => page,
    };
    match explained.retry_after {
        Some(seconds) => page.retry_after(seconds).into_response(),
        None => page.into_response(),
    }
}

/// Finds the words for an error.
pub(crate) fn explain(service: &Service, error: &Error) -> Explained {
    let mut explained = match error {
        Error::Server(error) => server(error),
        Error::Callback(error) => callback(error),
        error => own(error),
    };
    if service.debug && explained.status.is_server_error() {
        explained.sentence = format!("{} (DEBUG: {})", explained.sentence, error.chain());
    }
    explained
}

impl Explained {
    fn new(status: StatusCode, title: &'static str, sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        Self {
            status,
            title,
            sentence,
            links: &[DASHBOARD],
            missing: Scopes::NONE,
            reference: None,
            retry_after: None,
        }
    }

    fn links(self, links: &'static [(&'static str, &'static str)]) -> Self {
        Self { links, ..self }
    }

    /// For a notice above a form that is shown again.
    pub(crate) fn in_short(&self) -> String {
        format!(
            "{}. {} What you wrote is still here.",
            self.title, self.sentence
        )
    }
}

fn own(error: &Error) -> Explained {
    match error {
        Error::NotFound => Explained::new(
            StatusCode::NOT_FOUND,
            "Page not found",
            "There is nothing at this address.",
        )
        .links(&[START]),
        Error::NotConnected => Explained::new(
            StatusCode::CONFLICT,
            "Not connected yet",
            "Your memories live on the Picard server. Connect this account with it first, then \
             this page has something to show.",
        ),
        Error::ConnectionLost => connection_lost(),
        Error::NotGranted(scope) => not_granted(Scopes::NONE.with(*scope)),
        Error::TooManyAttempts { retry_after } => Explained {
            retry_after: Some(*retry_after),
            ..Explained::new(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many attempts",
                "That was tried too often. Nothing was changed; try again in some minutes.",
            )
        },
        Error::Database(
            picard_sql::Error::Unavailable(_)
            | picard_sql::Error::Refused(_)
            | picard_sql::Error::Busy(_),
        )
        | Error::Closing => Explained {
            retry_after: Some(SOON),
            ..Explained::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Out of order for a moment",
                "The web client cannot use its own database. Your memories are not affected; try \
                 again in a moment.",
            )
            .links(&[START])
        },
        _ => Explained::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something broke",
            "The web client failed at this. The cause is in its log.",
        )
        .links(&[START]),
    }
}

fn server(error: &ServerError) -> Explained {
    match error {
        ServerError::Unreachable(_) => Explained::new(
            StatusCode::BAD_GATEWAY,
            "The Picard server cannot be reached",
            "It does not answer at the moment. Nothing was changed, and your memories are safe \
             there. Try again in a while.",
        ),
        ServerError::NoAnswer(_) => Explained::new(
            StatusCode::GATEWAY_TIMEOUT,
            "The Picard server did not answer",
            "It may or may not have done what you asked. Look at your memories before you try \
             again.",
        )
        .links(&[MEMORIES, DASHBOARD]),
        ServerError::Unavailable => Explained {
            retry_after: Some(SOON),
            ..Explained::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The Picard server is busy",
                "It cannot do this at the moment. Nothing was changed; try again in a while.",
            )
        },
        ServerError::Failed { request_id, .. } => Explained {
            reference: request_id.clone(),
            ..Explained::new(
                StatusCode::BAD_GATEWAY,
                "The Picard server failed",
                "Something broke there, and its operator can find out what. Nothing was changed \
                 by half.",
            )
        },
        ServerError::RateLimited { retry_after } => Explained {
            retry_after: Some(retry_after.as_secs().max(1)),
            ..Explained::new(
                StatusCode::TOO_MANY_REQUESTS,
                "A little slower, please",
                "The Picard server limits how much may be asked at once. Nothing was changed.",
            )
        },
        ServerError::Disconnected(Disconnected::NeverConnected) => connection_unusable(),
        ServerError::Disconnected(Disconnected::OtherIssuer) => connected_elsewhere(),
        ServerError::Disconnected(_) => connection_lost(),
        ServerError::InsufficientScope { needed } => not_granted(*needed),
        ServerError::Forbidden { detail } => Explained::new(
            StatusCode::BAD_GATEWAY,
            "The Picard server does not let this web client in",
            format!(
                "It says: “{detail}”. Connecting again does not change that; tell the operator. \
                 Nothing was changed."
            ),
        ),
        ServerError::NotFound => Explained::new(
            StatusCode::NOT_FOUND,
            "No such memory",
            "It was deleted, or it never was one of yours.",
        )
        .links(&[MEMORIES]),
        ServerError::TooLarge => Explained::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Too long",
            "A memory holds up to 64 KiB. Nothing was stored; shorten the text.",
        ),
        ServerError::Conflict => Explained::new(
            StatusCode::CONFLICT,
            "Changed elsewhere",
            "The memory was changed meanwhile. Look at it again before you change it.",
        )
        .links(&[MEMORIES]),
        ServerError::Invalid { detail, .. } => Explained::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "The server refused this",
            format!("It says: {detail}"),
        ),
        ServerError::OAuth(error) if error.code == ErrorCode::InvalidClient => Explained::new(
            StatusCode::BAD_GATEWAY,
            "The server does not know this web client",
            "Its operator has to register it: `picard client register`, with the same \
             OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET and OAUTH_REDIRECT_URI.",
        ),
        ServerError::OAuth(error) if error.code == ErrorCode::InvalidGrant => Explained::new(
            StatusCode::BAD_REQUEST,
            "That took too long",
            "The code from the server was used already or has expired. Nothing is lost; start \
             once more.",
        )
        .links(&[CONNECT]),
        ServerError::OAuth(error) => Explained::new(
            StatusCode::BAD_GATEWAY,
            "The server refused to connect",
            format!(
                "It says: {}. If it stays that way, tell the operator.",
                error.code
            ),
        )
        .links(&[CONNECT]),
        _ => Explained::new(
            StatusCode::BAD_GATEWAY,
            "Not what a Picard server says",
            "The answer could not be understood. The operator should check MCP_SERVER_URL and \
             that both services have the same version.",
        ),
    }
}

fn callback(error: &CallbackError) -> Explained {
    match error {
        CallbackError::State => Explained::new(
            StatusCode::BAD_REQUEST,
            "This answer belongs to another request",
            "You may have opened it a second time, taken longer than half an hour, or logged in \
             here anew meanwhile. If you did none of that, somebody may have sent you a link to \
             connect you with an account that is not yours. Nothing was connected.",
        )
        .links(&[("Back to the dashboard", "/dashboard")]),
        CallbackError::Issuer => Explained::new(
            StatusCode::BAD_REQUEST,
            "The answer came from another server",
            "It is not from the server that you were sent to, so it was not used. Nothing was \
             connected.",
        )
        .links(&[CONNECT]),
        CallbackError::Refused { error, .. } if error == ErrorCode::AccessDenied.as_str() => {
            denied()
        }
        CallbackError::Refused { error, description } => {
            let said = description.as_deref().unwrap_or(error);
            Explained::new(
                StatusCode::BAD_REQUEST,
                "The server refused to connect",
                format!("It says: “{said}”. Nothing was connected."),
            )
            .links(&[CONNECT])
        }
        CallbackError::Unreadable | CallbackError::Incomplete => Explained::new(
            StatusCode::BAD_REQUEST,
            "The answer is incomplete",
            "There is no code in it that could be read. Nothing was connected; start once more.",
        )
        .links(&[CONNECT]),
    }
}

fn denied() -> Explained {
    Explained::new(
        StatusCode::FORBIDDEN,
        "Access was not allowed",
        "You chose not to let this web client see your memories. Nothing was changed; you can \
         connect at any time.",
    )
    .links(&[CONNECT])
}

fn connection_lost() -> Explained {
    Explained::new(
        StatusCode::FORBIDDEN,
        "The connection has ended",
        "The Picard server no longer accepts it: perhaps you revoked it on your account page \
         there, changed your password, or did not use it for a long time. Your memories are \
         untouched. Connect again to go on.",
    )
    .links(&[CONNECT])
}

fn connection_unusable() -> Explained {
    Explained::new(
        StatusCode::FORBIDDEN,
        "The connection cannot be used",
        "Its tokens are gone, or were sealed with another SECRET_KEY. Your memories are \
         untouched. Connect again to go on.",
    )
    .links(&[CONNECT])
}

fn connected_elsewhere() -> Explained {
    Explained::new(
        StatusCode::FORBIDDEN,
        "Connected with another server",
        "This web client now works with another Picard server than the one that you connected \
         it with. What you allowed there is not sent here. Your memories there are untouched; \
         connect again to use this server.",
    )
    .links(&[CONNECT])
}

/// The step up: the page offers to ask for what is missing.
fn not_granted(missing: Scopes) -> Explained {
    let words: Vec<_> = missing.iter().map(Scope::in_words).collect();
    let explained = Explained::new(
        StatusCode::FORBIDDEN,
        "You have not allowed that",
        format!(
            "This needs your permission to: {}. When you connected, you allowed less. \
             Connect again to allow it.",
            words.join("; ").to_lowercase()
        ),
    );
    if missing.is_empty() {
        return explained.links(&[CONNECT]);
    }
    Explained {
        missing,
        ..explained
    }
}
