//! A peer written for the tests from the specification alone: it sends what it
//! is told, and reads what comes.

use picard_tests::{
    application::{Application, Tokens},
    server::TestServer,
    visitor::{Page, http},
};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

/// The newest version.
pub(crate) const MODERN: &str = "2026-07-28";

/// The versions with a handshake.
pub(crate) const LEGACY: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// A peer that holds somebody's token.
pub(crate) struct Peer {
    pub(crate) http: Client,
    pub(crate) base: String,
    pub(crate) tokens: Tokens,
}

impl Peer {
    /// A peer of a fresh person, with a token for reading and writing.
    pub(crate) async fn of(server: &TestServer, handle: &str) -> Self {
        Self::with_scope(server, handle, "memories:read memories:write").await
    }

    /// A peer of a fresh person whose token has these scopes.
    pub(crate) async fn with_scope(server: &TestServer, handle: &str, scope: &str) -> Self {
        let application = server.application().await;
        let application = Application {
            scope: scope.to_owned(),
            ..application
        };
        let mut person = server.person(handle).await;
        Self {
            http: http(),
            base: server.base.clone(),
            tokens: application.connect(&mut person).await,
        }
    }

    /// The same peer at another server on the same database.
    pub(crate) fn at(self, server: &TestServer) -> Self {
        Self {
            base: server.base.clone(),
            ..self
        }
    }

    /// A request with nothing but the token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.stranger(method, path).bearer_auth(&self.tokens.access)
    }

    /// A request without a token.
    pub(crate) fn stranger(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// A POST as every client sends it, with this body.
    pub(crate) fn post(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.request(Method::POST, "/mcp")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(body)
    }

    /// A request of the newer era.
    pub(crate) fn modern(&self, method: &str, params: Value) -> RequestBuilder {
        let request = self
            .post(modern_body(method, params.clone()))
            .header("mcp-protocol-version", MODERN)
            .header("mcp-method", method);
        let name = params.get("name").or(params.get("uri"));
        match name.and_then(Value::as_str) {
            Some(name) => request.header("mcp-name", name),
            None => request,
        }
    }

    /// A request of the older era, after its handshake.
    pub(crate) fn legacy(&self, version: &str, method: &str, params: Value) -> RequestBuilder {
        self.post(body(method, params))
            .header("mcp-protocol-version", version)
    }

    /// Calls a tool and returns the result.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        let params = json!({"name": tool, "arguments": arguments});
        let answer = read(self.modern("tools/call", params)).await;
        assert_eq!(answer.status, 200, "{tool}: {}", answer.body);
        json_of(&answer)["result"].clone()
    }
}

/// A JSON-RPC request.
pub(crate) fn body(method: &str, params: Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
}

/// A JSON-RPC request that says what the newer era wants to know.
pub(crate) fn modern_body(method: &str, mut params: Value) -> String {
    params["_meta"] = meta(MODERN);
    body(method, params)
}

/// What the newer era wants to know with each request.
pub(crate) fn meta(version: &str) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
    })
}

/// Sends a request and reads the whole answer.
pub(crate) async fn read(request: RequestBuilder) -> Page {
    let response = request.send().await.expect("the server answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.text().await.expect("the answer ends");
    Page {
        status,
        headers,
        body,
    }
}

/// The JSON of an answer.
pub(crate) fn json_of(answer: &Page) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("no JSON: {}", answer.body))
}

/// An answer in short: its status, and the code of JSON-RPC or of a problem document.
pub(crate) fn in_short(answer: &Page) -> String {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let code = match (&body["error"]["code"], &body["code"]) {
        (Value::Number(code), _) => code.to_string(),
        (_, Value::String(code)) => code.clone(),
        _ if body["result"]["isError"] == true => "isError".to_owned(),
        _ => return answer.status.to_string(),
    };
    format!("{} {code}", answer.status)
}
