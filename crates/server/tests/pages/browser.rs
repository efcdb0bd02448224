//! A browser at a server in this process: cookies and forms, no redirects.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, header},
};
use picard_app::{App, NewMemory, Settings, Write};
use picard_crypto::Keyring;
use picard_domain::{MemoryText, Permission, Plaintext};
use picard_server::{Config, Server};
use picard_testkit::{FakeClock, HashEmbedder, SeededEntropy};
use tempfile::TempDir;
use tower::ServiceExt;

pub(crate) const PASSWORD: &str = "tea, earl grey, hot";
pub(crate) const PUBLIC_URL: &str = "http://localhost:8001";

/// A server and its folder, which goes when the test ends.
pub(crate) struct Service {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<FakeClock>,
    router: Router,
    _dir: TempDir,
}

/// An answer.
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Cookies, and where to send them.
#[derive(Clone)]
pub(crate) struct Browser {
    router: Router,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::start_at(PUBLIC_URL).await
    }

    /// A server that believes to be at this address.
    pub(crate) async fn start_at(public_url: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::new(FakeClock::default());
        let entropy = Arc::new(SeededEntropy::new(47));
        let settings = Settings {
            database: format!("sqlite:{}", dir.path().join("picard.db").display()).into(),
            keyring: Keyring::generate(&*entropy),
            embedder: Arc::new(HashEmbedder::default()),
            clock: clock.clone(),
            entropy,
            partition_bytes: 1024 * 1024,
        };
        let app = Arc::new(App::open(settings).await.expect("the server opens"));
        let web_url = Some("http://localhost:8000".to_owned());
        let config = Config {
            web_url,
            ..Config::new(public_url)
        };
        Self {
            router: picard_server::router(Server::new(app.clone(), config)),
            app,
            clock,
            _dir: dir,
        }
    }

    /// Stores a memory in somebody's name.
    pub(crate) async fn remember(&self, handle: &str, text: &str, permission: Permission) {
        let owner = self.app.owner_of(&handle.parse().expect("a handle")).await;
        let owner = owner.expect("there").authorize::<Write>().expect("allowed");
        let new = NewMemory {
            text: MemoryText::new(Plaintext::new(text.to_owned())).expect("a text"),
            permission,
            expiration_date: None,
        };
        self.app.remember(&owner, new).await.expect("stored");
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser {
            router: self.router.clone(),
            cookies: BTreeMap::new(),
        }
    }

    /// A browser in which somebody has just signed up.
    pub(crate) async fn member(&self, handle: &str) -> Browser {
        let mut browser = self.browser();
        let fields = [("handle", handle), ("name", handle), ("password", PASSWORD)];
        let page = browser.fill("/signup", "/signup", &fields).await;
        assert_eq!(page.status, 303, "{}", page.body);
        browser
    }
}

impl Browser {
    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.send(
            self.request("GET", path)
                .body(Body::empty())
                .expect("a request"),
        )
        .await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let form = form.extend_pairs(fields).finish();
        let kind = "application/x-www-form-urlencoded";
        let request = self
            .request("POST", path)
            .header(header::CONTENT_TYPE, kind);
        self.send(request.body(form.into()).expect("a request"))
            .await
    }

    /// Opens the page at `from` and posts a form of it with its token.
    pub(crate) async fn fill(&mut self, from: &str, action: &str, fields: &[(&str, &str)]) -> Page {
        let csrf = self.get(from).await.csrf();
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        self.post(action, &all).await
    }

    pub(crate) async fn log_in(&mut self, handle: &str, password: &str) -> Page {
        self.fill(
            "/login",
            "/login",
            &[("handle", handle), ("password", password)],
        )
        .await
    }

    fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        Request::builder()
            .method(method)
            .uri(path)
            .header(header::COOKIE, cookies.join("; "))
    }

    async fn send(&mut self, request: Request<Body>) -> Page {
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("axum never fails");
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().expect("cookies are ASCII");
            let (pair, flags) = cookie.split_once(';').expect("cookies have flags");
            assert!(
                flags.contains("HttpOnly") && flags.contains("SameSite=Lax"),
                "{cookie}"
            );
            let (name, value) = pair.split_once('=').expect("cookies have names");
            match value {
                "" => self.cookies.remove(name),
                _ => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let body = to_bytes(body, usize::MAX).await.expect("a body in memory");
        let body = String::from_utf8(body.to_vec()).expect("UTF-8");
        Page {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }
}

impl Page {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("headers are ASCII"))
    }

    pub(crate) fn csrf(&self) -> String {
        let mark = "name=\"csrf\" value=\"";
        let (_, rest) = self
            .body
            .split_once(mark)
            .unwrap_or_else(|| panic!("no token in {}", self.body));
        rest.split('"').next().expect("the value ends").to_owned()
    }

    /// What stands between two marks, for each time that it does.
    pub(crate) fn between(&self, from: &str, to: &str) -> Vec<String> {
        let parts = self.body.split(from).skip(1);
        parts
            .map(|part| part.split(to).next().unwrap_or_default().to_owned())
            .collect()
    }
}
