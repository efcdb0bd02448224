//! A person with a browser, and the application that they let in.
//!
//! Tokens come the way they come in life: an account made through the sign-up form,
//! a consent given on the consent page, a code exchanged with PKCE.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context as _, bail, ensure};
use picard_client::{Client, MemoryTokenStore, OAuth, Registration, Secret};
use picard_domain::{ClientId, Entropy, Scopes};
use reqwest::{RequestBuilder, redirect::Policy};
use url::Url;

use crate::{
    server::{ADMIN, Server},
    system::{SystemClock, SystemEntropy},
};

/// The tools, called in the name of one person.
pub(crate) type Connection = Client<MemoryTokenStore>;

/// A person whose application was let in.
pub(crate) struct Person {
    /// The tools, as an application of ours calls them.
    pub(crate) tools: Connection,
    /// The access token, for calls of any other kind.
    pub(crate) access: Secret,
}

const REDIRECT_URI: &str = "http://127.0.0.1/callback";

/// An application that was registered at the server by its administrator.
pub(crate) struct Application {
    registration: Registration,
}

impl Application {
    /// Registers an application with the server's own command.
    pub(crate) fn register(server: &Server) -> anyhow::Result<Self> {
        let client_id = ClientId::random(&SystemEntropy as &dyn Entropy).to_string();
        let secret: [u8; 16] = (&SystemEntropy as &dyn Entropy).bytes();
        let secret: String = secret.map(|byte| format!("{byte:02x}")).concat();
        let output = server
            .command()
            .args(["client", "register", "--name", "Picard load"])
            .env("ADMIN_USERNAME", ADMIN.0)
            .env("ADMIN_PASSWORD", ADMIN.1)
            .env("MCP_SERVER_URL", &server.url)
            .env("OAUTH_CLIENT_ID", &client_id)
            .env("OAUTH_CLIENT_SECRET", &secret)
            .env("OAUTH_REDIRECT_URI", REDIRECT_URI)
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "the application was not registered: {said}"
        );
        let client_secret = Some(Secret::new(secret));
        let redirect_uri = REDIRECT_URI.to_owned();
        Ok(Self {
            registration: Registration {
                client_id,
                client_secret,
                redirect_uri,
            },
        })
    }

    /// Makes an account for a person and lets this application in.
    pub(crate) async fn connect(&self, server: &Server, handle: &str) -> anyhow::Result<Person> {
        let mut browser = Browser::new(&server.url)?;
        browser.sign_up(handle).await?;

        let address = picard_client::Server::new(&server.url)?;
        let oauth = OAuth::new(address, self.registration.clone())?;
        let begun = oauth
            .authorize(Scopes::read_write(), &SystemEntropy)
            .await?;
        let callback = browser.consent(begun.url.as_str()).await?;
        let clock = Arc::new(SystemClock);
        let now = picard_domain::Clock::now(&*clock);
        let tokens = oauth.exchange(begun.pending, &callback, now).await?;
        let access = tokens.access.clone();
        let tools = Client::new(oauth, MemoryTokenStore::new(tokens), clock);
        Ok(Person { tools, access })
    }
}

/// Returns an HTTP client that follows no redirect and uses no proxy.
pub(crate) fn http() -> anyhow::Result<reqwest::Client> {
    // An error means that somebody else installed one, which will do as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .build()?)
}

/// A browser as far as forms go: cookies, hidden fields, redirects.
struct Browser {
    http: reqwest::Client,
    base: String,
    cookies: BTreeMap<String, String>,
}

struct Page {
    status: u16,
    location: String,
    body: String,
}

impl Browser {
    fn new(base: &str) -> anyhow::Result<Self> {
        Ok(Self {
            http: http()?,
            base: base.to_owned(),
            cookies: BTreeMap::new(),
        })
    }

    async fn sign_up(&mut self, handle: &str) -> anyhow::Result<()> {
        let signup = format!("{}/signup", self.base);
        let form = self.send(self.http.get(&signup)).await?;
        let csrf = form.hidden("csrf")?;
        let password = "a password for one measurement";
        let fields = [
            ("csrf", &*csrf),
            ("handle", handle),
            ("name", handle),
            ("password", password),
        ];
        let page = self.send(self.http.post(&signup).form(&fields)).await?;
        ensure!(
            page.status == 303,
            "signing up was answered with {}",
            page.status
        );
        Ok(())
    }

    /// Says yes on the consent page and returns the query with which the person is
    /// sent back to the application.
    async fn consent(&mut self, address: &str) -> anyhow::Result<String> {
        let question = self.send(self.http.get(address)).await?;
        let (csrf, ticket) = (question.hidden("csrf")?, question.hidden("ticket")?);
        let fields = [
            ("csrf", &*csrf),
            ("ticket", &*ticket),
            ("decision", "allow"),
        ];
        let answer = format!("{}/oauth/authorize", self.base);
        let page = self.send(self.http.post(answer).form(&fields)).await?;
        let back = Url::parse(&page.location)
            .with_context(|| format!("consent was answered with {}", page.status))?;
        Ok(back.query().unwrap_or_default().to_owned())
    }

    async fn send(&mut self, request: RequestBuilder) -> anyhow::Result<Page> {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = if cookies.is_empty() {
            request
        } else {
            request.header("cookie", cookies.join("; "))
        };
        let response = request.send().await?;
        for cookie in response.headers().get_all("set-cookie") {
            let pair = cookie.to_str()?.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let location = response
            .headers()
            .get("location")
            .and_then(|value| value.to_str().ok());
        let location = location.unwrap_or_default().to_owned();
        Ok(Page {
            status: response.status().as_u16(),
            location,
            body: response.text().await?,
        })
    }
}

impl Page {
    /// Returns the value of a hidden field. The values of interest are base64url, so
    /// nothing is escaped in them.
    fn hidden(&self, name: &str) -> anyhow::Result<String> {
        let marked = format!("name=\"{name}\"");
        let mut tags = self
            .body
            .split("<input")
            .skip(1)
            .filter_map(|rest| rest.split('>').next());
        let tag = tags.find(|tag| tag.contains(&marked));
        match tag.and_then(|tag| tag.split("value=\"").nth(1)?.split('"').next()) {
            Some(value) => Ok(value.to_owned()),
            None => bail!("a page (status {}) has no field {name}", self.status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_field_is_found_whatever_the_order_of_its_attributes() {
        let body = r#"<input name="q"><input type="hidden" value="a-b_c" name="csrf"><p>x</p>"#;
        let page = Page {
            status: 200,
            location: String::new(),
            body: body.to_owned(),
        };
        assert_eq!(page.hidden("csrf").expect("a field"), "a-b_c");
        assert!(page.hidden("ticket").is_err());
    }
}
