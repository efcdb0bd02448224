//! A service with one form, as a browser without redirects sees it.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use picard_domain::{Entropy, Span};
use picard_ui::{Browser, CsrfForm, Site, Tone, assets_router, pages};
use tower::ServiceExt;

struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

#[derive(serde::Deserialize)]
struct Note {
    text: String,
}

async fn form(browser: Browser) -> Response {
    browser.csrf().into_response()
}

async fn save(CsrfForm(note): CsrfForm<Note>) -> String {
    format!("saved {}", note.text)
}

async fn log_in(browser: Browser, CsrfForm(note): CsrfForm<Note>) -> Response {
    (
        browser.signed_in(&note.text, Span::days(30)),
        browser.redirect("/shown", "saved"),
    )
        .into_response()
}

async fn shown(browser: Browser) -> Response {
    browser
        .error(StatusCode::OK, "<b>Title</b>", "It's \"so\"")
        .into_response()
}

pub(crate) struct Service(Router);

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// `name=value` of the cookies that are set.
    pub(crate) fn cookies(&self) -> Vec<String> {
        let set = self.headers.get_all(header::SET_COOKIE);
        set.iter()
            .map(|v| v.to_str().expect("cookies are ASCII").to_owned())
            .collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |v| v.to_str().expect("headers are ASCII"))
    }
}

impl Service {
    pub(crate) fn at(public_url: &str) -> Self {
        let site = Site::new(
            "Picard",
            public_url,
            "test",
            Arc::new(Counting(AtomicU8::new(1))),
        )
        .notices(&[("saved", Tone::Success, "It was saved.")])
        .opened_as_popup(&["/form"]);
        let router = Router::new()
            .route("/form", get(form).post(save))
            .route("/login", axum::routing::post(log_in))
            .route("/shown", get(shown))
            .fallback(|browser: Browser| async move { browser.not_found() });
        Self(pages(router, Arc::new(site)).merge(assets_router()))
    }

    pub(crate) async fn send(&self, request: Request) -> Answer {
        let response = self
            .0
            .clone()
            .oneshot(request)
            .await
            .expect("axum never fails");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body in memory");
        let body = String::from_utf8(body.to_vec()).expect("UTF-8");
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub(crate) async fn get(&self, path: &str, cookie: &str) -> Answer {
        let request = Request::get(path)
            .header(header::COOKIE, cookie)
            .body(Body::empty());
        self.send(request.expect("a request")).await
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        cookie: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::post(path).header(header::COOKIE, cookie);
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).expect("a request"))
            .await
    }

    /// A visitor who has opened the form: their cookie and their token.
    pub(crate) async fn visitor(&self) -> (String, String) {
        let page = self.get("/form", "").await;
        let cookie = page.cookies()[0]
            .split(';')
            .next()
            .expect("a cookie")
            .to_owned();
        (cookie, page.body)
    }
}
