//! The browser that asks: its secret, its notice, what is set on it.
//!
//! [`pages`](crate::pages) makes it before a handler runs and sets what it owes
//! after, so that a handler only takes `Browser` as an argument.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use axum_extra::extract::cookie::CookieJar;
use picard_crypto::{constant_time_eq, random_url_token, sha256};
use picard_domain::Span;

use crate::{Cookies, ErrorPage, Notice, Shell, Site, assets::hex, cookies, see_other};

/// A notice that was never shown is forgotten after so long.
const NOTICE_LIFE: Span = Span::minutes(1);

/// The browser behind a request, as far as its cookies tell.
#[derive(Clone)]
pub struct Browser(Arc<Inner>);

struct Inner {
    site: Arc<Site>,
    path: String,
    user_agent: String,
    session: Option<String>,
    visitor: String,
    visitor_is_new: bool,
    notice: Option<String>,
    csrf_was_read: AtomicBool,
    notice_was_read: AtomicBool,
    person: OnceLock<String>,
}

impl Browser {
    pub(crate) fn of(site: Arc<Site>, parts: &Parts) -> Self {
        let jar = CookieJar::from_headers(&parts.headers);
        let known = cookies::read(&jar, &site.cookies.visitor).filter(|value| is_secret(value));
        let visitor_is_new = known.is_none();
        let visitor = known.unwrap_or_else(|| random_url_token(site.entropy.as_ref()));
        let user_agent = parts.headers.get(header::USER_AGENT);
        Self(Arc::new(Inner {
            path: parts.uri.path().to_owned(),
            user_agent: user_agent
                .and_then(|v| v.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
            session: cookies::read(&jar, &site.cookies.session),
            visitor,
            visitor_is_new,
            notice: cookies::read(&jar, &site.cookies.notice),
            csrf_was_read: AtomicBool::new(false),
            notice_was_read: AtomicBool::new(false),
            person: OnceLock::new(),
            site,
        }))
    }

    /// Returns the value of the session cookie, whether or not it is a live session.
    pub fn session(&self) -> Option<&str> {
        self.0.session.as_deref()
    }

    /// Returns what the browser calls itself, empty if it does not.
    pub fn user_agent(&self) -> &str {
        &self.0.user_agent
    }

    /// Returns the token for the forms on a page shown to this browser:
    /// SHA-256 of its session cookie, or of a visitor's secret which is then
    /// set. It changes when the session does, so at every login.
    pub fn csrf(&self) -> String {
        self.0.csrf_was_read.store(true, Relaxed);
        self.expected_csrf()
    }

    /// Tells, in constant time, whether a form carries the token of this browser.
    pub(crate) fn is_csrf(&self, token: &str) -> bool {
        constant_time_eq(self.expected_csrf().as_bytes(), token.as_bytes())
    }

    fn expected_csrf(&self) -> String {
        let secret = self.0.session.as_ref().unwrap_or(&self.0.visitor);
        hex(&sha256(format!("picard csrf{secret}").as_bytes()))
    }

    /// Remembers by which name the person who is logged in is shown. The
    /// extractor that finds them out calls this once, so that every page of
    /// this request has their frame, those of errors among them.
    pub fn recognise(&self, name: impl Into<String>) {
        // A second name for the same request would be the same person's.
        let _ = self.0.person.set(name.into());
    }

    /// The frame of a page for whoever is looking: the person recognised, or a
    /// visitor.
    pub fn shell(&self) -> Shell {
        Shell::new(self, self.0.person.get().cloned())
    }

    /// The frame of a page for a person, who is shown by this name.
    pub fn shell_for(&self, name: impl Into<String>) -> Shell {
        Shell::new(self, Some(name.into()))
    }

    /// Returns the notice that the last redirect left, and forgets it.
    /// [`Browser::shell`] calls this.
    pub(crate) fn take_notice(&self) -> Option<Notice> {
        let notice = self.0.site.notice(self.0.notice.as_deref()?)?;
        self.0.notice_was_read.store(true, Relaxed);
        Some(notice)
    }

    /// Starts a page that says what went wrong.
    pub fn error(&self, status: StatusCode, title: &str, sentence: &str) -> ErrorPage {
        ErrorPage::new(self.shell(), status, title, sentence)
    }

    /// The page for an address that leads nowhere: for a router's fallback.
    pub fn not_found(&self) -> ErrorPage {
        self.error(
            StatusCode::NOT_FOUND,
            "Page not found",
            "There is nothing at this address.",
        )
        .link("Go to the start page", "/")
    }

    /// Makes the cookie of a session that was just opened. The old session
    /// cookie is replaced and the visitor's secret removed, so that no form or
    /// token from before the login is valid after it.
    pub fn signed_in(&self, session: &str, lifetime: Span) -> Cookies {
        let names = &self.0.site.cookies;
        Cookies::default()
            .and(names.set(&names.session, session, Some(lifetime)))
            .and(names.remove(&names.visitor))
    }

    /// Removes the session cookie.
    pub fn signed_out(&self) -> Cookies {
        let names = &self.0.site.cookies;
        Cookies::default().and(names.remove(&names.session))
    }

    /// Leaves a notice for the next page, by its code in [`Site::notices`].
    pub fn leave_notice(&self, code: &'static str) -> Cookies {
        debug_assert!(
            self.0.site.notice(code).is_some(),
            "no notice is called {code}"
        );
        // The next page's response takes precedence over this one's own clean-up.
        self.0.notice_was_read.store(false, Relaxed);
        let names = &self.0.site.cookies;
        Cookies::default().and(names.set(&names.notice, code, Some(NOTICE_LIFE)))
    }

    /// Answers a POST: 303 to a local path, where the notice `code` is shown.
    pub fn redirect(&self, path: &str, code: &'static str) -> Response {
        (self.leave_notice(code), see_other(path)).into_response()
    }

    pub(crate) fn site(&self) -> &Site {
        &self.0.site
    }

    pub(crate) fn path(&self) -> &str {
        &self.0.path
    }

    /// What the response owes this browser: the secret of a token that it was
    /// shown, and the removal of a notice that it has seen.
    pub(crate) fn owed(&self) -> Cookies {
        let names = &self.0.site.cookies;
        let mut owed = Cookies::default();
        let shown = self.0.csrf_was_read.load(Relaxed);
        if shown && self.0.visitor_is_new && self.0.session.is_none() {
            owed = owed.and(names.set(&names.visitor, &self.0.visitor, None));
        }
        if self.0.notice_was_read.load(Relaxed) {
            owed = owed.and(names.remove(&names.notice));
        }
        owed
    }
}

/// Tells whether a visitor's secret has the form of one that we made.
fn is_secret(value: &str) -> bool {
    value.len() == 43
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

impl<S: Send + Sync> FromRequestParts<S> for Browser {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            let sentence = "this route is not wrapped in picard_ui::pages\n";
            (StatusCode::INTERNAL_SERVER_ERROR, sentence).into_response()
        })
    }
}
