//! What an administrator of a server does: registering applications.

use picard_domain::{ClientId, Scopes};
use reqwest::StatusCode;
use serde::Serialize;

use crate::{
    Error, Limits, Server,
    http::{Http, Repeat},
    tools::refusal,
};

/// An administrator's handle and password.
pub struct Administrator<'a> {
    /// The handle.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
}

/// An application to make known to a server (field names of RFC 7591).
#[derive(Serialize)]
pub struct Registration {
    /// Its id, chosen by whoever registers it.
    #[serde(skip)]
    pub client_id: ClientId,
    /// Its secret, 32 characters at least.
    pub client_secret: String,
    /// What people see when they are asked for consent.
    pub client_name: String,
    /// Where they may be sent back to.
    pub redirect_uris: Vec<String>,
    /// The most that it may ask for.
    pub scope: Scopes,
}

/// Why an application was not registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Handle or password is wrong, or the account is no administrator's.
    #[error("the server does not know such an administrator")]
    NotAdministrator,
    /// Everything that is not about who asks.
    #[error(transparent)]
    Other(#[from] Error),
}

/// Registers an application, or changes the one of the same id.
pub async fn register(
    server: &Server,
    administrator: Administrator<'_>,
    registration: &Registration,
) -> Result<(), RegisterError> {
    let http = Http::new(server, Limits::default())?;
    let url = format!(
        "{}/api/clients/{}",
        server.internal(),
        registration.client_id
    );
    let send = |http: &Http| {
        http.put(&url)
            .basic_auth(administrator.username, Some(administrator.password))
            .json(registration)
    };
    let answer = http.send(Repeat::Never, send).await?;
    match answer.status {
        status if status.is_success() => Ok(()),
        StatusCode::UNAUTHORIZED => Err(RegisterError::NotAdministrator),
        _ => Err(refusal(&answer).into()),
    }
}
