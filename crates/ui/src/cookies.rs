//! The three cookies of a service, and how they are set.
//!
//! `…_session` is who is logged in, `…_visitor` the secret that a browser
//! without a session gets with its first form, `…_notice` the code of a notice
//! to show once. All are `HttpOnly`, `SameSite=Lax`, for the whole host; over
//! TLS also `Secure` and `__Host-`, so that no sibling domain can set them.

use std::convert::Infallible;

use axum::{
    http::{HeaderMap, HeaderValue, header::SET_COOKIE},
    response::{IntoResponseParts, ResponseParts},
};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use picard_domain::Span;

pub(crate) struct CookieNames {
    pub(crate) session: String,
    pub(crate) visitor: String,
    pub(crate) notice: String,
    secure: bool,
}

impl CookieNames {
    pub(crate) fn new(prefix: &str, secure: bool) -> Self {
        let host = if secure { "__Host-" } else { "" };
        let name = |what| format!("{host}{prefix}_{what}");
        Self {
            session: name("session"),
            visitor: name("visitor"),
            notice: name("notice"),
            secure,
        }
    }

    pub(crate) fn set(&self, name: &str, value: &str, lifetime: Option<Span>) -> HeaderValue {
        let age = lifetime.map(|span| format!("; Max-Age={}", span.as_seconds()));
        let mut cookie = Cookie::build((name.to_owned(), value.to_owned()))
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .build();
        if self.secure {
            cookie.set_secure(true);
        }
        let text = format!("{}{}", cookie.encoded(), age.unwrap_or_default());
        HeaderValue::try_from(text).expect("an encoded cookie is ASCII")
    }

    pub(crate) fn remove(&self, name: &str) -> HeaderValue {
        self.set(name, "", Some(Span::seconds(0)))
    }
}

/// Reads one cookie; an empty one counts as absent.
pub(crate) fn read(jar: &CookieJar, name: &str) -> Option<String> {
    jar.get(name)
        .map(|cookie| cookie.value().to_owned())
        .filter(|value| !value.is_empty())
}

/// Cookies to set with a response: put it in front of the response in a tuple.
#[derive(Debug, Default)]
#[must_use = "cookies are set only by a response that carries them"]
pub struct Cookies(Vec<HeaderValue>);

impl Cookies {
    pub(crate) fn and(mut self, cookie: HeaderValue) -> Self {
        self.0.push(cookie);
        self
    }

    pub(crate) fn append_to(self, headers: &mut HeaderMap) {
        for cookie in self.0 {
            headers.append(SET_COOKIE, cookie);
        }
    }
}

impl IntoResponseParts for Cookies {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        self.append_to(parts.headers_mut());
        Ok(parts)
    }
}
