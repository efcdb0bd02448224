//! An OAuth client written for the tests from the RFCs alone, so that the
//! server is not checked against its own code.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::visitor::{Page, Visitor, http};

/// An application that asks for access.
#[derive(Debug, Clone)]
pub struct Application {
    /// Its id at the server.
    pub client_id: String,
    /// Its secret, unless it is a public client.
    pub secret: Option<String>,
    /// Where people are sent back to.
    pub redirect_uri: String,
    /// What it asks for.
    pub scope: String,
}

/// What an application was given.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// For calls.
    pub access: String,
    /// For the next tokens.
    pub refresh: String,
    /// The whole answer.
    pub response: Value,
}

/// The verifier that the tests use (any 43 to 128 unreserved characters).
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// The state that the tests send: characters that an encoding could lose.
pub const STATE: &str = "s t&a=te%20/+";

/// Derives the S256 challenge (RFC 7636 section 4.2).
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

impl Application {
    /// The parameters of a correct authorization request.
    pub fn request(&self) -> Vec<(&'static str, String)> {
        vec![
            ("response_type", "code".into()),
            ("client_id", self.client_id.clone()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("scope", self.scope.clone()),
            ("state", STATE.into()),
            ("code_challenge", challenge(VERIFIER)),
            ("code_challenge_method", "S256".into()),
        ]
    }

    /// Writes parameters as the address of an authorization request.
    pub fn address(parameters: &[(&'static str, String)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        format!("/oauth/authorize?{}", query.finish())
    }

    /// Lets a person who is logged in consent; returns the address they are sent to.
    pub async fn consent(&self, person: &mut Visitor) -> Url {
        let address = Self::address(&self.request());
        let page = person.get(&address).await;
        let answer = Self::decide(person, &page, "allow").await;
        Url::parse(answer.location()).expect("a redirect to the application")
    }

    /// Answers a consent page.
    pub async fn decide(person: &mut Visitor, page: &Page, decision: &str) -> Page {
        assert_eq!(
            page.status,
            200,
            "no consent page: {} {}",
            page.header("location"),
            page.body
        );
        let ticket = page.input("ticket").expect("a consent page has a ticket");
        let fields = [
            ("csrf", &*page.csrf()),
            ("ticket", &*ticket),
            ("decision", decision),
        ];
        person.post("/oauth/authorize", &fields).await
    }

    /// The parameters of a correct exchange of a code.
    pub fn exchange(&self, code: &str) -> Vec<(&'static str, String)> {
        let mut form = vec![
            ("grant_type", "authorization_code".into()),
            ("code", code.to_owned()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("code_verifier", VERIFIER.into()),
        ];
        form.extend(self.credentials());
        form
    }

    /// The parameters of a correct refresh.
    pub fn refresh(&self, token: &str) -> Vec<(&'static str, String)> {
        let mut form = vec![
            ("grant_type", "refresh_token".into()),
            ("refresh_token", token.to_owned()),
        ];
        form.extend(self.credentials());
        form
    }

    /// How the application says who it is (`client_secret_post`, or `none`).
    pub fn credentials(&self) -> Vec<(&'static str, String)> {
        let id = ("client_id", self.client_id.clone());
        let secret = self.secret.clone().map(|secret| ("client_secret", secret));
        [Some(id), secret].into_iter().flatten().collect()
    }

    /// Goes the whole way: request, consent, code, tokens.
    pub async fn connect(&self, person: &mut Visitor) -> Tokens {
        let back = self.consent(person).await;
        let code = parameter(&back, "code").expect("a code");
        let page = post_form(
            &format!("{}/oauth/token", person.base),
            &self.exchange(&code),
        )
        .await;
        Tokens::from_page(&page)
    }
}

impl Tokens {
    /// Reads a successful answer of the token endpoint.
    pub fn from_page(page: &Page) -> Self {
        assert_eq!(page.status, 200, "{}", page.body);
        let response: Value = serde_json::from_str(&page.body).expect("JSON");
        let token = |name: &str| response[name].as_str().expect("a token").to_owned();
        Self {
            access: token("access_token"),
            refresh: token("refresh_token"),
            response,
        }
    }
}

/// Does what a person does at the address of an authorization request: logs in
/// when asked to, and allows. Returns where the browser is sent then.
pub async fn allow(person: &mut Visitor, address: &str, handle: &str, password: &str) -> Url {
    let mut page = person.get(address).await;
    page = person.follow(page).await;
    if let Some(next) = page.input("next") {
        let csrf = page.csrf();
        let fields = [
            ("csrf", &*csrf),
            ("next", &*next),
            ("handle", handle),
            ("password", password),
        ];
        page = person.post("/login", &fields).await;
        page = person.follow(page).await;
    }
    let answer = Application::decide(person, &page, "allow").await;
    Url::parse(answer.location()).expect("a redirect to the application")
}

/// Returns a query parameter of an address.
pub fn parameter(address: &Url, name: &str) -> Option<String> {
    let mut pairs = address.query_pairs();
    pairs
        .find(|(found, _)| found == name)
        .map(|(_, value)| value.into_owned())
}

/// Posts a form without cookies, as an application does.
pub async fn post_form(url: &str, form: &[(&'static str, String)]) -> Page {
    Visitor::new("").send(http().post(url).form(form)).await
}

/// Calls a tool; returns status and JSON.
pub async fn call(base: &str, token: &str, tool: &str, data: Value) -> (u16, Value) {
    let body = json!({"tool": tool, "data": data});
    let request = http()
        .post(format!("{base}/api/tools"))
        .bearer_auth(token)
        .json(&body);
    let page = Visitor::new("").send(request).await;
    let value = serde_json::from_str(&page.body)
        .unwrap_or_else(|_| panic!("{tool}: {} {}", page.status, page.body));
    (page.status, value)
}

/// Calls a tool over MCP; gives the result of the call.
pub async fn call_over_mcp(base: &str, token: &str, tool: &str, arguments: Value) -> Value {
    let params = json!({
        "name": tool,
        "arguments": arguments,
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
        },
    });
    let request = http()
        .post(format!("{base}/mcp"))
        .bearer_auth(token)
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", tool)
        .json(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}));
    let answer = Visitor::new("").send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut answer: Value = serde_json::from_str(&answer.body).expect("JSON");
    answer["result"].take()
}
