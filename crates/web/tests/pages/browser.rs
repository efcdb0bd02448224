//! A browser: keeps cookies, sends forms with their token, follows nothing.

use std::collections::BTreeMap;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{Request, StatusCode, header},
};
use picard_web::Web;
use tower::ServiceExt as _;
use url::form_urlencoded::Serializer;

pub struct Browser {
    router: Router,
    pub cookies: BTreeMap<String, String>,
    csrf: String,
    /// What a proxy at 10.0.0.1 says whom it was called by.
    pub forwarded_for: Option<&'static str>,
}

/// An answer.
#[derive(Debug)]
pub struct Page {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub body: String,
}

impl Page {
    /// Where it redirects to; empty when it does not.
    pub fn location(&self) -> &str {
        self.header("location")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("ASCII"))
    }

    #[track_caller]
    pub fn shows(&self, text: &str) {
        assert!(
            self.body.contains(text),
            "{text:?} is not in {}\n{}",
            self.status,
            self.body
        );
    }

    #[track_caller]
    pub fn hides(&self, text: &str) {
        assert!(!self.body.contains(text), "{text:?} is in\n{}", self.body);
    }

    /// The value of the first element with this name.
    pub fn value(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!(r#"name="{name}" value=""#))?;
        Some(rest.split_once('"')?.0)
    }

    /// The target of the first link with these words.
    pub fn link(&self, words: &str) -> Option<String> {
        let (before, _) = self.body.split_once(&format!(">{words}</a>"))?;
        let (_, href) = before.rsplit_once("href=\"")?;
        Some(href.split_once('"')?.0.replace("&#38;", "&"))
    }
}

impl Browser {
    pub fn new(web: &Web) -> Self {
        Self {
            router: web.router(),
            cookies: BTreeMap::new(),
            csrf: String::new(),
            forwarded_for: None,
        }
    }

    /// Keeps the cookies and goes to another service at the same address.
    pub fn moved_to(&mut self, web: &Web) {
        self.router = web.router();
    }

    pub async fn get(&mut self, path: &str) -> Page {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let page = self.send(request).await;
        if let Some(csrf) = page.value("csrf") {
            csrf.clone_into(&mut self.csrf);
        }
        page
    }

    /// Sends a form with the token of the page that was looked at last.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let csrf = [("csrf", self.csrf.as_str())];
        let body = Serializer::new(String::new())
            .extend_pairs(csrf)
            .extend_pairs(fields)
            .finish();
        self.post_raw(path, body).await
    }

    pub async fn post_raw(&mut self, path: &str, body: String) -> Page {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .expect("a request");
        self.send(request).await
    }

    async fn send(&mut self, mut request: Request<Body>) -> Page {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        if !cookies.is_empty() {
            let cookies = cookies.join("; ").parse().expect("a header");
            request.headers_mut().insert(header::COOKIE, cookies);
        }
        if let Some(caller) = self.forwarded_for {
            let headers = request.headers_mut();
            headers.insert("x-forwarded-for", caller.parse().expect("a header"));
            let proxy = std::net::SocketAddr::from(([10, 0, 0, 1], 4711));
            request.extensions_mut().insert(ConnectInfo(proxy));
        }
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("an answer");
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("ASCII");
            let (pair, attributes) = cookie.split_once(';').expect("attributes");
            let (name, value) = pair.split_once('=').expect("a pair");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let body = to_bytes(body, 8 << 20).await.expect("a body");
        let body = String::from_utf8(body.to_vec()).expect("UTF-8");
        Page {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }
}
