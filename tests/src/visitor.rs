//! A person with a browser, as far as HTTP goes: cookies, forms, redirects
//! that are looked at before they are followed.

use std::{collections::BTreeMap, sync::LazyLock};

use reqwest::{Client, Method, RequestBuilder, header::HeaderMap, redirect::Policy};

/// A browser without pictures. Cookies are kept; redirects are not followed.
#[derive(Clone)]
pub struct Visitor {
    http: Client,
    /// The site that paths are relative to, without a trailing slash.
    pub base: String,
    /// The cookies by name.
    pub cookies: BTreeMap<String, String>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Page {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as text.
    pub body: String,
}

/// Returns an HTTP client that follows no redirect. It keeps no connections
/// open, so that one client serves the runtimes of all tests, and a server
/// that was restarted is not met on a dead connection.
pub fn http() -> Client {
    static CLIENT: LazyLock<Client> = LazyLock::new(|| {
        // An error means that somebody else installed one, which will do as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(0);
        client.build().expect("the client has only plain settings")
    });
    CLIENT.clone()
}

impl Page {
    /// Returns a header as text, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Returns where a redirect leads.
    pub fn location(&self) -> &str {
        assert!(
            (300..400).contains(&self.status),
            "no redirect but {}: {}",
            self.status,
            self.body
        );
        self.header("location")
    }

    /// Returns the value of the first input of that name, unescaped.
    pub fn input(&self, name: &str) -> Option<String> {
        let marked = format!("name=\"{name}\"");
        self.body
            .split("<input")
            .skip(1)
            .filter_map(|rest| rest.split('>').next())
            .find(|tag| tag.contains(&marked))
            .and_then(|tag| tag.split("value=\"").nth(1))
            .and_then(|rest| rest.split('"').next())
            .map(unescape)
    }

    /// Returns the form's token against forged requests.
    pub fn csrf(&self) -> String {
        self.input("csrf")
            .unwrap_or_else(|| panic!("no csrf field in {}", self.body))
    }
}

fn unescape(text: &str) -> String {
    [
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&#60;", "<"),
        ("&gt;", ">"),
        ("&#62;", ">"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

impl Visitor {
    /// Opens a fresh browser at a site.
    pub fn new(base: impl Into<String>) -> Self {
        Self {
            http: http(),
            base: base.into(),
            cookies: BTreeMap::new(),
        }
    }

    /// Gets a page by path or full address.
    pub async fn get(&mut self, address: &str) -> Page {
        let request = self.request(Method::GET, address);
        self.send(request).await
    }

    /// Posts a form without looking for a token first.
    pub async fn post(&mut self, address: &str, fields: &[(&str, &str)]) -> Page {
        let request = self.request(Method::POST, address).form(fields);
        self.send(request).await
    }

    /// Gets the page at `from`, then posts its form with the token that it holds.
    pub async fn fill(&mut self, from: &str, action: &str, fields: &[(&str, &str)]) -> Page {
        let csrf = self.get(from).await.csrf();
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend_from_slice(fields);
        self.post(action, &all).await
    }

    /// Follows redirects within the site until a page comes, ten at most.
    pub async fn follow(&mut self, mut page: Page) -> Page {
        for _ in 0..10 {
            if !(300..400).contains(&page.status) {
                return page;
            }
            let next = page.location().to_owned();
            page = self.get(&next).await;
        }
        panic!("too many redirects");
    }

    /// Starts a request with the cookies.
    pub fn request(&self, method: Method, address: &str) -> RequestBuilder {
        let url = if address.starts_with('/') {
            format!("{}{address}", self.base)
        } else {
            address.to_owned()
        };
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = self.http.request(method, url);
        if pairs.is_empty() {
            request
        } else {
            request.header("cookie", pairs.join("; "))
        }
    }

    /// Sends a request and keeps the cookies that come back.
    pub async fn send(&mut self, request: RequestBuilder) -> Page {
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for cookie in headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("cookies are ASCII");
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').expect("a cookie has a name");
            if value.is_empty() || attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let body = response.bytes().await.expect("the answer ends");
        Page {
            status,
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// Signs up at the server and stays logged in.
    pub async fn sign_up(&mut self, handle: &str, password: &str) {
        let fields = [("handle", handle), ("name", handle), ("password", password)];
        let page = self.fill("/signup", "/signup", &fields).await;
        assert_eq!(page.status, 303, "{}", page.body);
    }

    /// Logs in at the server.
    pub async fn log_in(&mut self, handle: &str, password: &str) -> Page {
        self.fill(
            "/login",
            "/login",
            &[("handle", handle), ("password", password)],
        )
        .await
    }
}
