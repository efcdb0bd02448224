//! Forms: the one way in for every POST of a page.

use axum::{
    Form,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::Browser;

/// How many bytes a form may have unless its handler says otherwise. A memory
/// of 64 KiB, percent-encoded, takes three times that.
pub const FORM_LIMIT: usize = 256 * 1024;

/// A form whose hidden field `csrf` is the token of the browser that sent it.
///
/// Extracting it is the check, so no handler can forget it. `T` takes the
/// other fields; it must not refuse unknown ones. `LIMIT` is in bytes.
/// What is wrong is answered by a page: 403 for a token that is absent or not
/// this browser's, 413 too large, 415 not a form, 400 not UTF-8 or a field
/// missing. The route must be wrapped in [`pages`](crate::pages).
#[derive(Debug)]
pub struct CsrfForm<T, const LIMIT: usize = FORM_LIMIT>(pub T);

enum Refusal {
    NotAForm,
    TooLarge,
    Broken,
    NotUtf8,
    Incomplete,
    WrongToken,
}

impl<S, T, const LIMIT: usize> FromRequest<S> for CsrfForm<T, LIMIT>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let browser = Browser::from_request_parts(&mut parts, state).await?;
        let request = Request::from_parts(parts, body);
        read::<S, T, LIMIT>(&browser, request, state)
            .await
            .map(Self)
            .map_err(|refusal| refusal.page(&browser))
    }
}

async fn read<S: Send + Sync, T: DeserializeOwned, const LIMIT: usize>(
    browser: &Browser,
    mut request: Request,
    state: &S,
) -> Result<T, Refusal> {
    if !is_form(request.headers()) {
        return Err(Refusal::NotAForm);
    }
    DefaultBodyLimit::max(LIMIT).apply(&mut request);
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts.clone(), body);
    let body = Bytes::from_request(request, state)
        .await
        .map_err(|rejection| match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge,
            _ => Refusal::Broken,
        })?;
    let mut tokens = form_urlencoded::parse(&body).filter(|(name, _)| name == "csrf");
    match (tokens.next(), tokens.next()) {
        (Some((_, token)), None) if browser.is_csrf(&token) => {}
        _ => return Err(Refusal::WrongToken),
    }
    if !is_utf8(&body) {
        return Err(Refusal::NotUtf8);
    }
    let request = Request::from_parts(parts, Body::from(body));
    let Form(form) = Form::from_request(request, state)
        .await
        .map_err(|_| Refusal::Incomplete)?;
    Ok(form)
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Tells whether the decoded fields are UTF-8. The usual decoders put U+FFFD
/// in place of what is not, which would change a text silently. The bytes that
/// separate fields are ASCII, so the whole body can be checked at once.
fn is_utf8(body: &[u8]) -> bool {
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(body.len());
    let mut rest = body.iter();
    while let Some(&byte) = rest.next() {
        let mut ahead = rest.clone();
        match (byte, hex(ahead.next()), hex(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                rest = ahead;
            }
            _ => decoded.push(byte),
        }
    }
    std::str::from_utf8(&decoded).is_ok()
}

impl Refusal {
    fn page(self, browser: &Browser) -> Response {
        let (status, title, sentence) = match self {
            Self::NotAForm => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "That is not a form",
                "This address takes what a form on one of our pages sends, and nothing else.",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "That is too much at once",
                "The form is larger than this page accepts. Nothing was saved; go back and shorten it.",
            ),
            Self::Broken => (
                StatusCode::BAD_REQUEST,
                "The form did not arrive whole",
                "The connection broke off. Nothing was saved; go back and send it again.",
            ),
            Self::NotUtf8 => (
                StatusCode::BAD_REQUEST,
                "That text cannot be read",
                "The form is not encoded as UTF-8. Nothing was saved.",
            ),
            Self::Incomplete => (
                StatusCode::BAD_REQUEST,
                "The form is incomplete",
                "A field is missing or was filled in twice. Nothing was saved; go back and try again.",
            ),
            Self::WrongToken => (
                StatusCode::FORBIDDEN,
                "This form is no longer valid",
                "You logged in or out since the page was opened, or your browser refuses cookies. \
                 Nothing was changed; go back, reload the page and try again.",
            ),
        };
        browser
            .error(status, title, sentence)
            .link("Go to the start page", "/")
            .into_response()
    }
}
