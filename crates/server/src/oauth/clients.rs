//! `PUT /api/clients/{client_id}`: an administrator registers an application
//! (the reference's `register_oauth_client`; field names of RFC 7591).

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use picard_app::{ClientRegistration, InvalidRegistration};
use picard_domain::{ClientId, Scopes};
use picard_oauth::bearer::BASIC_CHALLENGE;
use serde::{Deserialize, Serialize};

use crate::{json::StrictJson, pages::person::From, problem::Problem, state::Server};

/// What is registered.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Registration {
    #[serde(default, skip_serializing)]
    client_secret: Option<String>,
    client_name: String,
    redirect_uris: Vec<String>,
    scope: Scopes,
}

pub(super) async fn register(
    State(server): State<Server>,
    Path(client_id): Path<String>,
    From(visit): From,
    headers: HeaderMap,
    StrictJson(body): StrictJson<Registration>,
) -> Result<Response, Response> {
    let id: ClientId = client_id
        .parse()
        .map_err(|_| Problem::field("client_id", "is not a UUID").into_response())?;
    let (handle, password) = basic(&headers).ok_or_else(unauthorized)?;
    let new = ClientRegistration {
        id,
        secret: body.client_secret.clone(),
        name: body.client_name.clone(),
        redirect_uris: body.redirect_uris.clone(),
        scopes: body.scope,
    };
    match server
        .app
        .register_client_as(&handle, &password, visit, new)
        .await
    {
        Ok(()) => Ok((StatusCode::OK, Json(body)).into_response()),
        Err(InvalidRegistration::NotAdmin) => Err(unauthorized()),
        Err(InvalidRegistration::Other(error)) => Err(Problem::from(error).into_response()),
        Err(error @ InvalidRegistration::RedirectUri { .. }) => {
            Err(Problem::field("redirect_uris", &error.to_string()).into_response())
        }
        Err(error @ InvalidRegistration::Field(_)) => {
            Err(Problem::new("invalid_request", error.to_string()).into_response())
        }
    }
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (handle, password) = plain.split_once(':')?;
    Some((handle.to_owned(), password.to_owned()))
}

fn unauthorized() -> Response {
    let detail = InvalidRegistration::NotAdmin.to_string();
    let mut response = Problem::new("unauthorized", detail).into_response();
    let challenge = HeaderValue::from_static(BASIC_CHALLENGE);
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}
